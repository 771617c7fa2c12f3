"""Which charts a run has: its curves with their labels, marks and words, and the reference lines of its preset.

The charts are shown side by side by `widgets/chart_board.py`; a comparison of runs makes charts of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from spk_tui.charts import Chart, Line, Point, Reference
from spk_tui.follower import Snapshot
from spk_tui.wording import accuracy, learning_rate, loss, percent, rate, short_count


@dataclass(frozen=True)
class Quantity:
    """One curve that every run has: `name` is that of the state. `best` as a `Line` has it."""

    name: str
    label: str
    role: str
    marker: Point = ""
    noisy: bool = False
    best: Literal["", "highest", "lowest"] = ""


@dataclass(frozen=True)
class Kind:
    """One of the charts that every run has; `say` puts its values into words, `tick` those of its axis."""

    title: str
    say: Callable[[float], str]
    quantities: tuple[Quantity, ...]
    tick: Callable[[float], str] = short_count


KINDS: dict[str, Kind] = {
    "loss": Kind("Loss", loss, (
        Quantity("train_loss", "train", "train", noisy=True),
        Quantity("validation_loss", "validation", "segments", "circle", best="lowest"),
    )),
    "accuracy": Kind("Accuracy", accuracy, (
        Quantity("train_accuracy", "train", "train", noisy=True),
        Quantity("segment_accuracy", "segments", "segments", "circle", best="highest"),
        Quantity("utterance_accuracy", "utterances", "utterances", "triangle", best="highest"),
    )),
    "rate": Kind("Step rate", rate, (Quantity("steps_per_second", "training", "plain", noisy=True),)),
    "learning-rate": Kind(
        "Learning rate", learning_rate, (Quantity("learning_rate", "rate", "plain"),), learning_rate
    ),
    "gradient": Kind("Gradient norm", loss, (Quantity("gradient_norm", "norm", "plain", noisy=True),)),
    "device": Kind("Device", percent, (
        Quantity("processor_load", "CPU", "train", noisy=True),
        Quantity("memory_share", "memory", "segments", "circle"),
        Quantity("device_load", "GPU", "utterances", "triangle", noisy=True),
        Quantity("device_memory_share", "GPU memory", "plain", "square"),
    ), percent),
}  # fmt: skip
"""The charts in the order of their number keys, by name."""

DECIDING = {"segment": "segment_accuracy", "utterance": "utterance_accuracy"}
"""The accuracy that decides which checkpoint is the best, by the preset's name for it."""


def charts_of(snapshot: Snapshot) -> dict[str, Chart]:
    """The charts of a snapshot, by name."""
    deciding = DECIDING[snapshot.preset.validation.best_by]
    clock = snapshot.clock

    def line(quantity: Quantity, kind: Kind) -> Line:
        marked = quantity.best == "lowest" or quantity.name == deciding
        return Line(
            quantity.label, quantity.role, snapshot.curve(quantity.name), quantity.marker, kind.say, quantity.noisy,
            quantity.best if marked else "", clock,
        )  # fmt: skip

    return {
        name: Chart(
            kind.title,
            tuple(line(quantity, kind) for quantity in kind.quantities),
            snapshot.steps,
            lowest=0.0,
            references=references_of(snapshot) if name == "accuracy" else (),
            tick_format=kind.tick,
        )
        for name, kind in KINDS.items()
    }


def references_of(snapshot: Snapshot) -> tuple[Reference, ...]:
    """The accuracy that the preset says was reached elsewhere."""
    reference = snapshot.preset.preset.reference_accuracy
    return () if reference is None else (Reference(reference, f"reported elsewhere {reference:.2f}"),)
