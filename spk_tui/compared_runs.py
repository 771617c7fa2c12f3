"""Reads several runs for a comparison, each through the one fold, and goes on reading those that train.

Used by one thread at a time, in the background: what it hands out never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.runs.directory import RunDirectory
from engine.runs.state import Curve, RunState
from spk_tui.comparison import LETTERS, Entry
from spk_tui.run_rows import RunRow
from spk_tui.tracked_run import TrackedRun

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

CURVES = {
    "segment_accuracy": "Segment accuracy",
    "utterance_accuracy": "Utterance accuracy",
    "train_loss": "Training loss",
    "validation_loss": "Validation loss",
}
"""What is laid over each other, and how it is called."""


@dataclass(frozen=True, eq=False)
class Points:
    """One curve of a run: steps, the seconds that had been trained by then, values."""

    steps: Numbers
    seconds: Numbers
    values: Numbers


@dataclass(frozen=True)
class ComparedRun:
    """A run of a comparison with its curves."""

    entry: Entry
    curves: dict[str, Points] = field(compare=False)


class ComparedRuns:
    """The runs in the order in which they were given; each keeps its letter, whatever becomes of the others."""

    def __init__(self, runs: Sequence[RunDirectory]) -> None:
        self._tracked = {
            letter: TrackedRun(run, keep_curves=True)
            for letter, run in zip(LETTERS, runs[: len(LETTERS)], strict=False)
        }
        self._known: dict[str, ComparedRun] = {}

    def read(self) -> tuple[ComparedRun, ...]:
        """All runs that can be read. Blocks on the disk."""
        for letter, tracked in self._tracked.items():
            try:
                row = tracked.read()
            except (InputError, OSError):
                self._known.pop(letter, None)  # deleted meanwhile
                continue
            before = self._known.get(letter)
            if before is None or before.entry.row is not row:
                self._known[letter] = _compared(letter, row, tracked.state)
        return tuple(self._known[letter] for letter in self._tracked if letter in self._known)


def _compared(letter: str, row: RunRow, state: RunState) -> ComparedRun:
    steps, seconds = clock(state)
    curves = {name: _points(getattr(state, name), steps, seconds) for name in CURVES}
    trained = float(seconds[-1]) if len(seconds) > 1 else None
    return ComparedRun(Entry(letter, row, trained), curves)


def clock(state: RunState) -> tuple[Numbers, Numbers]:
    """Steps and the seconds that training had taken by then, from its rates: pauses and validations don't count."""
    import numpy as np

    curve = state.steps_per_second
    steps = np.concatenate(([0.0], np.asarray(curve.steps, dtype=np.float64)))
    rates = np.asarray(curve.values, dtype=np.float64)
    took = np.divide(np.diff(steps), rates, out=np.zeros(len(rates)), where=rates > 0)
    return steps, np.concatenate(([0.0], np.cumsum(took)))


def _points(curve: Curve, steps: Numbers, seconds: Numbers) -> Points:
    import numpy as np

    at = np.array(curve.steps, dtype=np.float64)
    return Points(at, np.interp(at, steps, seconds), np.array(curve.values, dtype=np.float64))
