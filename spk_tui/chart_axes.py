"""Where the numbers of an axis stand: round ones on a linear axis, powers on a logarithmic one, clock times in time.

Ranges are chosen here too. Everything is a pure function of finite numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from spk_tui.wording import short_count

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
TIME_STEPS = (
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY,
)  # fmt: skip
DECADE_PARTS = (1, 2, 5)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) between low and high, at most `about` + 1 of them."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low] if math.isfinite(low) else []
    rough = span / max(1, about)
    if rough == 0:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10(rough))
    if magnitude == 0 or not math.isfinite(magnitude):
        return [low]
    apart = next((factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough), 10 * magnitude)
    return _multiples(apart, low, high, 2 * about + 2) or [low]


def _multiples(apart: float, low: float, high: float, most: int) -> list[float]:
    """All multiples between low and high; none when the numbers are too large for so fine a difference."""
    first = math.ceil(low / apart - 1e-9)
    last = math.floor(high / apart + 1e-9)
    return [place * apart for place in range(first, last + 1)] if last - first <= most else []


def time_ticks(low: float, high: float, about: int) -> list[float]:
    """Round times in seconds between low and high: 30 s, 5 min, 2 h, days."""
    rough = (high - low) / max(1, about)
    if rough > DAY:
        return [DAY * place for place in ticks(low / DAY, high / DAY, about)]
    if rough < 1:
        return ticks(low, high, about)
    apart = next(step for step in TIME_STEPS if step >= rough)
    return _multiples(apart, low, high, 2 * about + 2) or [low]


def log_ticks(low: float, high: float, about: int) -> list[float]:
    """Numbers for a logarithmic axis: 1, 2 and 5 of each decade or its power alone; round ones where it is short."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [part * 10.0**decade for decade in decades for part in DECADE_PARTS]
    fine = [place for place in fine if low * (1 - 1e-9) <= place <= high * (1 + 1e-9)]
    if len(fine) < 2:
        return ticks(low, high, about)
    if len(fine) <= about + 1:
        return fine
    every = max(1, math.ceil(len(decades) / (about + 1)))
    powers = [10.0**decade for decade in decades[::every] if low * (1 - 1e-9) <= 10.0**decade <= high * (1 + 1e-9)]
    return powers if len(powers) > 1 else fine[:: math.ceil(len(fine) / (about + 1))]


def vertical_range(
    low: float, high: float, lowest: float | None, highest: float | None, logarithmic: bool
) -> tuple[float, float]:
    """From where to where, for values between low and high: a little air, a constant in the middle, bounds kept."""
    if logarithmic:
        air = (high / low) ** 0.05 if high / low > 1 + 1e-9 else 2.0
        return low / air, high * air
    if lowest is not None:
        low = min(lowest, low)
    if highest is not None:
        high = max(highest, high)
    air = 0.05 * (high - low)
    if air <= 1e-9 * max(abs(low), abs(high), 1e-12):
        air = 0.5 * abs(high) or 0.5
    bottom = low if low == lowest else low - air
    top = high if high == highest else high + air
    return bottom, top if top > bottom else bottom + (abs(bottom) or 1.0)  # fixed bounds may leave no room at all


def labels(places: Sequence[float], say: Callable[[float], str]) -> list[str]:
    """The places in words, without the last digits that only floating point knows."""
    return [say(float(f"{place:.6g}")) for place in places]


def time_label(seconds: float) -> str:
    """A time on an axis: 0, 30 s, 5 min, 1.5 h, 2 d."""
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if abs(seconds) >= length:
            return f"{seconds / length:.4g} {unit}"
    return f"{seconds:g} s" if seconds else "0"


def step_label(step: float) -> str:
    """A step on an axis: 500, 1.5k, 70k."""
    return short_count(float(f"{step:.7g}"))
