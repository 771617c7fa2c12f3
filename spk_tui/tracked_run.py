"""One run, read again and again for a list: only what is new is read, and of a run that is over only numbers are kept.

Its small files (run.json, preset.toml, labels.json) are replaced by renaming, which the folder's own time tells; its
events are appended to, which their file's size tells. Used by one thread at a time.
"""

from __future__ import annotations

import os
import time

from msgspec import Struct

from engine.errors import InputError
from engine.preset import Preset
from engine.runs.directory import Labels, RunDirectory, RunInfo
from engine.runs.event_log import EventReader
from engine.runs.state import RunState
from spk_tui.run_rows import Figures, RunRow, figures_of

SETTLED_NANOSECONDS = 2_000_000_000
"""A file's time is coarse: what changed this lately may change once more without a newer time."""


class Stamp(Struct, frozen=True):
    """How a file or folder was when it was read; `time` in nanoseconds."""

    size: int = -1
    time: int = -1

    @classmethod
    def of(cls, path: str) -> Stamp:
        """The stamp now; that of nothing when there is no such file."""
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return cls()
        return cls(found.st_size, found.st_mtime_ns)

    @property
    def is_settled(self) -> bool:
        """Whether an equal stamp means an equal content."""
        return time.time_ns() - self.time > SETTLED_NANOSECONDS


class Remembered(Struct, frozen=True):
    """What is known of a run that is over, with the stamps that tell whether it still holds."""

    folder: Stamp
    events: Stamp
    info: RunInfo
    preset: Preset
    labels: Labels
    figures: Figures


class TrackedRun:
    """A run and what was read of it so far."""

    def __init__(self, run: RunDirectory, remembered: Remembered | None = None, *, keep_curves: bool = False) -> None:
        self.run = run
        self._paths = tuple(map(str, (run.path, run.events_path, run.best_path, run.last_path)))
        self.reader: EventReader | None = None
        self.state = RunState()
        self._keep_curves = keep_curves
        self._folder, self._events = Stamp(), Stamp()
        self._info: RunInfo | None = None
        self._preset: Preset | None = None
        self._labels = Labels()
        self._figures = Figures()
        self._row: RunRow | None = None
        self._remembered = remembered
        if remembered is not None:
            self._folder, self._events = remembered.folder, remembered.events
            self._info, self._preset, self._labels = remembered.info, remembered.preset, remembered.labels
            self._figures = remembered.figures

    def read(self) -> RunRow:
        """The run as it is now, the same object as before when nothing has changed.

        Raises `InputError` or `OSError` when it can't be read.
        """
        folder, events, best, last = self._paths
        info = self._read_small_files(Stamp.of(folder))
        self._read_events(Stamp.of(events))
        row = RunRow(
            self.run,
            info,
            self._preset,
            self._labels,
            self._figures,
            self.run.condition(self._figures),
            os.path.isfile(best),
            os.path.isfile(last),
        )
        if self.reader is not None and row.is_over and not self._keep_curves:
            self.reader, self.state = None, RunState()
        if self._row is None or row != self._row:
            self._row = row
        return self._row

    def remembered(self) -> Remembered | None:
        """What can be kept for another day: a run that is over, whose files have been still for a while."""
        if self._row is None or not self._row.is_over or self._preset is None or self._info is None:
            return None
        if not self._folder.is_settled or self._figures.events == 0:
            return None
        if self._remembered is None:
            self._remembered = Remembered(
                self._folder, self._events, self._info, self._preset, self._labels, self._figures
            )
        return self._remembered

    def _read_small_files(self, stamp: Stamp) -> RunInfo:
        if self._info is None or stamp != self._folder or not stamp.is_settled:
            self._info = self.run.info()
            self._labels = self.run.labels()
            try:
                self._preset = self.run.preset()
            except InputError:
                self._preset = None
            self._folder, self._remembered = stamp, None
        return self._info

    def _read_events(self, stamp: Stamp) -> None:
        if stamp == self._events and (self.reader is not None or not self._keep_curves):
            return
        if self.reader is None or stamp.size < self.reader.offset:
            self.reader, self.state = EventReader(self.run.events_path), RunState()
        for events in self.reader.parts():
            self.state.apply_all(events)
        self._events, self._remembered = stamp, None
        self._figures = figures_of(self.state)
