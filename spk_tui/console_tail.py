"""The end of a worker's console.log, followed: whatever bytes are in it become lines that a screen can show.

At most the last kilobytes are ever read, however large the file is, so that a worker that prints without end costs a
screen nothing. Used by one thread at a time.
"""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

TAIL_BYTES = 65_536
KEPT_LINES = 500
LONGEST_LINE = 2_000
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")


class ConsoleTail:
    """The last lines of a file that grows. One that shrinks, or is replaced, is read anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped = False
        self._place = 0
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)

    def read(self) -> tuple[str, ...] | None:
        """The lines now, or None when nothing has changed since the last call. Raises `OSError`."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size == self._place:
            return None
        if size < self._place:
            self._place, self._rest = 0, b""
            self._lines.clear()
        if size - self._place > TAIL_BYTES:
            self._place, self._rest, self.skipped = size - TAIL_BYTES, b"", True
            self._lines.clear()
        with self.path.open("rb") as file:
            file.seek(self._place)
            data = file.read(TAIL_BYTES)
        self._place += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-TAIL_BYTES:]
        self._lines.extend(shown(line) for line in whole)
        return (*self._lines, *([shown(self._rest)] if self._rest else []))


def shown(line: bytes) -> str:
    """A line as a terminal would leave it: what a carriage return goes back over is gone, and so are its commands."""
    text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
    text = _SEQUENCES.sub("", text).expandtabs(4)
    cut = text[:LONGEST_LINE] + ("…" if len(text) > LONGEST_LINE else "")
    return "".join(letter if letter.isprintable() else "·" for letter in cut)
