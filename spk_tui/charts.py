"""Line charts as text: the only file that knows plotext.

It draws whatever it is given on axes with round numbers: curves are prepared by `series.py`, and what still can't be
drawn (non-finite, empty, constant, a logarithm of nothing) becomes an emptier chart, never an error. plotext is loaded
at the first drawing, not when this module is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.text import Text

from spk_tui.series import EMPTY, Series, decimated
from spk_tui.wording import short_count

Rgb = tuple[int, int, int]
SMALLEST_WIDTH, SMALLEST_HEIGHT = 16, 4
ROWS_A_TICK, COLUMNS_A_TICK = 3, 14
BRAILLE_DOTS_A_COLUMN = 2
LARGEST = 1e15


@dataclass(frozen=True)
class Line:
    """One curve of a chart. `role` names its colour; `label` and `value` are what its legend says."""

    label: str
    role: str
    series: Series = EMPTY
    value: str = ""


@dataclass(frozen=True)
class Chart:
    """What a chart shows. `steps` is where the horizontal axis ends, when that is known."""

    title: str
    lines: tuple[Line, ...] = ()
    steps: int = 0
    lowest: float | None = None
    highest: float | None = None
    reference: float | None = None
    reference_label: str = ""
    tick_format: Callable[[float], str] = short_count

    @property
    def is_empty(self) -> bool:
        """Whether there is no point to draw yet."""
        return not any(_clean(line.series) for line in self.lines)


def draw(chart: Chart, width: int, height: int, colours: dict[str, Rgb]) -> Text:
    """The chart as `height` rows of `width` columns. `colours`: one for each line's role, "axis" and "reference".

    A chart without points, or a place too small for axes, is blank.
    """
    lines = tuple(replace(line, series=_clean(line.series)) for line in chart.lines)
    reference, lowest, highest = (
        bound if _can_be_drawn(bound) else None for bound in (chart.reference, chart.lowest, chart.highest)
    )
    chart = replace(chart, lines=lines, reference=reference, lowest=lowest, highest=highest)
    if chart.is_empty or width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        return Text("\n" * max(0, height - 1))
    left, right = _horizontal_range(chart)
    bottom, top = _vertical_range(chart)
    vertical_ticks = ticks(bottom, top, max(2, height // ROWS_A_TICK + 1))
    if chart.lowest is None and chart.highest is None and len(vertical_ticks) > 1:
        bottom, top = min(bottom, vertical_ticks[0]), max(top, vertical_ticks[-1])
    figure = _blank_figure(width, height, colours["axis"])
    figure.xlim(left, right)
    figure.ylim(bottom, top)
    figure.yticks(vertical_ticks, _labels(vertical_ticks, chart.tick_format))
    horizontal_ticks = ticks(left, right, max(2, width // COLUMNS_A_TICK))
    figure.xticks(horizontal_ticks, _labels(horizontal_ticks, short_count))
    if chart.reference is not None and bottom <= chart.reference <= top:
        dots = max(2, width // 2)
        across = [left + (right - left) * place / (dots - 1) for place in range(dots)]
        figure.scatter(across, [chart.reference] * dots, marker="braille", color=colours["reference"])
    for line in chart.lines:
        if line.series:
            shown = decimated(line.series, BRAILLE_DOTS_A_COLUMN * width)
            figure.plot(list(shown.steps), list(shown.values), marker="braille", color=colours[line.role])
    return _as_text(figure.build(), width, height)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) between low and high, at most `about` + 1 of them."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low] if math.isfinite(low) else []
    rough = span / max(1, about)
    if rough == 0:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10(rough))
    if magnitude == 0 or not math.isfinite(magnitude):
        return [low]
    apart = next((factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough), 10 * magnitude)
    first = math.ceil(low / apart - 1e-9)
    last = math.floor(high / apart + 1e-9)
    if last - first > 2 * about + 2:  # the numbers are too large for so fine a difference
        return [low]
    return [place * apart for place in range(first, last + 1)]


def _can_be_drawn(number: float | None) -> bool:
    """Whether it is a finite number of a size that plotext can still scale."""
    return number is not None and math.isfinite(number) and abs(number) < LARGEST


def _clean(series: Series) -> Series:
    points = [
        (float(step), float(value))
        for step, value in zip(series.steps, series.values, strict=False)
        if _can_be_drawn(step) and _can_be_drawn(value)
    ]
    return Series(tuple(step for step, _ in points), tuple(value for _, value in points))


def _horizontal_range(chart: Chart) -> tuple[float, float]:
    """From the first step (0 when a whole run is shown) to the newest, or to the run's end once that is not far."""
    first = min(min(line.series.steps) for line in chart.lines if line.series)
    newest = max(max(line.series.steps) for line in chart.lines if line.series)
    left = min(0.0, first)
    right = newest
    if chart.steps > newest > 0.7 * chart.steps:
        right = float(chart.steps)
    return left, right if right > left else left + 1.0


def _vertical_range(chart: Chart) -> tuple[float, float]:
    """All values with a little air; a constant gets room on both sides; fixed bounds are kept."""
    values = [value for line in chart.lines for value in line.series.values]
    low, high = min(values), max(values)
    if chart.reference is not None:
        low, high = min(low, chart.reference), max(high, chart.reference)
    if chart.lowest is not None:
        low = min(chart.lowest, low)
    if chart.highest is not None:
        high = max(chart.highest, high)
    air = 0.05 * (high - low)
    if air <= 1e-9 * max(abs(low), abs(high), 1e-12):
        air = 0.5 * abs(high) or 0.5
    bottom = low if chart.lowest is not None and low == chart.lowest else low - air
    top = high if chart.highest is not None and high == chart.highest else high + air
    return bottom, top if top > bottom else bottom + (abs(bottom) or 1.0)  # fixed bounds may leave no room at all


def _labels(places: Sequence[float], say: Callable[[float], str]) -> list[str]:
    """Labels of one kind, short: the same digits after the point where the format is a plain number's."""
    return [say(float(f"{place:.6g}")) for place in places]


def _blank_figure(width: int, height: int, axis: Rgb):  # type: ignore[no-untyped-def]  # plotext has no types
    from textual_plotext.plot import Plot

    figure: Any = Plot()
    figure._limit_size(False, False)  # else plotext cuts at the size of the terminal that it believes to be in
    figure.plotsize(width, height)
    figure.canvas_color("default")
    figure.axes_color("default")
    figure.ticks_color(axis)
    figure.frame(False)
    figure.xaxes(False, False)
    figure.yaxes(False, False)
    return figure


def _as_text(ansi: str, width: int, height: int) -> Text:
    """plotext's coloured rows, cut and filled to the size asked for."""
    rows = list(Text.from_ansi(ansi).split("\n"))[:height]
    rows += [Text() for _ in range(height - len(rows))]
    for row in rows:
        row.truncate(width, pad=True)
    return Text("\n", no_wrap=True).join(rows)
