"""A dashboard in a pseudo-terminal as benchmarks watch it: keys go in, and what is drawn is searched as it comes out.

Nothing is emulated, for an emulator in Python would take more of the machine than the dashboard does.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import psutil

COLUMNS, ROWS = 120, 40
RUNS, ENTER = b"\x1bOR", b"\r"
PAINTED, LISTED, SHOWN = b"transformer-154k", rb"in progress", rb"step/s"
"""A preset's name; the first line of the runs screen; the step rate on the training screen."""
PATIENCE = 60.0


class Screen:
    """The dashboard over a folder of runs, from its start on. With `follow` it goes to the first run in the list."""

    def __init__(self, runs: Path, *, follow: bool = True) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.drawn = bytearray()
        self._news = threading.Condition()
        self._over = False
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "spk_tui"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "SPK_TUI_RUNS": str(runs), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self.process = psutil.Process(self._process.pid)
        self.first_paint = self.wait_for(PAINTED, 0) - began
        self.seconds_to_open = 0.0
        if follow:
            self._follow()

    def _follow(self) -> None:
        time.sleep(2)  # the list of presets is counted
        self.press(RUNS, LISTED)
        time.sleep(2)
        self.seconds_to_open = self.press(ENTER, SHOWN)

    def press(self, key: bytes, shown: bytes) -> float:
        """Presses a key; returns the seconds until something that matches is drawn."""
        before, began = len(self.drawn), time.perf_counter()
        os.write(self._master, key)
        return self.wait_for(shown, before) - began

    def wait_for(self, shown: bytes, since: int) -> float:
        """The moment at which something that matches is there, among what was drawn after so many bytes."""
        pattern = re.compile(shown)
        with self._news:
            if not self._news.wait_for(lambda: pattern.search(self.drawn, since), PATIENCE):
                raise RuntimeError(f"the dashboard didn't show {shown!r}")
        return time.perf_counter()

    def close(self) -> None:
        """Kills it, as closing a terminal's window may."""
        self._process.kill()
        self._process.wait()
        self._over = True
        self._reading.join()
        os.close(self._master)

    def _read(self) -> None:
        while not self._over:
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # nobody holds the other end any more
                    return
                with self._news:
                    self.drawn += data
                    self._news.notify_all()
