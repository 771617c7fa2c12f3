"""Curves for a screen: what cleaning, smoothing and decimating may change and what they must keep."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk_tui.series import MOST_POINTS, Series, decimated, prepared

finite = st.floats(-1e6, 1e6)
curves = st.lists(finite, min_size=1, max_size=400).map(
    lambda values: Series(tuple(10.0 * place for place in range(len(values))), tuple(values))
)


@settings(deadline=None)
@given(curves, st.integers(0, 100))
def test_decimating_keeps_smallest_largest_first_and_last_and_the_order(series: Series, most: int) -> None:
    fewer = decimated(series, most)
    assert len(fewer) <= max(4, most)
    assert min(fewer.values) == min(series.values)
    assert max(fewer.values) == max(series.values)
    points = list(zip(series.steps, series.values, strict=True))
    kept = list(zip(fewer.steps, fewer.values, strict=True))
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert list(fewer.steps) == sorted(set(fewer.steps))
    assert set(kept) <= set(points)


@settings(deadline=None)
@given(curves)
def test_what_fits_is_left_as_it_is(series: Series) -> None:
    assert decimated(series, len(series)) == series


def test_a_single_spike_is_kept_wherever_it_is() -> None:
    for place in range(0, 5000, 611):
        values = [0.0] * 5000
        values[place] = 1.0
        assert max(decimated(Series(tuple(map(float, range(5000))), tuple(values)), 100).values) == 1.0


def test_steps_that_all_are_one_do_not_break_it() -> None:
    series = Series((7.0,) * 50, tuple(map(float, range(50))))
    assert len(decimated(series, 10)) <= 10


@settings(deadline=None)
@given(finite, st.integers(1, 3000))
def test_smoothing_keeps_a_constant(value: float, length: int) -> None:
    smoothed = prepared(range(length), [value] * length, smooth=True)
    assert smoothed.values == pytest.approx([value] * len(smoothed), abs=1e-6, rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.lists(finite, min_size=100, max_size=400))
def test_smoothing_stays_between_smallest_and_largest(values: list[float]) -> None:
    smoothed = prepared(range(len(values)), values, smooth=True)
    slack = 1e-6 * max(1.0, max(map(abs, values)))
    assert min(values) - slack <= min(smoothed.values)
    assert max(smoothed.values) <= max(values) + slack


def test_smoothing_takes_noise_away_and_leaves_the_line() -> None:
    values = [place / 1000 + (0.2 if place % 2 else -0.2) for place in range(1000)]
    smoothed = prepared(range(1000), values, smooth=True)
    inner = [(step, value) for step, value in zip(smoothed.steps, smoothed.values, strict=True) if 20 < step < 980]
    assert max(abs(value - step / 1000) for step, value in inner) < 0.05


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200), st.booleans())
def test_only_finite_points_come_out(values: list[float], smooth: bool) -> None:
    ready = prepared(range(len(values)), values, smooth=smooth)
    assert all(math.isfinite(value) or abs(value) > 1e300 for value in ready.values)
    assert set(ready.steps) <= {float(step) for step, value in enumerate(values) if math.isfinite(value)}


def test_a_long_curve_comes_out_short() -> None:
    assert len(prepared(range(100_000), [math.sin(place / 500) for place in range(100_000)])) <= MOST_POINTS
