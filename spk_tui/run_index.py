"""All runs of a folder for lists, remembered between refreshes and between sessions.

Used by one thread at a time. It answers the runs screen, the recent corpora and the measured step rates; what a single
run looks like in full is `follower.py`'s business.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import InputError
from engine.files import runs_folder
from engine.preset import Preset
from engine.runs.directory import list_runs
from spk_tui import row_cache
from spk_tui.run_rows import RunRow
from spk_tui.tracked_run import Remembered, TrackedRun

__all__ = ["RunIndex", "RunRow", "measured_rate", "recent_corpora"]


class RunIndex:
    """The runs of one folder; none: the user's own."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder or runs_folder()
        self._known: dict[str, TrackedRun] = {}
        self._remembered: dict[str, Remembered] | None = None

    def read(self) -> tuple[RunRow, ...]:
        """All runs, the newest first. Folders whose run.json can't be read are left out. Blocks on the disk."""
        if self._remembered is None:
            self._remembered = row_cache.load(self.folder)
        known: dict[str, TrackedRun] = {}
        rows = []
        for run in list_runs(self.folder):
            tracked = self._known.get(run.id) or TrackedRun(run, self._remembered.get(run.id))
            try:
                rows.append(tracked.read())
            except (InputError, OSError):
                continue  # deleted between listing and reading, or not a run of ours
            known[run.id] = tracked
        self._known = known
        self._remember()
        return tuple(sorted(rows, key=lambda row: row.info.created, reverse=True))

    def _remember(self) -> None:
        remembered = {name: kept for name, tracked in self._known.items() if (kept := tracked.remembered())}
        if remembered != self._remembered:
            row_cache.store(self.folder, remembered)
            self._remembered = remembered


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
