"""Curves of several runs laid over each other: one chart a quantity, in which each run has its colour and its mark.

The same colours and marks stand in legend, table and scatter, so they are given out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from spk_tui.charts import POINTS, Chart, Line, Point
from spk_tui.compared_runs import ComparedRun
from spk_tui.comparison import LETTERS
from spk_tui.wording import accuracy, loss

COLOURED = 6


class Overlay(NamedTuple):
    """One quantity: what it is called, how its values are said, whether it is smoothed, which end is the best."""

    title: str
    say: Callable[[float], str]
    noisy: bool
    best: Literal["highest", "lowest"]


OVERLAYS: dict[str, Overlay] = {
    "segment_accuracy": Overlay("Segment accuracy", accuracy, False, "highest"),
    "utterance_accuracy": Overlay("Utterance accuracy", accuracy, False, "highest"),
    "train_loss": Overlay("Training loss", loss, True, "lowest"),
    "validation_loss": Overlay("Validation loss", loss, False, "lowest"),
}
"""The charts by the name of their curve in the state, in the order of their number keys."""


def role_of(letter: str) -> str:
    """The name of a run's colour; there are six, which come again."""
    return f"run-{LETTERS.index(letter) % COLOURED + 1}"


def mark_of(letter: str) -> Point:
    """A run's mark on its curves; there are eight, so that the same colour has another mark when it comes again."""
    marks = POINTS[1:]
    return marks[LETTERS.index(letter) % len(marks)]


def overlaid(compared: Sequence[ComparedRun]) -> dict[str, Chart]:
    """The charts of these runs; curves are called by their runs' letters."""
    steps = max((run.entry.row.steps for run in compared), default=0)
    return {name: _chart(name, overlay, compared, steps) for name, overlay in OVERLAYS.items()}


def _chart(name: str, overlay: Overlay, compared: Sequence[ComparedRun], steps: int) -> Chart:
    lines = tuple(
        Line(
            run.entry.letter,
            role_of(run.entry.letter),
            run.curves[name],
            mark_of(run.entry.letter),
            overlay.say,
            overlay.noisy,
            "" if overlay.noisy else overlay.best,
            run.clock,
        )
        for run in compared
    )
    return Chart(overlay.title, lines, steps, lowest=0.0)
