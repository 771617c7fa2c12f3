"""Reads several runs for a comparison, each through the one fold, and goes on reading those that train.

Used by one thread at a time, in the background: what it hands out never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.errors import InputError
from engine.runs.directory import RunDirectory
from spk_tui.comparison import LETTERS, Entry
from spk_tui.run_rows import RunRow
from spk_tui.series import Clock, CurveCopy, Series
from spk_tui.tracked_run import TrackedRun

CURVES = ("segment_accuracy", "utterance_accuracy", "train_loss", "validation_loss")
"""What is laid over each other, by its name in the state."""


@dataclass(frozen=True)
class ComparedRun:
    """A run of a comparison with its curves; `clock` knows how long it had trained at each step."""

    entry: Entry
    curves: dict[str, Series] = field(compare=False)
    clock: Clock = field(compare=False)


class _Copied:
    """A run that is read, and its curves as far as they were copied."""

    def __init__(self, run: RunDirectory) -> None:
        self.tracked = TrackedRun(run, keep_curves=True)
        self._curves = {name: CurveCopy() for name in CURVES}
        self._rates = CurveCopy()

    def compared(self, letter: str, row: RunRow) -> ComparedRun:
        """The run as it is now."""
        state = self.tracked.state
        curves = {name: copy.of(getattr(state, name)) for name, copy in self._curves.items()}
        clock = Clock(self._rates.of(state.steps_per_second))
        trained = float(clock.places([state.step], "time")[0]) if clock.knows("time") else None
        return ComparedRun(Entry(letter, row, trained), curves, clock)


class ComparedRuns:
    """The runs in the order in which they were given; each keeps its letter, whatever becomes of the others."""

    def __init__(self, runs: Sequence[RunDirectory]) -> None:
        self._copied = {letter: _Copied(run) for letter, run in zip(LETTERS, runs, strict=False)}
        self._known: dict[str, ComparedRun] = {}

    def read(self) -> tuple[ComparedRun, ...]:
        """All runs that can be read. Blocks on the disk."""
        for letter, copied in self._copied.items():
            try:
                row = copied.tracked.read()
            except (InputError, OSError):
                self._known.pop(letter, None)  # deleted meanwhile
                continue
            before = self._known.get(letter)
            if before is None or before.entry.row is not row:
                self._known[letter] = copied.compared(letter, row)
        return tuple(self._known[letter] for letter in self._copied if letter in self._known)
