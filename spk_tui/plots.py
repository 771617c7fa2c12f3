"""Pictures that commands print: lines and points over two axes, as rows of text. The only file that knows plotext.

What is drawn and what its axes are called is the business of the commands; the dashboard's charts draw themselves.
Where colours aren't wanted the picture is told by its characters alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

LINE = "braille"
COLOURS = ("blue+", "orange", "green+", "magenta+", "cyan+", "red+", "yellow")
"""Names of plotext's, one after the other for groups that are drawn into one picture."""


class Group(NamedTuple):
    """Points that belong together: joined to a line of fine dots, or each shown by the one letter of `marker`."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    marker: str = ""


class Axis(NamedTuple):
    """What is shown of an axis, and words at some places of it."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]] = ()


def picture(groups: Sequence[Group], across: Axis, upward: Axis, width: int, height: int, *, colours: bool) -> str:
    """Rows of text, none wider than `width` cells; points outside of the axes, or not finite, are left out.

    Of several lines those after the first are drawn by a letter each, so that they can be told without colours; a
    legend of all groups with a label stands in the last row.
    """
    import plotext

    plotext.clear_figure()
    plotext.limit_size(False, False)  # else it is cut at the size of the terminal that plotext believes to be in
    plotext.plot_size(width, height)
    plotext.theme("clear")
    markers = [group.marker or (LINE if place == 0 else "abcdefgh"[place % 8]) for place, group in enumerate(groups)]
    for place, (group, marker) in enumerate(zip(groups, markers, strict=True)):
        x, y = _inside(group, across, upward)
        draw = plotext.scatter if group.marker else plotext.plot
        draw(x, y, marker=marker, color=COLOURS[place % len(COLOURS)])
    plotext.xlim(across.low, across.high)
    plotext.ylim(upward.low, upward.high)
    plotext.xticks([place for place, _ in across.ticks], [words for _, words in across.ticks])
    plotext.yticks([place for place, _ in upward.ticks], [words for _, words in upward.ticks])
    plotext.xlabel(across.label)
    drawn = plotext.build()
    plotext.clear_figure()
    text = drawn if colours else plotext.uncolorize(drawn)
    legend = [
        f"{'⠒⠒' if marker == LINE else marker} {group.label}"
        for group, marker in zip(groups, markers, strict=True)
        if group.label
    ]
    rows = [upward.label, *text.splitlines(), "   ".join(legend)]
    return "\n".join(row.rstrip() for row in rows if row.strip())


def colours_wanted() -> bool:
    """Whether stdout is a terminal that shows colours, and nobody has said no."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _inside(group: Group, across: Axis, upward: Axis) -> tuple[list[float], list[float]]:
    """plotext draws what is outside of the limits at their edge, and fails on what is not finite."""
    points = [
        (x, y)
        for x, y in zip(group.x, group.y, strict=True)
        if isfinite(x) and isfinite(y) and across.low <= x <= across.high and upward.low <= y <= upward.high
    ]
    return [x for x, _ in points], [y for _, y in points]
