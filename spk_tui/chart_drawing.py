"""A plot in characters: axes with round numbers, what was measured dimly behind each curve, marks, the best point.

Whatever the data, it draws exactly the rows and columns that it is given; where there is no room for axes, or nothing
to show, it says so or stays blank. Styles are names that the widget turns into colours. The dots are drawn by ourselves
(`dot_canvas.py`): plotext took 12 ms for a chart of 58 by 13 cells, where this takes 1.6, and couldn't mark a point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spk_tui.arranging import Plot, Trace, arranged
from spk_tui.chart_axes import labels, log_ticks, step_label, ticks, time_label, time_ticks
from spk_tui.charts import Chart, Point, View

if TYPE_CHECKING:
    from spk_tui.dot_canvas import DotCanvas, Marker, Run
    from spk_tui.series import Floats

SMALLEST_WIDTH, SMALLEST_HEIGHT = 16, 4
ROWS_A_TICK, COLUMNS_A_TICK = 3, 12
COLUMNS_A_MARK = 12
LETTERS: dict[Point, str] = {
    "circle": "●", "triangle": "▲", "square": "■", "diamond": "◆", "cross": "×", "ring": "○", "plus": "+", "star": "★",
}  # fmt: skip
ASCII_LETTERS: dict[Point, str] = {
    "circle": "o", "triangle": "^", "square": "#", "diamond": "v", "cross": "x", "ring": "0", "plus": "+", "star": "*",
}  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """Rows of text in runs of one style: a role, "<role> behind", "axis", "reference", "cursor" or "".

    `margin` are the columns at the left that hold the numbers of the vertical axis.
    """

    rows: tuple[tuple[Run, ...], ...]
    margin: int = 0

    @property
    def plain(self) -> str:
        """The text without styles."""
        return "\n".join("".join(text for text, _ in row) for row in self.rows)


def draw(chart: Chart, width: int, height: int, *, view: View | None = None, marker: Marker = "braille") -> Drawing:
    """A chart on its own, arranged and drawn at once."""
    return drawn(arranged(chart, view, 2 * max(1, width)), width, height, marker=marker)


def drawn(plot: Plot, width: int, height: int, *, marker: Marker = "braille", cursor: float | None = None) -> Drawing:
    """The plot as `height` rows of `width` columns. `cursor`: a place on the horizontal axis with a line through it."""
    if width < 1 or height < 1:
        return Drawing(((),) * max(0, height))
    if plot.is_blank or width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        return _blank(plot, width, height)
    from spk_tui.dot_canvas import DotCanvas

    about = max(2, height // ROWS_A_TICK + 1)
    places = (log_ticks if plot.logarithmic else ticks)(*plot.upward, about)
    words = labels(places, plot.chart.tick_format)
    margin = min(max((len(word) for word in words), default=0) + 1, width // 2)
    frame = Frame(plot, DotCanvas(width - margin, height - 1, marker), marker)
    frame.fill(cursor)
    beside = {
        round((frame.row_of(place) - 1.5) / frame.cell_height): word for place, word in zip(places, words, strict=True)
    }
    rows: list[tuple[Run, ...]] = []
    for number, row in enumerate(frame.canvas.rows()):
        rows.append(((f"{beside.get(number, '')[: margin - 1]:>{margin - 1}} ", "axis"), *row))
    rows.append(((" " * margin + _below(plot, frame, width - margin), "axis"),))
    return Drawing(tuple(rows), margin)


def line_letter(point: Point, marker: Marker) -> str:
    """The mark of a curve as legends show it."""
    plain = "-" if marker == "ascii" else "━"
    return (ASCII_LETTERS if marker == "ascii" else LETTERS).get(point, plain)


def place_words(place: float, plot: Plot) -> str:
    """A place on the horizontal axis as the cursor tells it: "step 42,000", "1.5 h", "epoch 3.2"."""
    axis = plot.view.axis
    if axis == "time":
        hours, minutes, seconds = int(place // 3600), int(place // 60 % 60), int(place % 60)
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"step {place:,.0f}" if axis == "step" else f"epoch {place:.2f}"


class Frame:
    """A plot's own coordinates on a canvas."""

    def __init__(self, plot: Plot, canvas: DotCanvas, marker: Marker) -> None:
        self.plot, self.canvas = plot, canvas
        self._letters = ASCII_LETTERS if marker == "ascii" else LETTERS
        self._has_shades = marker != "ascii"  # else what was measured can't be told from what is shown
        self.cell_width = canvas.dots_across / canvas.width
        self.cell_height = canvas.dots_down / canvas.height

    def columns_of(self, x: Floats) -> Floats:
        """Columns of dots for places on the horizontal axis."""
        left, right = self.plot.across
        return (x - left) / (right - left) * (self.canvas.dots_across - 1)

    def rows_of(self, y: Floats) -> Floats:
        """Rows of dots, from the top, for values."""
        import numpy as np

        bottom, top = self.plot.upward
        if self.plot.logarithmic:
            y, bottom, top = np.log10(y), math.log10(bottom), math.log10(top)
        return (top - y) / (top - bottom) * (self.canvas.dots_down - 1)

    def column_of(self, x: float) -> float:
        """As `columns_of`, of one place."""
        import numpy as np

        return float(self.columns_of(np.array([x]))[0])

    def row_of(self, y: float) -> float:
        """As `rows_of`, of one value."""
        import numpy as np

        return float(self.rows_of(np.array([y]))[0])

    def fill(self, cursor: float | None) -> None:
        """Draws everything, what matters most last."""
        for trace in self.plot.traces if self._has_shades else ():
            self.canvas.line(
                self.columns_of(trace.raw_x), self.rows_of(trace.raw_y), f"{trace.line.role} behind", layer=0
            )
        self._references()
        if cursor is not None:
            self._cursor(cursor)
        for trace in self.plot.traces:
            self.canvas.line(self.columns_of(trace.x), self.rows_of(trace.y), trace.line.role)
        for number, trace in enumerate(self.plot.traces):
            self._marks(trace, number)
        self._reference_labels()
        for trace in self.plot.traces:
            self._best(trace)

    def _references(self) -> None:
        import numpy as np

        across = np.arange(0, self.canvas.dots_across, max(2, round(self.cell_width)), dtype=np.float64)
        for line in self.plot.references:
            self.canvas.points(across, np.full(len(across), self.row_of(line.value)), "reference")

    def _reference_labels(self) -> None:
        """At the left, where curves are far from their end; above the line or below it, wherever it is free."""
        for line in self.plot.references:
            row = int(self.row_of(line.value) // self.cell_height)
            for near in (row - 1, row + 1):
                if self.canvas.is_free(1, near, len(line.label)):
                    self.canvas.text(1, near, line.label, "reference")
                    break

    def _cursor(self, cursor: float) -> None:
        import numpy as np

        down = np.arange(0, self.canvas.dots_down, dtype=np.float64)
        self.canvas.points(np.full(len(down), self.column_of(cursor)), down, "cursor")

    def _marks(self, trace: Trace, number: int) -> None:
        """A curve's mark on its points, or on some of them where they stand close; those of several curves apart."""
        letter = self._letters.get(trace.line.marker)
        if letter is None or not len(trace.x):
            return
        columns = (self.columns_of(trace.x) // self.cell_width).astype(int)
        rows = (self.rows_of(trace.y) // self.cell_height).astype(int)
        apart = 1 if len(trace.steps) <= self.canvas.width / 3 else COLUMNS_A_MARK
        taken = -COLUMNS_A_MARK
        for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
            if column >= taken + apart and (apart == 1 or column % COLUMNS_A_MARK >= 3 * number % COLUMNS_A_MARK):
                self.canvas.text(column, row, letter, trace.line.role)
                taken = column - column % apart if apart > 1 else column

    def _best(self, trace: Trace) -> None:
        """A star at the best point, its value beside it, wherever nothing is covered."""
        if trace.best is None or not self.plot.across[0] <= trace.best[0] <= self.plot.across[1]:
            return
        x, y = trace.best
        if self.plot.logarithmic and y <= 0:
            return
        column, row = int(self.column_of(x) // self.cell_width), int(self.row_of(y) // self.cell_height)
        self.canvas.text(column, row, self._letters["star"], trace.line.role)
        label = trace.line.say(y)
        for near in (row - 1, row + 1, row, row - 2, row + 2):
            for begin in (column - len(label) + 1, column - len(label) // 2, column - len(label) - 1, column + 2):
                if self.canvas.is_free(begin, near, len(label)):
                    self.canvas.text(begin, near, label, trace.line.role)
                    return


def _blank(plot: Plot, width: int, height: int) -> Drawing:
    words = "no points yet" if not plot.newest else "all curves are hidden" if not plot.traces else "no points here"
    if plot.logarithmic and plot.traces:
        words = "nothing above zero here"
    if len(words) > width or (not plot.is_blank):
        words = ""
    middle = height // 2
    rows = [((words.center(width) if row == middle else " " * width, "axis"),) for row in range(height)]
    return Drawing(tuple(rows))


def _below(plot: Plot, frame: Frame, width: int) -> str:
    """The numbers below: each under its place, none over another, all on the line."""
    choose, say = (time_ticks, time_label) if plot.view.axis == "time" else (ticks, step_label)
    places = choose(*plot.across, max(2, width // COLUMNS_A_TICK))
    line, free = [" "] * width, 0
    for place, word in zip(places, labels(places, say), strict=True):
        middle = round(frame.column_of(place) / frame.cell_width)
        begin = min(max(0, middle - len(word) // 2), width - len(word))
        if begin >= free:
            line[begin : begin + len(word)] = word
            free = begin + len(word) + 1
    return "".join(line)
