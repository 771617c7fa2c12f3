"""Curves as charts take them: full series that never change, and where their steps lie in time and in epochs.

Thinning to what a screen can show keeps each stretch's smallest and largest value, so a spike is seen at any width.
Smoothing is left to `smoothing.py`, what is kept of a growing series to `tracks.py`. NumPy is loaded at the first use,
which happens in a thread after the first paint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.runs.state import Curve

    Floats: TypeAlias = NDArray[np.float64]

Axis: TypeAlias = Literal["step", "time", "epoch"]
SLOWEST = 1e-9  # steps per second; less is no rate
AXES: tuple[Axis, ...] = ("step", "time", "epoch")


@dataclass(frozen=True, eq=False)
class Series:
    """Points of one quantity in the order of the steps; values may be anything, also no number.

    Two series of one `origin` (None: of no other) agree as far as both go, so that whoever has taken in the shorter one
    needs only the rest of the longer one.
    """

    steps: Sequence[float] | Floats = ()
    values: Sequence[float] | Floats = ()
    origin: object = None

    def __len__(self) -> int:
        return min(len(self.steps), len(self.values))

    def __eq__(self, other: object) -> bool:
        """Whether the points are the same ones."""
        if not isinstance(other, Series) or len(self) != len(other):
            return False
        if self is other or not len(self) or (self.origin is not None and self.origin is other.origin):
            return True
        import numpy as np

        return np.array_equal(self.steps, other.steps) and np.array_equal(self.values, other.values, equal_nan=True)

    def __hash__(self) -> int:
        return hash(len(self))


EMPTY = Series()


class Growing:
    """Numbers in one array with room to grow. A view that was handed out never changes, whatever is added later."""

    def __init__(self) -> None:
        import numpy as np

        self._room = np.empty(64)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def extend(self, numbers: Sequence[float] | Floats) -> None:
        """Adds numbers at the end."""
        import numpy as np

        end = self._length + len(numbers)
        if end > len(self._room):
            room = np.empty(2 * end)
            room[: self._length] = self._room[: self._length]
            self._room = room
        self._room[self._length : end] = numbers
        self._length = end

    @property
    def view(self) -> Floats:
        """All numbers so far, read-only and without a copy."""
        view = self._room[: self._length]
        view.flags.writeable = False
        return view


class CurveCopy:
    """A growing curve of a run as series that never change; only what is new is copied."""

    def __init__(self) -> None:
        self._begin(0)

    def of(self, curve: Curve) -> Series:
        """The curve as it is now."""
        import numpy as np

        if curve.cuts != self._cuts:
            self._begin(curve.cuts)
        known = len(self._steps)
        if len(curve) > known:
            self._steps.extend(np.frombuffer(curve.steps, dtype=np.int64)[known:].astype(np.float64))
            self._values.extend(np.frombuffer(curve.values)[known:])
        return Series(self._steps.view, self._values.view, self._origin)

    def _begin(self, cuts: int) -> None:
        self._cuts = cuts
        self._steps, self._values, self._origin = Growing(), Growing(), object()


@dataclass(frozen=True, eq=False)
class Clock:
    """What a step of one run is on the other axes. `rates`: steps per second, each the mean since the point before."""

    rates: Series = EMPTY
    steps_per_epoch: float = 0.0

    def __eq__(self, other: object) -> bool:
        """Whether they tell the same."""
        return isinstance(other, Clock) and ((self.rates, self.steps_per_epoch) == (other.rates, other.steps_per_epoch))

    def __hash__(self) -> int:
        return hash(self.steps_per_epoch)

    def knows(self, axis: Axis) -> bool:
        """Whether steps can be placed on that axis."""
        return axis == "step" or (len(self.rates) > 0 if axis == "time" else self.steps_per_epoch > 0)

    def places(self, steps: Sequence[float] | Floats, axis: Axis) -> Floats:
        """Where the steps lie on the axis: steps, seconds of training without pauses and validations, or epochs."""
        import numpy as np

        at = np.asarray(steps, dtype=np.float64)
        if axis == "time":
            return np.interp(at, *self._seconds)
        return at / self.steps_per_epoch if axis == "epoch" else at

    def steps(self, places: Sequence[float] | Floats, axis: Axis) -> Floats:
        """The way back: the steps that lie at these places."""
        import numpy as np

        at = np.asarray(places, dtype=np.float64)
        if axis == "time":
            steps, seconds = self._seconds
            return np.interp(at, seconds, steps)
        return at * self.steps_per_epoch if axis == "epoch" else at

    @cached_property
    def _seconds(self) -> tuple[Floats, Floats]:
        """Knots: steps, and the seconds of training until each. Steps done again after a return count once."""
        import numpy as np

        length = len(self.rates)
        steps = np.asarray(self.rates.steps[:length], dtype=np.float64)
        rates = np.asarray(self.rates.values[:length], dtype=np.float64)
        in_order = steps >= np.maximum.accumulate(np.where(np.isfinite(steps), np.maximum(steps, 0.0), 0.0))
        steps, rates = np.concatenate(([0.0], steps[in_order])), rates[in_order]
        known = np.isfinite(rates) & (rates > SLOWEST)
        took = np.where(known, np.diff(steps) / np.where(known, rates, 1.0), 0.0)
        return steps, np.concatenate(([0.0], np.cumsum(took)))


STEPS_ONLY = Clock()


def extreme_places(steps: Floats, values: Floats, stretches: int) -> NDArray[np.intp]:
    """Of each of so many equal stretches of steps the places of the lowest and the highest value, in order.

    The first and the last place are always among them: at most 2 x stretches + 2. All numbers are finite.
    """
    import numpy as np

    length = len(values)
    if length <= 2 * stretches + 2:
        return np.arange(length)
    edges = np.linspace(steps[0], steps[-1], stretches + 1)[1:-1]
    begins = np.unique(np.concatenate(([0], np.searchsorted(steps, edges))))
    begins = begins[begins < length]
    lengths = np.diff(np.append(begins, length))
    found = [np.array([0, length - 1])]
    for extreme in (np.minimum, np.maximum):
        hits = np.flatnonzero(values == np.repeat(extreme.reduceat(values, begins), lengths))
        found.append(hits[np.searchsorted(hits, begins)])
    return np.unique(np.concatenate(found))


def decimated(series: Series, most: int) -> Series:
    """At most `most` points (no fewer than 4) of a series of finite numbers, as `extreme_places` chooses them."""
    import numpy as np

    most = max(4, most)
    if len(series) <= most:
        return series
    steps, values = np.asarray(series.steps, dtype=np.float64), np.asarray(series.values, dtype=np.float64)
    places = extreme_places(steps, values, (most - 2) // 2)
    return Series(steps[places], values[places])
