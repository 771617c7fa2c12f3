"""events.jsonl as a file: one writer appends whole lines, any number of readers follow by byte offset."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engine.files import NO_ROOM
from engine.runs.events import AnyEvent, BadEvent, Event, decode_event, decode_events, encode_event

PART = 1_000_000  # bytes: a few thousand events, some milliseconds of decoding


class EventWriter:
    """Appends events, each as one write of one whole line. A torn last line of a killed worker is ended first.

    What a full disk refuses is kept, be it half a line, and goes before whatever comes later; `refused` says why.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._left = b"\n" if path.stat().st_size and not _ends_with_line_feed(path) else b""
        self.refused: OSError | None = None

    def write(self, event: Event) -> None:
        """Appends one event. The page cache holds it at once: a killed process loses nothing."""
        self._left += encode_event(event) + b"\n"
        self.flush()

    def flush(self) -> None:
        """Appends what was refused before, as far as there is room."""
        try:
            while self._left:
                self._left = self._left[self._file.write(self._left) :]
            self.refused = None
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.refused = error

    def close(self) -> None:
        """Puts what was written on the disk and closes the file."""
        self.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class EventReader:
    """Reads what is new in events.jsonl. An unfinished last line waits; bad lines are skipped and counted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.bad_lines = 0

    def read(self, most: int | None = None) -> list[AnyEvent]:
        """The events appended since the last call (of about `most` bytes); none when there is no file yet."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read() if most is None else file.read(most)
                if len(data) == most and b"\n" not in data:
                    data += file.readline()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self.offset += end
        try:
            return decode_events(data[:end])
        except BadEvent:
            return self._good_ones(data[:end].splitlines())

    def parts(self) -> Iterator[list[AnyEvent]]:
        """The same in parts, so that a long run never lies in memory as events, nor holds up other threads."""
        before = -1
        while self.offset != before:
            before = self.offset
            yield self.read(PART)

    def _good_ones(self, lines: list[bytes]) -> list[AnyEvent]:
        events: list[AnyEvent] = []
        for line in lines:
            if not line.strip():
                continue
            try:
                events.append(decode_event(line))
            except BadEvent:
                self.bad_lines += 1
        return events


def _ends_with_line_feed(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
