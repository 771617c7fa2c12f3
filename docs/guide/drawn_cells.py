"""Makes a screenshot independent of fonts: lines, blocks and braille become shapes, and other text keeps its width.

Textual's SVG fetches a font, which no README may do, and few fonts have all these characters at the width of a cell.
What the picture shows is `make_screenshots.py`'s business.
"""

from __future__ import annotations

import re
from html import unescape
from itertools import groupby

CELL_WIDTH, ROW_HEIGHT, BASELINE = 12.2, 24.4, 18.5  # as rich lays out its SVG, in its units
THIN, THICK = 1.6, 3.2
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"

Rectangle = tuple[float, float, float, float]  # left, top, width, height, as parts of a cell

_PARTS: dict[str, Rectangle] = {
    "▀": (0, 0, 1, 1 / 2), "▔": (0, 0, 1, 1 / 8), "▐": (1 / 2, 0, 1 / 2, 1), "▕": (7 / 8, 0, 1 / 8, 1),
    **{chr(0x2580 + eighths): (0, 1 - eighths / 8, 1, eighths / 8) for eighths in range(1, 9)},
    **{chr(0x2590 - eighths): (0, 0, eighths / 8, 1) for eighths in range(1, 8)},
}  # fmt: skip
_LINES = {"─": (THIN, 0, 1), "━": (THICK, 0, 1), "╸": (THICK, 0, 1 / 2), "╺": (THICK, 1 / 2, 1 / 2)}
_CORNERS = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}  # where the arms go: right is 1, down is 1
_BRAILLE_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # row by row, the left dot first


def without_fonts(svg: str) -> str:
    """The picture, readable with whatever monospaced font there is."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", FONTS)
    text = r'<text class="([^"]+)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+" clip-path="([^"]+)">(.*?)</text>'
    return re.sub(text, lambda found: _run(found[1], float(found[2]), float(found[3]), found[4], found[5]), svg)


def _run(style: str, left: float, baseline: float, clip: str, escaped: str) -> str:
    """One run of characters of a style: the shapes in it as one path, and each stretch of text between them."""
    top = baseline - BASELINE
    paths, texts = [], []
    placed = [(left + CELL_WIDTH * place, character) for place, character in enumerate(unescape(escaped))]
    for is_shape, group in groupby(placed, key=lambda each: _shape(each[1], 0, 0) is not None):
        characters = list(group)
        if is_shape:
            paths += [_shape(character, x, top) or "" for x, character in characters]
        else:
            words = "".join(f"&#{ord(c)};" if c in "&<>\xa0" else c for _, c in characters)
            texts.append(
                f'<text class="{style}" x="{characters[0][0]:.5g}" y="{baseline:.5g}" lengthAdjust="spacingAndGlyphs" '
                f'textLength="{CELL_WIDTH * len(characters):.5g}" clip-path="{clip}">{words}</text>'
            )
    return (f'<path class="{style}" d="{"".join(paths)}"/>' if paths else "") + "".join(texts)


def _shape(character: str, x: float, y: float) -> str | None:
    """The character as a path in the cell whose upper left corner is (x, y); none when it is to be text."""
    middle_x, middle_y = x + CELL_WIDTH / 2, y + ROW_HEIGHT / 2
    if "\u2800" <= character <= "\u28ff":
        return _braille(ord(character) - 0x2800, x, y)
    if part := _PARTS.get(character):
        left, top, width, height = part
        return _box(x + left * CELL_WIDTH, y + top * ROW_HEIGHT, width * CELL_WIDTH, height * ROW_HEIGHT)
    if line := _LINES.get(character):
        thickness, start, length = line
        return _box(x + start * CELL_WIDTH, middle_y - thickness / 2, length * CELL_WIDTH, thickness)
    if character == "│":
        return _box(middle_x - THIN / 2, y, THIN, ROW_HEIGHT)
    if corner := _CORNERS.get(character):
        across, down = corner
        half, end_x, end_y = THIN / 2, middle_x + across * CELL_WIDTH / 2, middle_y + down * ROW_HEIGHT / 2
        outer_x, outer_y = middle_x - across * half, middle_y - down * half
        inner_x, inner_y = middle_x + across * half, middle_y + down * half
        return (
            f"M{outer_x:.5g} {end_y:.5g}Q{outer_x:.5g} {outer_y:.5g} {end_x:.5g} {outer_y:.5g}V{inner_y:.5g}"
            f"Q{inner_x:.5g} {inner_y:.5g} {inner_x:.5g} {end_y:.5g}Z"
        )
    return None


def _braille(dots: int, x: float, y: float) -> str:
    """A square for each dot that is set, in two columns of four."""
    side = 3.0
    return "".join(
        _box(x + CELL_WIDTH * (column + 0.5) / 2 - side / 2, y + ROW_HEIGHT * (row + 0.5) / 4 - side / 2, side, side)
        for row, bits in enumerate(_BRAILLE_BITS)
        for column, bit in enumerate(bits)
        if dots & bit
    )


def _box(left: float, top: float, width: float, height: float) -> str:
    return f"M{left:.5g} {top:.5g}h{width:.4g}v{height:.4g}h-{width:.4g}z"
