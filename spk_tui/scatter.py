"""Points with names on two axes, as text: what each encoder costs against what it reaches.

Whatever the numbers, it draws exactly the rows and columns asked for. Each row is pieces of text with the name of what
they are, which the widget turns into colours; a point is its letter, so that no colour is needed to tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from spk_tui.chart_axes import ticks

SMALLEST_WIDTH, SMALLEST_HEIGHT = 24, 5
ROWS_A_TICK, COLUMNS_A_TICK = 3, 14
LARGEST = 1e15
Piece = tuple[str, str]
"""Some text, and what it is: "axis", "limit", "label", a point's letter, or "" for nothing."""


@dataclass(frozen=True)
class Point:
    """A point: its letter, its name, and where it is."""

    letter: str
    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Limit:
    """A vertical line: what is to its right is too much."""

    x: float
    name: str


def draw_scatter(
    points: Sequence[Point], limits: Sequence[Limit], width: int, height: int, say: Callable[[float], str]
) -> list[list[Piece]]:
    """`height` rows that are `width` columns wide; blank without a finite point or without room. `say` words x."""
    points = [point for point in points if abs(point.x) < LARGEST and abs(point.y) < LARGEST]
    limits = [limit for limit in limits if abs(limit.x) < LARGEST]
    if not points or width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        return [[(" " * width, "")] for _ in range(height)]
    bottom, top = _range([point.y for point in points])
    left, right = _range([*(point.x for point in points), *(limit.x for limit in limits)])
    left = max(0.0, left) if min(point.x for point in points) >= 0 else left
    heights = ticks(bottom, top, max(2, height // ROWS_A_TICK))
    labels = [f"{float(f'{place:.6g}'):g}" for place in heights]
    margin = max(map(len, labels), default=0) + 2
    grid = _Grid(width, height)
    inner = _Scale(left, right, margin, width - 1), _Scale(bottom, top, height - 2, 0)
    for place, label in zip(heights, labels, strict=True):
        grid.write(inner[1].cell(place), margin - 2 - len(label), label, "axis")
    for place in ticks(left, right, max(2, (width - margin) // COLUMNS_A_TICK)):
        label = say(float(f"{place:.6g}"))
        grid.write(height - 1, min(width - len(label), max(0, inner[0].cell(place) - len(label) // 2)), label, "axis")
    for limit in limits:
        _draw_limit(grid, inner[0].cell(limit.x), limit.name)
    for point in points:
        grid.write(inner[1].cell(point.y), inner[0].cell(point.x), point.letter, point.letter)
    for point in points:
        _name(grid, inner[1].cell(point.y), inner[0].cell(point.x), point.name)
    return grid.rows()


def _range(values: Sequence[float]) -> tuple[float, float]:
    """All values with a little air; a single one gets room on both sides."""
    low, high = min(values), max(values)
    air = 0.06 * (high - low)
    if air <= 1e-9 * max(abs(low), abs(high), 1e-12):
        air = 0.1 * abs(high) or 0.5
    return low - air, high + air


def _draw_limit(grid: _Grid, column: int, name: str) -> None:
    """The line with its name beside it at the top, on the side where there is room."""
    for row in range(grid.height - 1):
        grid.write(row, column, "┊", "limit")
    grid.write(0, column + 2 if column + 2 + len(name) <= grid.width else column - 1 - len(name), name, "limit")


def _name(grid: _Grid, row: int, column: int, name: str) -> None:
    """Writes a point's name beside it, or above or below, where nothing else stands; nowhere when all is taken."""
    if cell_len(name) != len(name):
        return  # wide letters lie across cells; the legend has the name
    for line, begin in (
        (row, column + 2), (row, column - 1 - len(name)), (row - 1, column + 1), (row + 1, column + 1),
        (row - 1, column - len(name)), (row + 1, column - len(name)),
    ):  # fmt: skip
        if grid.is_free(line, begin - 1, len(name) + 1):
            grid.write(line, begin, name, "label")
            return


@dataclass(frozen=True)
class _Scale:
    """From numbers to cells."""

    low: float
    high: float
    first: int
    last: int

    def cell(self, number: float) -> int:
        """The cell that the number falls into."""
        return round(self.first + (number - self.low) / (self.high - self.low) * (self.last - self.first))


class _Grid:
    """Cells with a letter and what it is."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells = [[(" ", "")] * width for _ in range(height)]

    def write(self, row: int, column: int, text: str, style: str) -> None:
        """Puts text over what is there, as far as it lies on the grid."""
        for place, letter in enumerate(text, start=column):
            if 0 <= row < self.height and 0 <= place < self.width:
                self._cells[row][place] = (letter, style)

    def is_free(self, row: int, column: int, length: int) -> bool:
        """Whether so many cells lie above the horizontal axis and are blank."""
        if not (0 <= row < self.height - 1 and column >= 0 and column + length <= self.width):
            return False
        return all(letter == " " for letter, _ in self._cells[row][column : column + length])

    def rows(self) -> list[list[Piece]]:
        """The cells of a row joined where they are the same thing."""
        joined = []
        for cells in self._cells:
            pieces: list[Piece] = []
            for letter, style in cells:
                if pieces and pieces[-1][1] == style:
                    pieces[-1] = (pieces[-1][0] + letter, style)
                else:
                    pieces.append((letter, style))
            joined.append(pieces)
        return joined
