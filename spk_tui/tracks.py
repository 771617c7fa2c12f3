"""What is kept of a series while it grows, so that a chart of a million points costs only those that are new.

A track cleans a series, smooths it, and remembers each small block's extremes, among which those of any longer stretch
are. Which part of it is shown where is left to `arranging.py`. One thread at a time uses a track.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spk_tui.series import Growing, Series, extreme_places
from spk_tui.smoothing import Smoother

if TYPE_CHECKING:
    from spk_tui.series import Floats

LARGEST = 1e15
BLOCK = 128


class Levels:
    """One curve's values with the places of each block's lowest and highest."""

    def __init__(self) -> None:
        self.values = Growing()
        self._places = Growing()
        self._blocks = 0

    def extend(self, values: Floats) -> None:
        """Adds finite values."""
        import numpy as np

        self.values.extend(values)
        blocks = len(self.values) // BLOCK
        if blocks == self._blocks:
            return
        whole = self.values.view[self._blocks * BLOCK : blocks * BLOCK].reshape(-1, BLOCK)
        begins = np.arange(self._blocks, blocks) * BLOCK
        pairs = np.stack((begins + whole.argmin(axis=1), begins + whole.argmax(axis=1)), axis=1)
        self._places.extend(np.sort(pairs, axis=1).reshape(-1))
        self._blocks = blocks

    def between(self, steps: Floats, begin: int, end: int, stretches: int) -> tuple[Floats, Floats]:
        """Steps and values from place `begin` to `end` (not with it), thinned to each stretch's extremes."""
        import numpy as np

        values = self.values.view
        if end - begin <= 2 * BLOCK * stretches:  # fewer, and blocks would be too coarse for the stretches
            kept = begin + extreme_places(steps[begin:end], values[begin:end], stretches)
        else:
            first, last = -(-begin // BLOCK), end // BLOCK
            inner = self._places.view[2 * first : 2 * last].astype(np.intp)
            edges = np.arange(begin, first * BLOCK), np.arange(max(last * BLOCK, begin + 1), end)
            places = np.concatenate(([begin], edges[0][1:], inner, edges[1][:-1], [end - 1]))
            kept = places[extreme_places(steps[places], values[places], stretches)]
        return steps[kept], values[kept]


class Track:
    """One series as it grows: its finite points, raw and smoothed."""

    _origin: object
    _strength: float
    _taken: int
    _smoother: Smoother
    _steps: Growing
    _raw: Levels
    _smooth: Levels

    def __init__(self) -> None:
        self._begin(Series(), 0.0)

    def follow(self, series: Series, strength: float) -> None:
        """Takes in a series: the rest of it, if what is known is its beginning, else all of it."""
        import numpy as np

        goes_on = series.origin is self._origin is not None and len(series) >= self._taken
        if not goes_on or strength != self._strength:
            self._begin(series, strength)
        begin, end = self._taken, len(series)
        if begin == end:
            return
        steps = np.asarray(series.steps[begin:end], dtype=np.float64)
        values = np.asarray(series.values[begin:end], dtype=np.float64)
        drawable = (np.abs(steps) < LARGEST) & (np.abs(values) < LARGEST)  # which nothing non-finite is
        if not drawable.all():
            steps, values = steps[drawable], values[drawable]
        latest = self._steps.view[-1] if len(self._steps) else -LARGEST
        in_order = steps >= np.maximum(np.maximum.accumulate(steps), latest) if len(steps) else drawable[:0]
        if not in_order.all():  # a curve that goes back in its steps is no curve
            steps, values = steps[in_order], values[in_order]
        self._steps.extend(steps)
        self._raw.extend(values)
        if self._smooth is not self._raw:
            self._smooth.extend(self._smoother.smooth(values))
        self._taken = end

    def _begin(self, series: Series, strength: float) -> None:
        self._origin, self._strength = series.origin, strength
        self._taken = 0
        self._smoother = Smoother(strength)
        self._steps, self._raw = Growing(), Levels()
        self._smooth = Levels() if strength > 0 else self._raw

    @property
    def is_smoothed(self) -> bool:
        """Whether what is shown differs from what was measured."""
        return self._smooth is not self._raw

    @property
    def steps(self) -> Floats:
        """The steps of the finite points."""
        return self._steps.view

    @property
    def raw(self) -> Floats:
        """The finite values as they were measured."""
        return self._raw.values.view

    @property
    def values(self) -> Floats:
        """The values that are shown: smoothed, if smoothing is on."""
        return self._smooth.values.view

    def part(self, low: float, high: float, stretches: int, *, raw: bool = False) -> tuple[Floats, Floats]:
        """Steps and values between two steps, thinned; where the curve goes on beyond them it ends at the very edge."""
        import numpy as np

        steps, levels = self.steps, self._raw if raw else self._smooth
        begin, end = int(np.searchsorted(steps, low)), int(np.searchsorted(steps, high, side="right"))
        inner, values = levels.between(steps, begin, end, stretches)
        before, after = begin > 0, end < len(steps)
        if begin == end and not (before and after):
            return inner, values
        edges = [(low, begin)] * before + [(high, end)] * after
        ends = [
            np.interp(place, steps[right - 1 : right + 1], levels.values.view[right - 1 : right + 1])
            for place, right in edges
        ]
        split = int(before)
        places = [place for place, _ in edges]
        return (
            np.concatenate((places[:split], inner, places[split:])),
            np.concatenate((ends[:split], values, ends[split:])),
        )
