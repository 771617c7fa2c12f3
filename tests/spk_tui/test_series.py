"""Curves for a screen: what thinning must keep, that views never change, and where steps lie in time and in epochs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runs.state import Curve
from spk_tui.series import Clock, CurveCopy, Growing, Series, decimated

finite = st.floats(-1e6, 1e6)
curves = st.lists(finite, min_size=1, max_size=400).map(
    lambda values: Series(tuple(10.0 * place for place in range(len(values))), tuple(values))
)


@settings(deadline=None)
@given(curves, st.integers(0, 100))
def test_thinning_keeps_smallest_largest_first_and_last_and_the_order(series: Series, most: int) -> None:
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
        values = np.zeros(5000)
        values[place] = 1.0
        assert max(decimated(Series(np.arange(5000.0), values), 100).values) == 1.0


def test_steps_that_all_are_one_do_not_break_it() -> None:
    series = Series((7.0,) * 50, tuple(map(float, range(50))))
    assert len(decimated(series, 10)) <= 10


@settings(deadline=None)
@given(st.lists(st.lists(finite, max_size=90), max_size=8))
def test_what_was_handed_out_never_changes(parts: list[list[float]]) -> None:
    growing, seen = Growing(), []
    for part in parts:
        growing.extend(part)
        seen.append((growing.view, growing.view.copy()))
    assert all(np.array_equal(view, copy) for view, copy in seen)
    assert growing.view.tolist() == [number for part in parts for number in part]
    with pytest.raises(ValueError, match="read-only"):
        growing.view[:1] = 0.0


def test_the_copy_of_a_curve_goes_along_with_it_and_begins_anew_when_points_are_dropped() -> None:
    curve, copy = Curve(), CurveCopy()
    for step in range(100):
        curve.append(step, step / 2, 0.0)
    before = copy.of(curve)
    curve.append(100, 50.0, 0.0)
    longer = copy.of(curve)
    assert longer.origin is before.origin
    curve.cut_after(40)
    curve.append(41, -1.0, 0.0)
    assert list(copy.of(curve).values) == list(curve.values)
    assert copy.of(curve).origin is not before.origin
    assert len(before) == 100
    assert longer.values[-1] == 50.0


def test_seconds_count_training_alone_and_epochs_whole_passes() -> None:
    clock = Clock(Series((10.0, 20.0, 40.0), (2.0, float("nan"), 4.0)), steps_per_epoch=8.0)
    assert clock.places([0, 10, 20, 30, 40], "time").tolist() == [0.0, 5.0, 5.0, 7.5, 10.0]
    assert clock.places([0, 4, 8], "epoch").tolist() == [0.0, 0.5, 1.0]
    assert clock.places([3], "step").tolist() == [3.0]
    for axis in ("step", "time", "epoch"):
        assert clock.steps(clock.places([5, 30], axis), axis).tolist() == [5.0, 30.0]  # type: ignore[arg-type]
    assert not Clock().knows("time")
    assert not Clock().knows("epoch")


def test_series_are_equal_by_their_points() -> None:
    assert Series((1.0, 2.0), (3.0, float("nan"))) == Series(np.array([1.0, 2.0]), np.array([3.0, np.nan]))
    assert Series((1.0,), (3.0,)) != Series((1.0,), (4.0,))
