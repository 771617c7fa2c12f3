"""What came of a sweep: its runs with the values that tell them apart, and means over seeds. Loads nothing that draws.

Values are read from the runs' own presets, so that a table needs nothing but the run directories.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import msgspec

from engine.preset import Preset
from engine.runs.directory import Condition, RunDirectory
from engine.runs.state import RunState

SEED = "run.seed"
_NO_SETTINGS = ("preset.", "encoder.file")
"""Keys that tell nothing of how a run trains; each run has its own copy of one's own encoder."""


@dataclass(frozen=True)
class Trial:
    """One run of a sweep: its values, its size, and the accuracies of its best step by segment and by utterance."""

    run: RunDirectory
    values: dict[str, str]
    seed: str
    condition: Condition
    step: int
    steps: int
    parameters: int | None
    segment_accuracy: float | None
    utterance_accuracy: float | None


@dataclass(frozen=True)
class Mean:
    """Trials that differ in their seed alone: means of the best accuracies, and their standard deviations."""

    values: dict[str, str]
    seeds: int
    segment: tuple[float, float | None] | None
    utterance: tuple[float, float | None] | None


def trials_of(runs: Sequence[RunDirectory]) -> list[Trial]:
    """The runs with the values of all keys that differ among them. Raises `InputError`; reads the disk."""
    if not runs:
        return []
    settings = [_flat(run.preset()) for run in runs]
    keys = list(dict.fromkeys(key for each in settings for key in each))
    varied = [key for key in keys if len({each.get(key, "–") for each in settings}) > 1]
    return [_trial(run, each, varied) for run, each in zip(runs, settings, strict=True)]


def means_of(trials: Sequence[Trial]) -> list[Mean]:
    """One for each combination of values, over the seeds that have a validation behind them."""
    groups: dict[tuple[str, ...], list[Trial]] = {}
    for trial in trials:
        groups.setdefault(tuple(trial.values.values()), []).append(trial)
    return [
        Mean(
            values=group[0].values,
            seeds=sum(trial.segment_accuracy is not None for trial in group),
            segment=_mean([trial.segment_accuracy for trial in group]),
            utterance=_mean([trial.utterance_accuracy for trial in group]),
        )
        for group in groups.values()
    ]


def _mean(accuracies: Sequence[float | None]) -> tuple[float, float | None] | None:
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    if not known:
        return None
    return fmean(known), stdev(known) if len(known) > 1 else None


def _trial(run: RunDirectory, settings: dict[str, str], varied: Sequence[str]) -> Trial:
    state, preset = run.state(), run.preset()
    segment, utterance = _accuracies_at_best(state)
    started = state.started
    return Trial(
        run=run,
        values={key: settings.get(key, "–") for key in varied if key != SEED},
        seed=settings[SEED] if SEED in varied else "",
        condition=run.condition(state),
        step=state.step,
        steps=state.steps or preset.run.steps,
        parameters=started.encoder_parameters if started is not None else preset.preset.encoder_parameters,
        segment_accuracy=segment,
        utterance_accuracy=utterance,
    )


def _accuracies_at_best(state: RunState) -> tuple[float | None, float | None]:
    """Both accuracies of the best checkpoint's step."""
    steps = state.segment_accuracy.steps
    place = bisect_left(steps, state.best_step) if state.best_step is not None else len(steps)
    if place == len(steps) or steps[place] != state.best_step:
        return None, None
    return state.segment_accuracy.values[place], state.utterance_accuracy.values[place]


def _flat(preset: Preset) -> dict[str, str]:
    """Every setting as "section.key" and its value in words."""
    sections: dict[str, dict[str, Any]] = msgspec.to_builtins(preset)
    return {
        f"{section}.{key}": _shown(value)
        for section, table in sections.items()
        for key, value in table.items()
        if not f"{section}.{key}".startswith(_NO_SETTINGS)
    }


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
