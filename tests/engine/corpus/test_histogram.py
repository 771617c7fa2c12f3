"""Histograms: every value is counted once, between round edges, whatever the values are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.histogram import MOST_BINS, histogram

lengths = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)
numbers = st.lists(st.integers(1, 100_000), min_size=1, max_size=200)


@given(lengths)
def test_every_value_is_counted_in_the_bin_that_it_lies_in(values: list[float]) -> None:
    found = histogram(values, least=0.01)
    assert found is not None
    assert sum(found.counts) == len(values)
    assert len(found.counts) == len(found.edges) - 1 <= MOST_BINS + 3
    assert found.edges == sorted(set(found.edges))
    assert found.counts == np.histogram(values, found.edges)[0].tolist()


@given(numbers)
def test_bins_of_counts_have_whole_edges(values: list[int]) -> None:
    found = histogram(values, least=1)
    assert found is not None
    assert all(edge == int(edge) for edge in found.edges)
    assert sum(found.counts) == len(values)


@given(numbers, st.floats(0.001, 1000))
def test_all_bins_but_the_last_are_of_one_round_width(values: list[int], scale: float) -> None:
    found = histogram([value * scale for value in values], least=0.01)
    assert found is not None
    widths = np.diff(found.edges)
    assert widths[:-1] == pytest.approx(widths[0])
    assert widths[-1] >= widths[0] * (1 - 1e-9)
    first_digit = f"{widths[0]:.3e}"
    assert first_digit.split("e")[0] in ("1.000", "2.000", "5.000")


def test_a_few_values_far_above_share_one_wider_bin() -> None:
    values = [2.0 + 0.01 * number for number in range(300)] + [58.5]
    found = histogram(values, least=0.01)
    assert found is not None
    assert found.edges[-2:] == [5.0, 58.5]
    assert found.counts[-1] == 1
    assert len(found.counts) > 5  # the bulk is still told apart


def test_equal_values_have_one_bin() -> None:
    found = histogram([20] * 250, least=1)
    assert found is not None
    assert (found.edges, found.counts) == ([20.0, 21.0], [250])


def test_values_that_differ_by_rounding_alone_are_not_told_apart() -> None:
    found = histogram([0.3, 0.4 - 0.1, 0.1 + 0.2], least=0.01)
    assert found is not None
    assert sum(found.counts) == 3
    assert len(found.counts) <= 2


def test_nothing_has_no_histogram() -> None:
    assert histogram([], least=1) is None
