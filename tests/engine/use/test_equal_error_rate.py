"""The equal error rate against scikit-learn's ROC curve, and where it is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from engine.errors import InputError
from engine.use.equal_error_rate import equal_error_rate

trials = st.lists(st.tuples(st.integers(-6, 6), st.booleans()), min_size=2, max_size=60).filter(
    lambda found: {same for _, same in found} == {True, False}
)


def by_sklearn(scores: np.ndarray, same: np.ndarray) -> float:
    """The crossing of the drawn ROC curve with the line of equal errors, found by walking along it in small steps."""
    false_alarms, hits, _ = roc_curve(same, scores, drop_intermediate=False)
    along = np.linspace(0, len(hits) - 1, 200_001)
    places = np.arange(len(hits))
    false_alarm, miss = np.interp(along, places, false_alarms), 1 - np.interp(along, places, hits)
    nearest = np.abs(false_alarm - miss).argmin()
    return float((false_alarm[nearest] + miss[nearest]) / 2)


@given(trials)
def test_it_is_where_the_roc_curve_meets_the_line_of_equal_errors(found: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in found], np.float64)
    same = np.array([same for _, same in found])
    rate, threshold = equal_error_rate(scores, same)
    assert rate == pytest.approx(by_sklearn(scores, same), abs=1e-3)
    assert scores.min() <= threshold <= scores.max()


@given(trials, st.floats(0.1, 10), st.floats(-5, 5))
def test_only_the_order_of_scores_counts(found: list[tuple[int, bool]], scale: float, shift: float) -> None:
    scores = np.array([score for score, _ in found], np.float64)
    same = np.array([same for _, same in found])
    assert equal_error_rate(scale * scores + shift, same)[0] == pytest.approx(equal_error_rate(scores, same)[0])


def test_perfect_useless_and_reversed_scores() -> None:
    same = np.array([True] * 5 + [False] * 5)
    assert equal_error_rate(np.array([2.0] * 5 + [1.0] * 5), same)[0] == 0
    assert equal_error_rate(np.zeros(10), same)[0] == pytest.approx(0.5)
    assert equal_error_rate(np.array([1.0] * 5 + [2.0] * 5), same)[0] == 1


def test_trials_of_one_kind_or_broken_scores_are_told() -> None:
    with pytest.raises(InputError, match="missing"):
        equal_error_rate(np.array([0.1, 0.2]), np.array([True, True]))
    with pytest.raises(InputError, match="finite"):
        equal_error_rate(np.array([0.1, np.nan]), np.array([True, False]))
