"""What a chart shows, and how one looks at it: curves, reference lines, the part of the axis that is seen.

These are values that never change, made by whoever has curves (`run_charts.py`). `arranging.py` works out what there is
to draw at a width, `chart_drawing.py` draws it with characters, `curves_svg.py` as a vector image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from spk_tui.series import EMPTY, STEPS_ONLY, Axis, Clock, Series
from spk_tui.wording import short_count

Point: TypeAlias = Literal["", "circle", "triangle", "square", "diamond", "cross", "ring", "plus", "star"]
POINTS: tuple[Point, ...] = ("", "circle", "triangle", "square", "diamond", "cross", "ring", "plus", "star")
"""The marks that tell curves apart without colours, in the order in which curves should take them."""

CLOSEST = 1 / 100_000


@dataclass(frozen=True)
class Line:
    """One curve. `role` names its colour, `marker` the mark on it; `say` puts one of its values into words.

    A `noisy` one is smoothed, with what was measured behind. `best` has its highest or lowest measured point marked.
    """

    label: str
    role: str
    series: Series = EMPTY
    marker: Point = ""
    say: Callable[[float], str] = short_count
    noisy: bool = False
    best: Literal["", "highest", "lowest"] = ""
    clock: Clock = STEPS_ONLY


@dataclass(frozen=True)
class Reference:
    """A horizontal line at a value that somebody else reported."""

    value: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart. `steps` is where its horizontal axis ends, when that is known; the bounds hold on a linear axis."""

    title: str
    lines: tuple[Line, ...] = ()
    steps: int = 0
    lowest: float | None = None
    highest: float | None = None
    references: tuple[Reference, ...] = ()
    tick_format: Callable[[float], str] = short_count

    @property
    def is_empty(self) -> bool:
        """Whether no curve has a point yet."""
        return not any(len(line.series) for line in self.lines)


@dataclass(frozen=True)
class View:
    """How all charts of a board are looked at. `window`: from where to where on the axis; None: all of it.

    `hidden` are labels of curves, `logarithmic` names of charts.
    """

    axis: Axis = "step"
    window: tuple[float, float] | None = None
    smoothing: float = 0.0
    hidden: frozenset[str] = frozenset()
    logarithmic: frozenset[str] = frozenset()

    def zoomed(self, factor: float, whole: tuple[float, float], around: float | None = None) -> View:
        """A window `factor` times as wide that keeps the place `around` where it is; never wider than all there is."""
        low, high = self.window or whole
        middle = (low + high) / 2 if around is None else min(max(around, low), high)
        width = max((high - low) * factor, (whole[1] - whole[0]) * CLOSEST)
        if not width < whole[1] - whole[0]:
            return replace(self, window=None)
        share = (middle - low) / (high - low) if high > low else 0.5
        return replace(self, window=_within(middle - share * width, width, whole))

    def panned(self, distance: float, whole: tuple[float, float]) -> View:
        """The window moved along the axis, no further than its ends."""
        if self.window is None:
            return self
        low, high = self.window
        return replace(self, window=_within(low + distance, high - low, whole))


def _within(low: float, width: float, whole: tuple[float, float]) -> tuple[float, float]:
    low = min(max(low, whole[0]), whole[1] - width)
    return low, low + width
