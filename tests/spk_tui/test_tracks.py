"""What is kept of a growing series: the same whether it came at once or in parts, with every extreme in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk_tui.series import Series
from spk_tui.tracks import BLOCK, Track

anything = st.floats(allow_nan=True, allow_infinity=True)


def whole(track: Track) -> tuple[list[float], list[float], list[float]]:
    return track.steps.tolist(), track.raw.tolist(), track.values.tolist()


@settings(deadline=None)
@given(st.lists(anything, max_size=200), st.integers(0, 200), st.sampled_from([0.0, 0.9]))
def test_a_series_in_parts_is_the_series_at_once(values: list[float], split: int, strength: float) -> None:
    origin, steps = object(), list(range(len(values)))
    parts, once = Track(), Track()
    parts.follow(Series(steps[:split], values[:split], origin), strength)
    parts.follow(Series(steps, values, origin), strength)
    once.follow(Series(steps, values), strength)
    assert whole(parts)[:2] == whole(once)[:2]
    assert whole(parts)[2] == pytest.approx(whole(once)[2])
    assert all(math.isfinite(value) for value in once.raw)


def test_another_series_or_another_strength_begins_anew() -> None:
    track, origin = Track(), object()
    track.follow(Series((0.0, 1.0), (0.0, 8.0), origin), 0.0)
    track.follow(Series((0.0, 1.0), (0.0, 8.0), origin), 0.5)
    assert whole(track) == ([0.0, 1.0], [0.0, 8.0], [0.0, pytest.approx(16 / 3)])
    track.follow(Series((5.0,), (7.0,), object()), 0.5)
    assert whole(track) == ([5.0], [7.0], [7.0])


def test_points_that_go_back_are_left_out() -> None:
    track = Track()
    track.follow(Series((0.0, 5.0, 3.0, 6.0), (1.0, 2.0, 3.0, 4.0)), 0.0)
    assert whole(track)[:2] == ([0.0, 5.0, 6.0], [1.0, 2.0, 4.0])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60 * BLOCK), st.integers(0, 60 * BLOCK), st.integers(0, 60 * BLOCK))
def test_of_a_long_series_every_window_keeps_its_extremes(length: int, one: int, other: int) -> None:
    values = np.random.default_rng(length).normal(size=length)
    track = Track()
    track.follow(Series(np.arange(float(length)), values), 0.0)
    low, high = sorted((one, other))
    steps, part = track.part(low, high, 5)
    inside = values[low : high + 1]
    assert len(part) <= 2 * 5 + 4
    if len(inside):
        assert (part.min(), part.max()) == (inside.min(), inside.max())
        assert list(steps) == sorted(steps)


def test_a_curve_goes_on_to_the_edges_of_a_window_between_its_points() -> None:
    track = Track()
    track.follow(Series((0.0, 100.0), (0.0, 1.0)), 0.0)
    steps, values = track.part(25.0, 50.0, 10)
    assert (steps.tolist(), values.tolist()) == ([25.0, 50.0], [0.25, 0.5])
    assert len(track.part(200.0, 300.0, 10)[0]) == 0
