"""Histograms with round edges: how the values of a corpus are distributed, for reports and for drawing.

Drawing them is the screen's work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count

import numpy as np
from msgspec import Struct

MOST_BINS = 12
BULK = 0.98  # of the values: bins of equal width cover them
FAR = 1.5  # times the extent of the bulk: values that reach further share one last bin, which is wider


class Histogram(Struct, frozen=True):
    """counts[i] values lie from edges[i] up to edges[i + 1]; the last edge itself belongs to the last bin.

    All bins are of one width but the last, which is wider where a few values lie far above all others.
    """

    edges: list[float]  # (bins + 1,), ascending
    counts: list[int]  # (bins,)


def histogram(values: Sequence[float], least: float) -> Histogram | None:
    """About 12 bins whose width is 1, 2 or 5 times a power of ten, and at least `least`, such a number too.

    values: finite, not negative; of none there is no histogram.
    """
    if not values:
        return None
    lowest, highest = min(values), max(values)
    bulk = sorted(values)[math.ceil(BULK * len(values)) - 1]
    top = bulk if highest - lowest > FAR * (bulk - lowest) else highest
    width = _width(lowest, top, least)
    first, last = math.floor(lowest / width), math.floor(top / width) + 1
    while last * width <= highest < (last + 2) * width:  # a bin or two more are clearer than a wider one
        last += 1
    edges = [round(place * width, 12) for place in range(first, last + 1)]
    if highest >= edges[-1]:
        edges.append(float(highest))
    inside = np.clip(np.asarray(values, np.float64), edges[0], edges[-1])  # a quotient above may have been rounded up
    counts, _ = np.histogram(inside, edges)
    return Histogram([float(edge) for edge in edges], [int(number) for number in counts])


def _width(lowest: float, highest: float, least: float) -> float:
    """The least round width at which so many bins are enough."""
    powers = count(math.floor(math.log10(least)))
    widths = (factor * 10.0**power for power in powers for factor in (1, 2, 5))
    return next(
        width
        for width in widths
        if width >= least and math.floor(highest / width) - math.floor(lowest / width) < MOST_BINS
    )
