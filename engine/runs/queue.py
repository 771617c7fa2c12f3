"""Runs that wait for a device: one file, queue.json, in the folder of runs, which one process at a time changes.

An entry counts as long as the worker of its run lives, so a machine that was switched off blocks nobody. Who trains on
a device is `devices.py`'s business, and how a worker waits `waiting.py`'s.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.errors import InputError
from engine.files import remove_leftovers, runs_folder, write_atomically
from engine.runs.devices import DeviceLocks
from engine.runs.directory import RunDirectory
from engine.runs.lock import Lock

ARRIVAL_SECONDS = 30.0
"""How long the place of a run is kept for a worker that was started and has not spoken yet; a busy machine is slow."""


class Entry(Struct, frozen=True, kw_only=True):
    """One run in the line. `process` is its worker's, 0 until that has come; `since` is a Unix time in seconds."""

    run: str
    host: str
    devices: tuple[str, ...]
    since: float
    process: int = 0

    def wants_what(self, other: Entry) -> bool:
        """Whether both can't train at once: a device of the same machine is wanted by both."""
        return self.host == other.host and not set(self.devices).isdisjoint(other.devices)


class _File(Struct, kw_only=True):
    """queue.json: the runs that wait, the next one first."""

    waiting: list[Entry] = []


class Place(Struct, frozen=True):
    """Where a run stands among those that wait for the same devices: 1 is next, `after` the run before it."""

    number: int
    after: str = ""


class Queue:
    """The line of one folder of runs (none: the user's)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or runs_folder()
        self.path = self.folder / "queue.json"

    def run(self, entry: Entry) -> RunDirectory:
        """The run of an entry."""
        return RunDirectory(self.folder / entry.run)

    def signature(self) -> tuple[int, int]:
        """Changes whenever the file is replaced; asking it is cheaper than reading the file."""
        try:
            found = self.path.stat()
        except OSError:
            return (0, 0)
        return found.st_ino, found.st_mtime_ns

    def read(self) -> list[Entry]:
        """The line, the next one first, with the entries of runs whose workers are gone. Raises `InputError`."""
        try:
            return self._read()
        except OSError as error:
            raise InputError(f"{self.path}: can't be read ({error.strerror})") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{self.path}: can't be read as the queue ({error}); runs that wait write it anew within seconds, and"
                f" the file is kept as {self._aside.name}"
            ) from None

    def is_waiting(self, entry: Entry) -> bool:
        """Whether somebody waits for this entry's turn: its worker lives, or has only just been started."""
        run = self.run(entry)
        return run.alive or (entry.process == 0 and time.time() - entry.since < ARRIVAL_SECONDS and run.path.is_dir())

    def ahead_of(self, run: str, entries: Sequence[Entry]) -> Iterator[Entry]:
        """Those who wait before that run for a device that it needs, the first one first."""
        own = next((entry for entry in entries if entry.run == run), None)
        for entry in entries:
            if own is None or entry is own:
                return
            if entry.wants_what(own) and self.is_waiting(entry):
                yield entry

    def place_of(self, run: str, entries: Sequence[Entry]) -> Place:
        """Where the run stands."""
        ahead = list(self.ahead_of(run, entries))
        return Place(len(ahead) + 1, ahead[-1].run if ahead else "")

    def enter(self, run: str, devices: Sequence[str], *, process: int = 0, since: float | None = None) -> None:
        """Puts a run at the end of the line, or renews its entry where it stands. Raises `InputError`.

        since: when it began to wait, for one whose entry was lost: it goes before those who came later.
        """
        with self._changing() as entries:
            entry = Entry(
                run=run, host=platform.node(), devices=tuple(devices), since=since or time.time(), process=process
            )
            names = [known.run for known in entries]
            if run in names:
                entries[names.index(run)] = entry
                return
            later = (place for place, known in enumerate(entries) if known.since > entry.since)
            entries.insert(next(later, len(entries)), entry)

    def leave(self, run: str) -> None:
        """Takes a run out of the line. Raises `InputError` when the file can't be written."""
        with self._changing() as entries:
            entries[:] = [entry for entry in entries if entry.run != run]

    def move(self, run: str, before: str | None) -> None:
        """Moves a run to the place before another one, or to the end of the line. Raises `InputError`."""
        with self._changing() as entries:
            names = [entry.run for entry in entries]
            for name in [run] if before is None else [run, before]:
                if name not in names:
                    raise InputError(f"{name} is not in the queue ('spk-tui queue' lists it)")
            if before != run:
                moved = entries.pop(names.index(run))
                place = len(entries) if before is None else [entry.run for entry in entries].index(before)
                entries.insert(place, moved)

    def take_turn(self, run: str, devices: DeviceLocks) -> bool:
        """Takes a run out of the line and the devices for it, if it is next and nobody trains on them.

        Raises `InputError` when the file can't be written; then the devices are free and the run waits on.
        """
        if not devices.take():  # before the file is locked: who is next asks again and again
            return False
        with ExitStack() as unless_taken:
            unless_taken.callback(devices.release)
            with self._changing() as entries:
                if next(self.ahead_of(run, entries), None) is not None:
                    return False
                entries[:] = [entry for entry in entries if entry.run != run]
            unless_taken.pop_all()
        return True

    @property
    def _aside(self) -> Path:
        return self.folder / "queue.unreadable.json"

    def _read(self) -> list[Entry]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return msgspec.json.decode(content, type=_File).waiting

    @contextmanager
    def _changing(self) -> Iterator[list[Entry]]:
        """The entries, to be changed in place by one process at a time; written when the block ends well.

        A file that can't be read is put aside. Entries of runs that were deleted are dropped.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = Lock(self.folder / "queue.lock", wait=True)
            try:
                remove_leftovers(self.path)
                try:
                    before = self._read()
                except (msgspec.DecodeError, UnicodeDecodeError):
                    self.path.replace(self._aside)
                    before = []
                entries = [entry for entry in before if self.run(entry).path.is_dir()]
                yield entries
                if entries != before:
                    self._write(entries)
            finally:
                lock.release()
        except OSError as error:
            what = error.filename or self.path
            raise InputError(f"{what}: can't be written ({error.strerror}); the queue is as it was") from None

    def _write(self, entries: list[Entry]) -> None:
        write_atomically(self.path, msgspec.json.format(msgspec.json.encode(_File(waiting=entries))))
