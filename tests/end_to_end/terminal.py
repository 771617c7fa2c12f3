"""A real pseudo-terminal with a real program in it; pyte reads what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

KEYS = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "space": " ", "up": "\x1b[A", "down": "\x1b[B", "backspace": "\x7f",
    "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f5": "\x1b[15~", "ctrl+c": "\x03", "ctrl+u": "\x15",
    "shift+tab": "\x1b[Z", "right": "\x1b[C", "left": "\x1b[D",
}  # fmt: skip


class Terminal:
    """Runs a command in a pseudo-terminal of so many columns and rows."""

    def __init__(self, command: list[str], environment: dict[str, str], columns: int = 120, rows: int = 40) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(self.screen.display)

    def press(self, *keys: str) -> None:
        """Presses keys by name; other words are typed."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def wait_for(self, wanted: str | Callable[[str], bool], seconds: float = 60.0) -> str:
        """Reads until the screen shows the text (or satisfies the condition) and returns the screen."""
        deadline = time.monotonic() + seconds
        while not (wanted in self.text if isinstance(wanted, str) else wanted(self.text)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{wanted!r} did not appear; the screen was\n{self.text}")
            if not self._read(0.1) and self.process.poll() is not None:
                raise AssertionError(f"the program ended with {self.process.returncode}; the screen was\n{self.text}")
        return self.text

    def wait_for_end(self, seconds: float = 30.0) -> int:
        """Reads until the program ends and returns its exit code."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still running; the screen was\n{self.text}"
            self._read(0.1)
        while self._read(0.05):
            pass
        return self.process.returncode

    def close(self) -> None:
        """Ends the program if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    def resize(self, columns: int, rows: int) -> None:
        """Gives the terminal another size, which the system tells the program."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Closes the terminal under the program, as a lost connection does."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDWR)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)


def worker_folders(root: Path) -> dict[str, str]:
    """The environment of a user whose folders all lie below `root`."""
    return {
        **os.environ,
        "HOME": str(root),
        "SPK_TUI_RUNS": str(root / "runs"),
        "SPK_TUI_CACHE": str(root / "cache"),
        "SPK_TUI_CONFIG": str(root / "config"),
    }
