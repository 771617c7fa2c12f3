"""Curves made fit for a screen: non-finite points out, noise smoothed over the full series, then decimated.

Decimation keeps each stretch's smallest and largest value, so a spike is seen at any width. What comes out is immutable
and small, so a reading thread can hand it to the event loop. Colours and axes are left to `charts.py`. NumPy is loaded
at the first use, which happens in a thread after the first paint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_POINTS = 1024


@dataclass(frozen=True)
class Series:
    """Points of one quantity in the order of the steps; all values are finite."""

    steps: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)


EMPTY = Series()


def prepared(steps: Sequence[float], values: Sequence[float], *, smooth: bool = False) -> Series:
    """Cleans, smooths if asked (a centred mean over two hundredths of the series) and decimates to `MOST_POINTS`."""
    import numpy as np

    x = np.asarray(steps, dtype=np.float64)[: len(values)]
    y = np.asarray(values, dtype=np.float64)[: len(x)]
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = x[keep], y[keep]
    half = len(y) // 100
    if smooth and half:
        sums = np.concatenate(([0.0], np.cumsum(y)))
        places = np.arange(len(y))
        low, high = np.maximum(places - half, 0), np.minimum(places + half + 1, len(y))
        y = (sums[high] - sums[low]) / (high - low)
    return decimated(Series(tuple(x.tolist()), tuple(y.tolist())), MOST_POINTS)


def decimated(series: Series, most: int) -> Series:
    """At most `most` points (no fewer than 4): of each equal stretch of steps the lowest and the highest, in order.

    The first and the last point always stay.
    """
    most = max(4, most)
    if len(series) <= most:
        return series
    first, last = series.steps[0], series.steps[-1]
    stretches = (most - 2) // 2
    width = (last - first) / stretches or 1.0
    kept = {0, len(series) - 1}
    low = high = 0
    stretch = 0
    for place, step in enumerate(series.steps):
        here = min(int((step - first) / width), stretches - 1)
        if here != stretch:
            kept |= {low, high}
            stretch, low, high = here, place, place
        elif series.values[place] < series.values[low]:
            low = place
        elif series.values[place] > series.values[high]:
            high = place
    kept |= {low, high}
    places = sorted(kept)
    return Series(tuple(series.steps[i] for i in places), tuple(series.values[i] for i in places))
