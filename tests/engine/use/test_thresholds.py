"""Thresholds of open-set identification: the stated share of strangers, counted by trying every set of candidates."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.use.thresholds import strangers_let_in, threshold_for


def made_scores(seed: int, trials: int, speakers: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    own = random.integers(0, speakers, trials)
    scores = random.normal(size=(trials, speakers)).round(1).astype(np.float32)  # rounded, so that some are equal
    scores[np.arange(trials), own] += 2
    return scores, own


def counted(scores: np.ndarray, own: np.ndarray, candidates: int, threshold: float) -> float:
    """The share of strangers let in, by trying each set of other speakers one by one."""
    shares = []
    for row, speaker in zip(scores, own, strict=True):
        others = np.delete(row, speaker)
        sets = list(combinations(others, min(candidates, len(others))))
        shares.append(np.mean([max(one) >= np.float32(threshold) for one in sets]))
    return float(np.mean(shares))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 12), st.integers(2, 6), st.integers(1, 7), st.floats(0.01, 0.9))
def test_no_larger_share_of_strangers_is_let_in_and_no_lower_threshold_would_do(
    seed: int, trials: int, speakers: int, candidates: int, share: float
) -> None:
    scores, own = made_scores(seed, trials, speakers)
    found = threshold_for(scores, own, candidates, share, "")
    assert found.false_accepts == pytest.approx(counted(scores, own, candidates, found.value))
    assert found.false_accepts <= share + 1e-8
    lower = float(np.nextafter(np.float32(found.value), np.float32(-np.inf)))
    assert counted(scores, own, candidates, lower) > share


def test_more_candidates_need_a_higher_threshold_and_turn_more_speakers_away() -> None:
    scores, own = made_scores(0, 400, 30)
    few, many = (threshold_for(scores, own, number, 0.05, "") for number in (1, 20))
    assert many.value > few.value
    assert many.misses > few.misses
    assert few.misses == pytest.approx(float((scores[np.arange(400), own] < np.float32(few.value)).mean()))


def test_everyone_is_let_in_below_all_scores() -> None:
    scores, own = made_scores(1, 10, 5)
    others = scores.copy()
    others[np.arange(10), own] = -np.inf
    assert strangers_let_in(others, -100.0, 2) == 1
    assert strangers_let_in(others, 100.0, 2) == 0
