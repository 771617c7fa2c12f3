"""One run in a list: what is written in its small files, and the few numbers that its events came to.

The numbers are taken from the one fold (`engine.runs.state`) and are all that is kept of a run that is over, so that
thousands of runs fit into memory. Who reads them, and when, is `tracked_run.py`'s business.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from statistics import median

from msgspec import Struct

from engine.model_settings import kind_of
from engine.preset import Preset
from engine.runs.directory import Condition, Labels, RunDirectory, RunInfo
from engine.runs.state import Curve, Phase, RunState

RECENT_RATES = 50
MOST_ACCURACIES = 64
OVER = frozenset({"finished", "stopped", "failed", "interrupted"})


class Figures(Struct, frozen=True, kw_only=True):
    """A run's events in a few numbers. Accuracies are shares, times seconds; what isn't known yet is None.

    `segment_accuracy` and `utterance_accuracy` are those of the best checkpoint's validation. `accuracies` are segment
    accuracies at equal distances along the run, for a sparkline.
    """

    phase: Phase = "starting"
    events: int = 0
    step: int = 0
    steps: int = 0
    updated: float | None = None
    best_accuracy: float | None = None
    best_step: int | None = None
    segment_accuracy: float | None = None
    utterance_accuracy: float | None = None
    encoder_parameters: int | None = None
    steps_per_second: float | None = None
    accuracies: tuple[float, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the worker has said its last word."""
        return self.phase in ("finished", "stopped", "failed")


def figures_of(state: RunState) -> Figures:
    """What a list says of a run in that state."""
    rates = list(state.steps_per_second.values[-RECENT_RATES:])
    return Figures(
        phase=state.phase,
        events=state.events,
        step=state.step,
        steps=state.steps,
        updated=state.updated,
        best_accuracy=state.best_accuracy,
        best_step=state.best_step,
        segment_accuracy=_value_at(state.segment_accuracy, state.best_step),
        utterance_accuracy=_value_at(state.utterance_accuracy, state.best_step),
        encoder_parameters=state.started.encoder_parameters if state.started else None,
        steps_per_second=median(rates) if rates else None,
        accuracies=_thinned(state.segment_accuracy),
    )


def _value_at(curve: Curve, step: int | None) -> float | None:
    """The curve's value at exactly that step; none where a rollback has taken it away."""
    if step is None:
        return None
    place = bisect_left(curve.steps, step)
    return curve.values[place] if place < len(curve) and curve.steps[place] == step else None


def _thinned(curve: Curve) -> tuple[float, ...]:
    """At most `MOST_ACCURACIES` of its values, evenly apart; the last one always stays."""
    number = min(len(curve), MOST_ACCURACIES)
    return tuple(curve.values[(place + 1) * len(curve) // number - 1] for place in range(number))


@dataclass(frozen=True)
class RunRow:
    """One run in a list."""

    run: RunDirectory
    info: RunInfo
    preset: Preset | None
    labels: Labels
    figures: Figures
    condition: Condition
    has_best: bool
    has_last: bool

    @property
    def is_over(self) -> bool:
        """Whether no worker lives for it."""
        return self.condition in OVER

    @property
    def is_resumable(self) -> bool:
        """Whether a new worker can begin what was never begun, or go on from its last checkpoint."""
        never_begun = self.step == 0 and self.condition != "failed"
        return self.condition in ("stopped", "interrupted", "failed") and (self.has_last or never_begun)

    @property
    def title(self) -> str:
        """What people call it: the name they gave it, else its preset's."""
        return self.labels.name or self.info.preset

    @property
    def encoder(self) -> str:
        """The kind of its encoder, as in the preset; "" where that can't be read."""
        return kind_of(self.preset.encoder) if self.preset else ""

    @property
    def encoder_parameters(self) -> int | None:
        """Parameters of the encoder as the worker counted them; before it has, as the preset states them."""
        stated = self.preset.preset.encoder_parameters if self.preset else None
        return self.figures.encoder_parameters if self.figures.encoder_parameters is not None else stated

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self.figures.step

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.figures.steps or (self.preset.run.steps if self.preset else 0)

    @property
    def best_accuracy(self) -> float | None:
        """The accuracy that made the best checkpoint the best."""
        return self.figures.best_accuracy

    @property
    def best_step(self) -> int | None:
        """The step of the best checkpoint."""
        return self.figures.best_step

    @property
    def steps_per_second(self) -> float | None:
        """The median of the newest rates."""
        return self.figures.steps_per_second

    @property
    def updated(self) -> float:
        """When it last said something, Unix seconds."""
        return self.figures.updated or self.info.created
