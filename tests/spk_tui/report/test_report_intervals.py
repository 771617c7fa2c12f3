"""Intervals of counted shares are those of the literature, and hold what they are of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk_tui.report.intervals import binomial, difference


def test_the_interval_of_a_share_is_the_published_one() -> None:
    """Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3."""
    for right, number, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        found = binomial(right / number, number)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_a_difference_is_the_published_one() -> None:
    """Newcombe (1998), "Interval estimation for the difference between independent proportions", table II, 10."""
    for one, other, low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ):
        found = difference(binomial(one[0] / one[1], one[1]), binomial(other[0] / other[1], other[1]))
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_an_interval_holds_its_share_and_stays_within_the_possible(number: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, number))
    found = binomial(right / number, number)
    assert 0 <= found.low <= found.value <= found.high <= 1
