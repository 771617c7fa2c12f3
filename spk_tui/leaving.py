"""Leaving when the terminal or the system says so: the terminal is put back, and the training is left running.

Textual restores the terminal when it is left in order, but doesn't hear SIGTERM, SIGHUP or a terminal that is simply
gone. Should an orderly way out hang (a terminal that takes no output), the process ends all the same.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from typing import Any

SECONDS_TO_LEAVE = 3.0
RESTORE = (
    b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[0m"
    b"\x1b[23;2t"
)
"""Main screen, cursor, no mouse, no focus or paste reports, plain keys, plain text, the title that was kept."""


class TerminalSettings:
    """The terminal's settings as they were before the dashboard began."""

    def __init__(self) -> None:
        self._descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
        self._before: list[Any] | None = None
        try:
            self._before = termios.tcgetattr(self._descriptor)
        except (termios.error, OSError, ValueError):
            pass  # no terminal: nothing to put back

    def restore(self) -> None:
        """Puts them back as well as a terminal that may be gone allows."""
        if self._before is None:
            return
        try:
            os.set_blocking(2, False)
            os.write(2, RESTORE)
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)
        except (termios.error, OSError):
            pass

    @property
    def is_gone(self) -> bool:
        """Whether the terminal was closed without anyone saying so."""
        if self._before is None:
            return False
        watched = select.poll()
        watched.register(self._descriptor, 0)  # hang-up and errors are always reported
        return any(what & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, what in watched.poll(0))


def leave_on_signals(leave: Callable[[], object], settings: TerminalSettings) -> None:
    """Calls `leave` on SIGTERM and SIGHUP; the process ends a few seconds later even if that hangs."""
    loop = asyncio.get_running_loop()

    def heard() -> None:
        end_anyway(settings)
        leave()

    for number in (signal.SIGTERM, signal.SIGHUP):
        try:
            loop.add_signal_handler(number, heard)
        except (ValueError, RuntimeError, NotImplementedError):
            return  # not the main thread, as in a test: whoever embeds us has the signals


def end_anyway(settings: TerminalSettings) -> None:
    """Ends the process after a while, orderly or not."""

    def end() -> None:
        settings.restore()
        os._exit(0)

    timer = threading.Timer(SECONDS_TO_LEAVE, end)
    timer.daemon = True
    timer.start()
