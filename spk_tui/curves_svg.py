"""Charts as one vector image: panels with axes, round numbers, reference lines, marked best points and a legend each.

It is made from the full curves, with the view (part of the axis, smoothing, hidden curves) that one asks for, and
needs no library: an SVG of lines and words is little to write. Colours are those that everybody can tell apart, and
dashes say the same without colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

from spk_tui.arranging import Arranger, Plot, Trace
from spk_tui.chart_axes import labels, log_ticks, step_label, ticks, time_label, time_ticks
from spk_tui.charts import Chart, View
from spk_tui.palettes import OKABE_ITO

if TYPE_CHECKING:
    from spk_tui.series import Floats

WIDTH, HEIGHT = 760, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 18, 58, 40
GAP, HEAD, PANELS_BESIDE = 16, 44, 2
FONT = (
    "font-family=\"Helvetica, Arial, 'DejaVu Sans', 'PingFang TC', 'Microsoft JhengHei', 'Noto Sans CJK TC', "
    'sans-serif"'
)
INK, QUIET, GRID = "#22262e", "#68707d", "#e3e6ea"
DASHES = {"": "", "circle": "7 3", "triangle": "2 3", "square": "9 3 2 3", "diamond": "12 4", "cross": "4 4"}
AXIS_WORDS = {"step": "step", "time": "time trained", "epoch": "epoch"}
UNKNOWN = "#444444"


def curves_svg(charts: Mapping[str, Chart], view: View | None = None, *, title: str = "", axis: str = "") -> str:
    """The charts, by name, as the text of an SVG file: one alone, more of them two beside each other.

    axis: what the horizontal axis is called, where that isn't said in English.
    """
    view = view or View()
    arranger = Arranger()
    whole = arranger.whole(charts, view.axis)
    panels = [Panel(arranger.arrange(name, chart, view, whole, 2 * WIDTH), axis) for name, chart in charts.items()]
    beside = min(len(panels), PANELS_BESIDE) or 1
    below = -(-len(panels) // beside)
    head = HEAD if title else 0
    width, height = beside * (WIDTH + GAP) + GAP, head + below * (HEIGHT + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f"{FONT}>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    if title:
        parts.append(_text(GAP + 8, 34, title, size=18, fill=INK, weight="bold"))
    for number, panel in enumerate(panels):
        x, y = GAP + number % beside * (WIDTH + GAP), GAP + head + number // beside * (HEIGHT + GAP)
        parts += [f'<g transform="translate({x} {y})">', *panel.parts(), "</g>"]
    return "\n".join((*parts, "</svg>\n"))


@dataclass(frozen=True)
class Panel:
    """One chart of the image, in its own coordinates."""

    plot: Plot
    axis: str = ""

    def parts(self) -> list[str]:
        """Everything in it, from the back to the front."""
        plot = self.plot
        title = _text(0, 18, plot.chart.title, size=15, fill=INK, weight="bold")
        if plot.is_blank:
            return [title, _text(WIDTH / 2, HEIGHT / 2, "no points", fill=QUIET, anchor="middle")]
        traces = plot.traces
        return [
            title,
            *self._legend(),
            *self._axes(),
            *(
                self._path(trace, trace.raw_x, trace.raw_y, opacity=0.25, width=1)
                for trace in traces
                if len(trace.raw_x)
            ),
            *self._references(),
            *(self._path(trace, trace.x, trace.y, dashes=DASHES.get(trace.line.marker, "")) for trace in traces),
            *(part for trace in traces for part in self._best(trace)),
        ]

    def _x(self, place: float) -> float:
        low, high = self.plot.across
        return LEFT + (place - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        low, high = self.plot.upward
        if self.plot.logarithmic:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def _legend(self) -> list[str]:
        parts, x = [], 0.0
        for trace in self.plot.traces:
            words = f"{trace.line.label} {trace.line.say(self.plot.newest[trace.line.label])}"
            dash = f' stroke-dasharray="{DASHES[trace.line.marker]}"' if DASHES.get(trace.line.marker) else ""
            parts.append(f'<path d="M{x:.1f} 36h24" stroke="{_colour(trace)}" stroke-width="2.2"{dash}/>')
            parts.append(_text(x + 30, 40, words, fill=INK))
            x += 52 + sum(12.0 if east_asian_width(letter) in "WF" else 6.6 for letter in words)
        return parts

    def _axes(self) -> list[str]:
        plot = self.plot
        parts = []
        values = (log_ticks if plot.logarithmic else ticks)(*plot.upward, 6)
        for value, word in zip(values, labels(values, plot.chart.tick_format), strict=True):
            y = self._y(value)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
            parts.append(_text(LEFT - 8, y + 4, word, fill=QUIET, anchor="end"))
        choose, say = (time_ticks, time_label) if plot.view.axis == "time" else (ticks, step_label)
        places = choose(*plot.across, 8)
        for place, word in zip(places, labels(places, say), strict=True):
            x = self._x(place)
            parts.append(f'<path d="M{x:.1f} {HEIGHT - BOTTOM}v5" stroke="{QUIET}"/>')
            parts.append(_text(x, HEIGHT - BOTTOM + 19, word, fill=QUIET, anchor="middle"))
        parts.append(f'<path d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="{QUIET}"/>')
        parts.append(
            _text(WIDTH - RIGHT, HEIGHT - 4, self.axis or AXIS_WORDS[plot.view.axis], fill=QUIET, anchor="end")
        )
        return parts

    def _path(
        self, trace: Trace, x: Floats, y: Floats, *, opacity: float = 1.0, width: float = 2, dashes: str = ""
    ) -> str:
        points = "L".join(f"{self._x(a):.1f} {self._y(b):.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
        more = f' stroke-dasharray="{dashes}"' if dashes else ""
        more += f' opacity="{opacity}"' if opacity < 1 else ""
        if len(x) == 1:
            only_x, only_y = self._x(float(x[0])), self._y(float(y[0]))
            return f'<circle cx="{only_x:.1f}" cy="{only_y:.1f}" r="2.5" fill="{_colour(trace)}"/>'
        return (
            f'<path d="M{points}" fill="none" stroke="{_colour(trace)}" stroke-width="{width}" '
            f'stroke-linejoin="round"{more}/>'
            if points
            else ""
        )

    def _references(self) -> list[str]:
        parts = []
        for line in self.plot.references:
            y = self._y(line.value)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{QUIET}" stroke-dasharray="2 4"/>')
            parts.append(_text(LEFT + 6, y - 5, line.label, fill=QUIET))
        return parts

    def _best(self, trace: Trace) -> list[str]:
        if trace.best is None or not self.plot.across[0] <= trace.best[0] <= self.plot.across[1]:
            return []
        if self.plot.logarithmic and trace.best[1] <= self.plot.upward[0]:
            return []
        x, y = self._x(trace.best[0]), self._y(trace.best[1])
        above = trace.line.best == "highest"
        return [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="#ffffff" stroke="{_colour(trace)}" stroke-width="2.2"/>',
            _text(min(x, WIDTH - RIGHT - 4), y - 10 if above else y + 20, trace.line.say(trace.best[1]), fill=INK,
                  anchor="end" if x > WIDTH - 80 else "middle", weight="bold"),
        ]  # fmt: skip


def _colour(trace: Trace) -> str:
    return OKABE_ITO.get(trace.line.role, UNKNOWN)


def _text(
    x: float, y: float, words: str, *, fill: str, size: int = 12, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
