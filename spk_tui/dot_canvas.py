"""A canvas of character cells, finer than the cells: eight dots in each with braille, four with blocks, one in ASCII.

Lines are drawn by NumPy, some fifty times faster than point by point. What the dots mean, and colours, are others'
business: each layer only has the name of its style.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Marker: TypeAlias = Literal["braille", "block", "ascii"]
Run: TypeAlias = tuple[str, str]
"""Some text of one style."""


@dataclass(frozen=True)
class Dots:
    """How one marker fills a cell. `bits`: (down, across), each dot's number; `letters`: one for each sum of them."""

    bits: tuple[tuple[int, ...], ...]
    letters: str

    @property
    def across(self) -> int:
        """Dots beside each other in a cell."""
        return len(self.bits[0])

    @property
    def down(self) -> int:
        """Dots above each other in a cell."""
        return len(self.bits)


DOTS: dict[Marker, Dots] = {
    "braille": Dots(((1, 8), (2, 16), (4, 32), (64, 128)), " " + "".join(chr(0x2800 + sum_) for sum_ in range(1, 256))),
    "block": Dots(((1, 2), (4, 8)), " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"),
    "ascii": Dots(((1,),), " ."),
}


class DotCanvas:
    """`height` rows of `width` cells. What is drawn later lies above; a curve hides what is behind it in its cells."""

    def __init__(self, width: int, height: int, marker: Marker) -> None:
        self.width, self.height = width, height
        self._dots = DOTS[marker]
        self._sums = np.zeros((height, width), dtype=np.uint8)
        self._styles = np.zeros((height, width), dtype=np.int16)
        self._above = np.zeros((height, width), dtype=np.int16)
        self._letters = np.full((height, width), "", dtype="<U1")
        self._names = [""]

    @property
    def dots_across(self) -> int:
        """Columns of dots."""
        return self.width * self._dots.across

    @property
    def dots_down(self) -> int:
        """Rows of dots."""
        return self.height * self._dots.down

    def line(self, x: NDArray[np.float64], y: NDArray[np.float64], style: str, *, layer: int = 1) -> None:
        """A line through points in dots, from the left and from the top; of a higher layer it clears what is below."""
        if not len(x):
            return
        self._set(*_joined(np.rint(x), np.rint(y)), style, layer)

    def points(self, x: NDArray[np.float64], y: NDArray[np.float64], style: str, *, layer: int = 0) -> None:
        """Single dots."""
        self._set(np.rint(x).astype(np.intp), np.rint(y).astype(np.intp), style, layer)

    def text(self, column: int, row: int, text: str, style: str) -> None:
        """Letters over whatever is there, as far as they lie on the canvas."""
        if not 0 <= row < self.height:
            return
        number = self._number(style)
        for place, letter in enumerate(text, start=column):
            if 0 <= place < self.width:
                self._letters[row, place] = letter
                self._styles[row, place] = number

    def is_free(self, column: int, row: int, length: int) -> bool:
        """Whether so many cells lie on the canvas and show nothing of a curve and no letter."""
        if not (0 <= row < self.height and column >= 0 and column + length <= self.width):
            return False
        cells = slice(column, column + length)
        return not (self._letters[row, cells] != "").any() and not (self._above[row, cells] > 0).any()

    def rows(self) -> list[list[Run]]:
        """The cells as text, row by row, in runs of one style."""
        letters = np.array(list(self._dots.letters))[self._sums]
        letters = np.where(self._letters != "", self._letters, letters)
        return [self._runs("".join(letters[row]), self._styles[row]) for row in range(self.height)]

    def _runs(self, text: str, styles: NDArray[np.int16]) -> list[Run]:
        changes = [0, *(np.flatnonzero(np.diff(styles)) + 1).tolist(), len(text)]
        return [
            (text[begin:end], self._names[styles[begin]]) for begin, end in pairwise(changes)
            if end > begin
        ]  # fmt: skip

    def _set(self, x: NDArray[np.intp], y: NDArray[np.intp], style: str, layer: int) -> None:
        inside = (x >= 0) & (x < self.dots_across) & (y >= 0) & (y < self.dots_down)
        x, y = x[inside], y[inside]
        rows, columns = y // self._dots.down, x // self._dots.across
        drawn = np.zeros_like(self._sums)
        bits = np.array(self._dots.bits, dtype=np.uint8)
        np.bitwise_or.at(drawn, (rows, columns), bits[y % self._dots.down, x % self._dots.across])
        touched = drawn > 0
        covered = touched & (self._above < layer)
        self._sums[covered] = 0
        seen = touched & (self._above <= layer)
        self._sums[seen] |= drawn[seen]
        self._styles[seen] = self._number(style)
        self._above[seen] = layer

    def _number(self, style: str) -> int:
        if style not in self._names:
            self._names.append(style)
        return self._names.index(style)


def _joined(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All dots on the way from point to point."""
    across, down = np.diff(x), np.diff(y)
    lengths = np.maximum(1, np.maximum(np.abs(across), np.abs(down))).astype(np.intp)
    segment = np.repeat(np.arange(len(lengths)), lengths)
    done = np.arange(len(segment)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    share = done / lengths[segment] if len(segment) else np.empty(0)
    along_x = np.append(x[:-1][segment] + across[segment] * share, x[-1])
    along_y = np.append(y[:-1][segment] + down[segment] * share, y[-1])
    return np.rint(along_x).astype(np.intp), np.rint(along_y).astype(np.intp)
