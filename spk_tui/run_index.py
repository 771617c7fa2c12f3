"""All runs of a folder for lists: one reader and one fold a run, so that a refresh reads only what was appended.

Used by one thread at a time. It answers the runs screen, the recent corpora and the measured step rates; what a single
run looks like in full is `follower.py`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from engine.errors import InputError
from engine.preset import Preset
from engine.runs.directory import Condition, RunDirectory, RunInfo, list_runs
from engine.runs.event_log import EventReader
from engine.runs.state import RunState

RECENT_RATES = 50


@dataclass(frozen=True)
class RunRow:
    """One run in a list."""

    run: RunDirectory
    info: RunInfo
    preset: Preset | None
    condition: Condition
    step: int
    steps: int
    best_accuracy: float | None
    best_step: int | None
    steps_per_second: float | None
    updated: float
    has_best: bool
    has_last: bool

    @property
    def is_over(self) -> bool:
        """Whether no worker lives for it."""
        return self.condition in ("finished", "stopped", "failed", "interrupted")

    @property
    def is_resumable(self) -> bool:
        """Whether a new worker can begin what was never begun, or go on from its last checkpoint."""
        never_begun = self.step == 0 and self.condition != "failed"
        return self.condition in ("stopped", "interrupted", "failed") and (self.has_last or never_begun)


@dataclass
class _Known:
    info: RunInfo
    preset: Preset | None
    reader: EventReader
    state: RunState


class RunIndex:
    """The runs of one folder, remembered between refreshes."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._known: dict[str, _Known] = {}

    def read(self) -> tuple[RunRow, ...]:
        """All runs, the newest first. Folders whose run.json can't be read are left out. Blocks on the disk."""
        rows = []
        runs = list_runs(self.folder)
        for run in runs:
            row = self._row(run)
            if row is not None:
                rows.append(row)
        present = {run.id for run in runs}
        self._known = {name: known for name, known in self._known.items() if name in present}
        return tuple(sorted(rows, key=lambda row: row.info.created, reverse=True))

    def _row(self, run: RunDirectory) -> RunRow | None:
        try:
            known = self._known.get(run.id) or self._meet(run)
            for event in known.reader.read():
                known.state.apply(event)
            condition = run.condition(known.state)
        except (InputError, OSError):
            return None  # deleted between listing and reading, or not a run of ours
        state = known.state
        rates = list(state.steps_per_second.values[-RECENT_RATES:])
        return RunRow(
            run=run,
            info=known.info,
            preset=known.preset,
            condition=condition,
            step=state.step,
            steps=state.steps or (known.preset.run.steps if known.preset else 0),
            best_accuracy=state.best_accuracy,
            best_step=state.best_step,
            steps_per_second=median(rates) if rates else None,
            updated=state.updated or known.info.created,
            has_best=run.best_path.is_file(),
            has_last=run.last_path.is_file(),
        )

    def _meet(self, run: RunDirectory) -> _Known:
        try:
            preset = run.preset()
        except InputError:
            preset = None
        known = _Known(run.info(), preset, EventReader(run.events_path), RunState())
        self._known[run.id] = known
        return known


def recent_corpora(rows: tuple[RunRow, ...]) -> tuple[str, ...]:
    """The corpora of earlier runs, the newest first, each once; the demo corpus is not among them."""
    return tuple(dict.fromkeys(row.info.corpus for row in rows if row.info.corpus != "demo"))


def measured_rate(rows: tuple[RunRow, ...], preset: Preset) -> RunRow | None:
    """The newest run whose training step was the same as this preset's and whose rate was measured."""
    return next((row for row in rows if row.steps_per_second and row.preset and _same_step(row.preset, preset)), None)


def _same_step(one: Preset, other: Preset) -> bool:
    """Whether one optimizer step of both costs the same: the same parts, segments and device."""
    return (one.encoder, one.pooling, one.head, one.segments, one.features, one.run.device, one.run.precision) == (
        other.encoder, other.pooling, other.head, other.segments, other.features, other.run.device, other.run.precision,
    )  # fmt: skip
