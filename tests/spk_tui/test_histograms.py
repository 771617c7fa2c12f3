"""Histograms as text: every bar that counts something can be seen, and nothing is wider than its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.histogram import Histogram, histogram
from spk_tui.histograms import bin_labels, lying, standing

FOUR = Histogram([0.0, 1.0, 2.0, 3.0, 4.0], [2, 8, 0, 1])
numbers = st.lists(st.integers(1, 5000), min_size=1, max_size=100)


def test_lying_bars_are_as_long_as_what_they_count() -> None:
    assert lying(FOUR, 26, "s") == [
        "0–1 s  ████              2",
        "1–2 s  ████████████████  8",
        "2–3 s                    0",
        "3–4 s  ██                1",
    ]


def test_standing_bars_are_as_high_as_what_they_count() -> None:
    assert standing(FOUR, 16, 5, "s") == [
        "8    ██         ",
        "     ██         ",
        "     ██         ",
        "0 ██ ██    ▄▄   ",
        "  0  1  2  3 4 s",
    ]


def test_bins_of_counts_say_the_counts_that_they_hold() -> None:
    assert bin_labels(Histogram([0.0, 10.0, 20.0, 153.0], [1, 1, 1]), whole=True) == ["0–9", "10–19", "20–153"]
    assert bin_labels(Histogram([7.0, 8.0], [3]), whole=True) == ["7"]


def test_lengths_are_said_to_the_digit_of_their_edges_and_the_longest_to_a_tenth() -> None:
    found = Histogram([0.8, 0.85, 0.9, 20.408], [1, 1, 1])
    assert bin_labels(found, "s") == ["0.8–0.85 s", "0.85–0.9 s", "0.9–20.4 s"]


@given(numbers, st.integers(30, 200), st.integers(2, 30))
def test_drawings_fill_their_place_and_show_every_bin(values: list[int], width: int, height: int) -> None:
    found = histogram(values, least=1)
    assert found is not None
    bars = lying(found, width, whole=True)
    assert max(map(len, bars)) <= width
    assert all(("█" in bar or any(part in bar for part in "▏▎▍▌▋▊▉")) == bool(number)
               for bar, number in zip(bars, found.counts, strict=True))  # fmt: skip
    lines = standing(found, width, height)
    assert [len(line) for line in lines] == [width] * height


@pytest.mark.parametrize(("width", "height"), [(0, 0), (1, 1), (5, 3), (8, 1)])
def test_a_place_too_small_for_bars_stays_blank(width: int, height: int) -> None:
    lines = standing(FOUR, width, height)
    assert len(lines) == height
    assert not "".join(lines).strip()
