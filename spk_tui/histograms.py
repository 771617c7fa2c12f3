"""Histograms as text, in eighths of a character: lying bars for reports, standing bars for the dashboard.

Pure functions of the numbers of `engine.corpus.histogram`; colours and frames are their callers' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from spk_tui.wording import count, short_count

if TYPE_CHECKING:
    from engine.corpus.histogram import Histogram

LYING = " ▏▎▍▌▋▊▉█"
STANDING = " ▁▂▃▄▅▆▇█"
LONGEST_BAR = 60
WIDEST_BAR = 8


def bin_labels(histogram: Histogram, unit: str = "", *, whole: bool = False) -> list[str]:
    """What each bin covers: "0–2 s"; with `whole`, of counts, "10–19" or "7"."""
    labels = []
    ends = _said(histogram.edges)
    for place, (low, high) in enumerate(pairwise(ends)):
        is_wider = place == len(histogram.counts) - 1 and _is_last_wider(histogram.edges)
        if whole and not is_wider:  # from 10 up to 20 there are 10 to 19
            high = f"{histogram.edges[place + 1] - 1:g}"
        labels.append(f"{low if low == high else f'{low}–{high}'} {unit}".strip())
    return labels


def lying(histogram: Histogram, width: int, unit: str = "", *, whole: bool = False) -> list[str]:
    """One line a bin, at most `width` columns: what it covers, a bar, how many there are."""
    labels = bin_labels(histogram, unit, whole=whole)
    numbers = [count(number) for number in histogram.counts]
    widest_label, widest_number = max(map(len, labels)), max(map(len, numbers))
    room = max(1, min(LONGEST_BAR, width - widest_label - widest_number - 4))
    most = max(histogram.counts)
    return [
        f"{label:>{widest_label}}  {_bar(number, most, room):<{room}}  {said:>{widest_number}}"
        for label, number, said in zip(labels, histogram.counts, numbers, strict=True)
    ]


def standing(histogram: Histogram, width: int, height: int, unit: str = "") -> list[str]:
    """`height` lines of `width` columns: bars, and under them the edges of the bins, as many as have room.

    At the left stands how many the highest bar counts. A place too small for one bar is left blank.
    """
    most = max(histogram.counts)
    scale = [count(most) if len(count(most)) <= 6 else short_count(most), "0"]
    margin = max(map(len, scale)) + 1
    bins, rows = len(histogram.counts), height - 1
    each = min(WIDEST_BAR, (width - margin - 1) // bins)
    if each < 1 or rows < 1:
        return [" " * width] * max(0, height)
    gap = 1 if each > 2 else 0
    lines = []
    for row in range(rows):
        above = rows - 1 - row  # whole rows under this one
        bars = "".join((_level(number, most, rows, above) * (each - gap)).ljust(each) for number in histogram.counts)
        label = scale[0] if row == 0 else scale[1] if row == rows - 1 else ""
        lines.append(f"{label:>{margin - 1}} {bars}".ljust(width))
    lines.append(_edges(histogram.edges, margin, each, width, unit))
    return lines


def _said(edges: Sequence[float]) -> list[str]:
    """The edges as numbers; the last one is a value itself, and is rounded, where its bin is wider than the others."""
    said = [f"{edge:g}" for edge in edges]
    return [*said[:-1], f"{round(edges[-1], 1):g}"] if _is_last_wider(edges) else said


def _is_last_wider(edges: Sequence[float]) -> bool:
    return edges[-1] - edges[-2] > 1.5 * (edges[1] - edges[0])


def _bar(number: int, most: int, room: int) -> str:
    """A lying bar; whatever is not nothing can be seen."""
    eighths = max(round(8 * room * number / most), 1 if number else 0) if most else 0
    return LYING[8] * (eighths // 8) + (LYING[eighths % 8] if eighths % 8 else "")


def _level(number: int, most: int, rows: int, above: int) -> str:
    """One character of a standing bar, so many whole rows above its foot."""
    eighths = max(round(8 * rows * number / most), 1 if number else 0) if most else 0
    return STANDING[min(8, max(0, eighths - 8 * above))]


def _edges(edges: Sequence[float], margin: int, each: int, width: int, unit: str) -> str:
    """The line of edges under the bars, each below where its bin begins; the last one always, then from the left."""
    line = [" "] * width
    free_until = width
    said = _said(edges)
    places = [(len(edges) - 1, f"{said[-1]} {unit}".strip()), *enumerate(said[:-1])]
    taken_until = -1
    for place, text in places:
        begin = margin + place * each - len(text) // 2
        begin = min(max(0, begin), width - len(text))
        if place == len(edges) - 1:
            free_until = begin - 1
        elif begin <= taken_until or begin + len(text) > free_until:
            continue
        else:
            taken_until = begin + len(text)
        line[begin : begin + len(text)] = text
    return "".join(line)
