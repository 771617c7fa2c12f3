"""From charts and a view to what there is to draw: the part of each curve that is seen, thinned, with its ranges.

This is the work that grows with a run, so it is done in a thread; an `Arranger` remembers what it has taken in, and one
thread at a time uses it. What comes out is small and never changes. Characters and vectors are drawn elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spk_tui.chart_axes import vertical_range
from spk_tui.charts import Chart, Line, Reference, View
from spk_tui.series import Axis
from spk_tui.tracks import LARGEST, Track

if TYPE_CHECKING:
    from spk_tui.series import Floats

NEAR_THE_END = 0.7
SMALLEST = 1e-15  # on a logarithmic axis


@dataclass(frozen=True, eq=False)
class Trace:
    """A curve as it is drawn. `x`, `y`: what is shown; `raw_x`, `raw_y`: what was measured, where that differs.

    `best` is the marked point, of all that was measured. `steps` and `values` are all points, for reading values.
    """

    line: Line
    x: Floats
    y: Floats
    raw_x: Floats
    raw_y: Floats
    best: tuple[float, float] | None
    steps: Floats
    values: Floats

    def at(self, place: float, axis: Axis) -> float | None:
        """The shown value nearest to a place on the axis; none beyond the curve's ends."""
        import numpy as np

        if not len(self.steps):
            return None
        step = float(self.line.clock.steps([place], axis)[0])
        after = int(np.searchsorted(self.steps, step))
        near = [number for number in (after - 1, after) if 0 <= number < len(self.steps)]
        nearest = min(near, key=lambda number: abs(self.steps[number] - step))
        apart = (self.steps[-1] - self.steps[0]) / max(1, len(self.steps) - 1)
        return float(self.values[nearest]) if abs(self.steps[nearest] - step) <= max(1.0, apart) else None


@dataclass(frozen=True, eq=False)
class Plot:
    """A chart as it is drawn: its traces and the ranges of its axes. `newest`: each curve's last value, by label."""

    chart: Chart
    view: View = field(default_factory=View)
    traces: tuple[Trace, ...] = ()
    across: tuple[float, float] = (0.0, 1.0)
    upward: tuple[float, float] = (0.0, 1.0)
    logarithmic: bool = False
    references: tuple[Reference, ...] = ()
    newest: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether no curve has a point in the window."""
        return not any(len(trace.x) for trace in self.traces)


class Arranger:
    """Arranges charts, again and again as their curves grow."""

    def __init__(self) -> None:
        self._tracks: dict[tuple[str, str], Track] = {}

    def whole(self, charts: Mapping[str, Chart], axis: Axis) -> tuple[float, float]:
        """From where to where all curves of all charts go on the axis; to the run's end once that is not far."""
        lows, highs, ends = [0.0], [0.0], [0.0]
        for chart in charts.values():
            for line in chart.lines:
                if not len(line.series) or not line.clock.knows(axis):
                    continue
                first, last = (
                    _drawable(step) for step in (line.series.steps[0], line.series.steps[len(line.series) - 1])
                )
                low, high, end = line.clock.places([first, last, chart.steps], axis).tolist()
                lows.append(low)
                highs.append(high)
                ends.append(end)
        left, newest, end = min(lows), max(highs), max(ends)
        right = end if end > newest > NEAR_THE_END * end else newest
        return left, right if right > left else left + 1.0

    def arrange(self, name: str, chart: Chart, view: View, whole: tuple[float, float], columns: int) -> Plot:
        """What there is to draw of the chart of that name, in so many columns of dots."""
        logarithmic = name in view.logarithmic
        across = view.window or whole
        traces, newest = [], {}
        for line in chart.lines:
            track = self._tracks.setdefault((name, line.label), Track())
            track.follow(line.series, view.smoothing if line.noisy else 0.0)
            if len(track.values) and line.clock.knows(view.axis):
                newest[line.label] = float(track.values[-1])
                if line.label not in view.hidden:
                    traces.append(_trace(line, track, view.axis, across, columns, logarithmic))
        references = tuple(
            line
            for line in chart.references
            if abs(line.value) < LARGEST and (line.value >= SMALLEST or not logarithmic)
        )
        return Plot(
            chart=chart,
            view=view,
            traces=tuple(traces),
            across=across,
            upward=_upward(chart, traces, references, logarithmic, zoomed=view.window is not None),
            logarithmic=logarithmic,
            references=references,
            newest=newest,
        )


def arranged(chart: Chart, view: View | None = None, columns: int = 200) -> Plot:
    """A chart on its own, arranged once."""
    arranger = Arranger()
    view = view or View()
    return arranger.arrange(chart.title, chart, view, arranger.whole({chart.title: chart}, view.axis), columns)


def _trace(line: Line, track: Track, axis: Axis, across: tuple[float, float], columns: int, logarithmic: bool) -> Trace:
    low, high = line.clock.steps(across, axis).tolist()
    stretches = max(2, columns)
    steps, y = track.part(low, high, stretches)
    raw_steps, raw_y = track.part(low, high, stretches, raw=True) if track.is_smoothed else (steps[:0], y[:0])
    if logarithmic:
        seen, measured = y >= SMALLEST, raw_y >= SMALLEST
        steps, y, raw_steps, raw_y = steps[seen], y[seen], raw_steps[measured], raw_y[measured]
    return Trace(
        line=line,
        x=line.clock.places(steps, axis),
        y=y,
        raw_x=line.clock.places(raw_steps, axis),
        raw_y=raw_y,
        best=_best(line, track, axis),
        steps=track.steps,
        values=track.values,
    )


def _best(line: Line, track: Track, axis: Axis) -> tuple[float, float] | None:
    """The best measured point of a curve on the axis; of equal ones the first."""
    if not line.best:
        return None
    place = int(track.raw.argmax() if line.best == "highest" else track.raw.argmin())
    return float(line.clock.places(track.steps[place : place + 1], axis)[0]), float(track.raw[place])


def _upward(
    chart: Chart, traces: list[Trace], references: tuple[Reference, ...], logarithmic: bool, *, zoomed: bool
) -> tuple[float, float]:
    """The vertical range: all that is seen, measured values and references too; in a window nothing more."""
    seen = [part for trace in traces for part in (trace.y, trace.raw_y) if len(part)]
    values = [float(bound) for part in seen for bound in (part.min(), part.max())]
    values += [line.value for line in references] if values else []
    if not values:
        return (1.0, 10.0) if logarithmic else (0.0, 1.0)
    lowest, highest = (None if zoomed else _bound(number) for number in (chart.lowest, chart.highest))
    return vertical_range(min(values), max(values), lowest, highest, logarithmic)


def _bound(number: float | None) -> float | None:
    return number if number is not None and abs(number) < LARGEST else None


def _drawable(step: float) -> float:
    return step if math.isfinite(step) and abs(step) < LARGEST else 0.0
