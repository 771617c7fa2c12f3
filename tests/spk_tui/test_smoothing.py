"""Smoothing: the average of the textbook, however the series comes in parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk_tui.smoothing import BLOCK, STRENGTHS, Smoother

finite = st.floats(-1e6, 1e6)


def textbook(values: list[float], strength: float) -> list[float]:
    """TensorBoard's loop: an average from zero on, divided by the weight that it has so far."""
    average, weight, found = 0.0, 0.0, []
    for value in values:
        average = strength * average + (1 - strength) * value
        weight = strength * weight + (1 - strength)
        found.append(average / weight)
    return found


@settings(deadline=None)
@given(st.lists(finite, max_size=3 * BLOCK), st.sampled_from(STRENGTHS), st.integers(0, 3 * BLOCK))
def test_it_is_the_debiased_average_also_in_two_parts(values: list[float], strength: float, split: int) -> None:
    smoother = Smoother(strength)
    parts = [smoother.smooth(np.array(part)) for part in (values[:split], values[split:])]
    assert np.concatenate(parts).tolist() == pytest.approx(textbook(values, strength), rel=1e-9, abs=1e-6)


def test_a_long_series_is_averaged_as_a_short_one() -> None:
    values = np.random.default_rng(0).normal(size=3 * BLOCK**2)
    assert Smoother(0.999).smooth(values) == pytest.approx(textbook(values.tolist(), 0.999))


def test_a_constant_stays_from_its_first_point_on() -> None:
    assert Smoother(0.99).smooth(np.full(1000, 3.5)) == pytest.approx(np.full(1000, 3.5))


def test_without_strength_nothing_is_done() -> None:
    values = np.array([1.0, -2.0])
    assert Smoother(0.0).smooth(values) is values


def test_noise_goes_and_the_line_stays() -> None:
    values = np.arange(1000) / 1000 + np.where(np.arange(1000) % 2, 0.2, -0.2)
    smoothed = Smoother(0.95).smooth(values)[100:]
    assert abs(smoothed - np.arange(100, 1000) / 1000).max() < 0.05
