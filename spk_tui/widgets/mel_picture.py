"""An utterance's log-mel frames as a picture in the terminal: two pixels a character, with seconds and hertz beside it.

It draws what it is given; decoding is the work of `engine.corpus.frames_client`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from spk_tui.chart_axes import ticks
from spk_tui.mel_image import pixels

MARGIN = 8  # columns of the labels at the left, with a blank after them
ROWS_A_LABEL, COLUMNS_A_LABEL = 4, 12
SMALLEST = (MARGIN + 8, 3)


@dataclass(frozen=True, eq=False)
class MelFrames:
    """What is drawn: frames (columns, mel), the seconds that they last, and each band's hertz where these are known."""

    columns: NDArray[np.floating]
    seconds: float
    hertz: Sequence[float] = ()


class MelPicture(Widget):
    """The picture; without frames it is blank."""

    DEFAULT_CSS = """
    MelPicture { width: 1fr; height: 1fr; color: $foreground-muted; }
    """

    frames: reactive[MelFrames | None] = reactive(None)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: tuple[object, list[Strip]] | None = None

    def render_line(self, y: int) -> Strip:
        """One line: a label, then characters whose upper and lower half are pixels; the last line tells seconds."""
        width, height = self.content_size
        base = self.rich_style
        wanted = (self.frames, width, height, base)
        if self._drawn is None or self._drawn[0] != wanted:
            self._drawn = (wanted, self._draw(width, height, base))
        lines = self._drawn[1]
        return lines[y] if y < len(lines) else Strip.blank(width, base)

    def _draw(self, width: int, height: int, base: Style) -> list[Strip]:
        frames = self.frames
        if frames is None or not frames.columns.size or width < SMALLEST[0] or height < SMALLEST[1]:
            return []
        across, down = width - MARGIN, height - 1
        picture = pixels(frames.columns, across, 2 * down)
        labels = band_labels(frames, down)
        lines = []
        for row in range(down):
            label = Segment(f"{labels.get(row, ''):>{MARGIN - 1}} ", base)
            upper, lower = picture[2 * row], picture[2 * row + 1]
            cells = [Segment("▀", _half_blocks(upper[column], lower[column])) for column in range(across)]
            lines.append(Strip([label, *cells], width).simplify())
        lines.append(Strip([Segment(" " * MARGIN + seconds_line(frames.seconds, across), base)], width))
        return lines


def band_labels(frames: MelFrames, rows: int) -> dict[int, str]:
    """Labels of some rows, counted from the top: the hertz of the band in the middle of the row, or its number."""
    bands = frames.columns.shape[1]
    labels = {}
    for row in range(0, rows, ROWS_A_LABEL) if rows > ROWS_A_LABEL else (0,):
        band = min(bands - 1, int((rows - row - 0.5) / rows * bands))
        labels[row] = hertz_words(frames.hertz[band]) if frames.hertz else f"mel {band + 1}"
    return labels


def hertz_words(hertz: float) -> str:
    """100 Hz, 1.2 kHz."""
    return f"{hertz / 1000:.1f} kHz" if hertz >= 1000 else f"{hertz:.0f} Hz"


def seconds_line(seconds: float, width: int) -> str:
    """Round seconds under the places where they are, as many as have room; the unit stands at the last one."""
    line = [" "] * width
    places = ticks(0.0, seconds, max(1, width // COLUMNS_A_LABEL))
    for number, place in enumerate(places):
        text = f"{place:g} s" if number == len(places) - 1 else f"{place:g}"
        begin = min(round(place / seconds * width) if seconds else 0, width - len(text))
        line[begin : begin + len(text)] = text
    return "".join(line)


def _half_blocks(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> Style:
    return Style(color=Color(*upper.tolist()).rich_color, bgcolor=Color(*lower.tolist()).rich_color)
