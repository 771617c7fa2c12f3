"""Error rates and costs against scikit-learn's curves, weights against trials repeated, and intervals over speakers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from engine.use.detection import PRIORS, measured, resampled
from engine.use.equal_error_rate import equal_error_rate
from engine.use.error_curve import CURVE_POINTS, ErrorCurve, SortedTrials, crossing, minimum_cost, misses_at, thinned

trials = st.lists(st.tuples(st.integers(-6, 6), st.booleans(), st.integers(0, 3)), min_size=2, max_size=60).filter(
    lambda found: {same for _, same, times in found if times} == {True, False}
)


def arrays(found: list[tuple[int, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, same, times = zip(*found, strict=True)
    return np.array(scores, np.float64), np.array(same), np.array(times)


def curve_of(scores: np.ndarray, same: np.ndarray) -> ErrorCurve:
    curve = SortedTrials(scores, same).curve()
    assert curve is not None
    return curve


@given(trials, st.sampled_from(PRIORS))
def test_the_curve_and_its_lowest_cost_are_scikit_learns(found: list[tuple[int, bool, int]], prior: float) -> None:
    scores, same, _ = arrays(found)
    curve = curve_of(scores, same)
    false_alarms, hits, thresholds = roc_curve(same, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_alarms[::-1], false_alarms, atol=1e-12)
    np.testing.assert_allclose(curve.misses[::-1], 1 - hits, atol=1e-12)
    assert np.array_equal(curve.thresholds[::-1], thresholds)
    expected = (prior * (1 - hits) + (1 - prior) * false_alarms).min() / min(prior, 1 - prior)
    assert minimum_cost(curve, prior) == pytest.approx(expected)
    assert 0 <= minimum_cost(curve, prior) <= 1


@given(trials)
def test_weights_count_as_trials_repeated(found: list[tuple[int, bool, int]]) -> None:
    scores, same, times = arrays(found)
    sorted_trials = SortedTrials(scores, same)
    weighted = sorted_trials.curve(times[sorted_trials.order])
    repeated = np.repeat(scores, times), np.repeat(same, times)
    assert weighted is not None
    assert crossing(weighted)[0] == pytest.approx(equal_error_rate(*repeated)[0])
    assert minimum_cost(weighted, 0.05) == pytest.approx(minimum_cost(curve_of(*repeated), 0.05))


def test_weights_that_leave_no_trial_of_a_kind_make_no_curve() -> None:
    found = SortedTrials(np.array([0.1, 0.2, 0.3]), np.array([True, False, False]))
    assert found.curve(np.where(found.same, 0, 1)) is None


def test_misses_are_read_at_the_lowest_threshold_that_keeps_to_the_false_alarms() -> None:
    scores, same = np.arange(10.0), np.array([False] * 5 + [True, False] + [True] * 3)
    curve = curve_of(scores, same)
    assert misses_at(curve, 0.2) == (0.0, 5.0)
    assert misses_at(curve, 0.1) == (0.25, 7.0)
    assert misses_at(curve, 1.0) == (0.0, 0.0)
    assert misses_at(curve_of(scores, ~same), 0.0) == (1.0, 9.0)


def made(speakers: int, each: int) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """All pairs of recordings with overlapping scores: scores, same, and the speakers of both sides."""
    of = np.repeat(np.arange(speakers), each)
    first, second = np.triu_indices(len(of), k=1)
    same = of[first] == of[second]
    return np.random.default_rng(1).normal(2.0 * same), same, (of[first], of[second])


def test_a_drawn_speaker_makes_no_trials_with_its_double() -> None:
    """Against trials that are really repeated, draw after draw."""
    scores, same, (one, other) = made(6, 4)
    found = resampled(SortedTrials(scores, same), (one, other), draws=20)
    random = np.random.default_rng(0)
    for row in found:
        times = random.multinomial(6, np.full(6, 1 / 6))
        weights = np.where(same, times[one], times[one] * times[other])
        assert row[0] == pytest.approx(equal_error_rate(np.repeat(scores, weights), np.repeat(same, weights))[0])


def test_figures_lie_in_their_intervals_and_more_speakers_narrow_them() -> None:
    few, many = (measured("cosine", *made(speakers, 6)) for speakers in (8, 40))
    for found in (few, many):
        for estimate in (found.equal_error_rate, *(cost.value for cost in found.costs)):
            assert estimate.low <= estimate.value <= estimate.high
    widths = [one.equal_error_rate.high - one.equal_error_rate.low for one in (few, many)]
    assert widths[1] < widths[0] / 2
    assert [cost.prior for cost in many.costs] == [0.01, 0.05]
    assert [point.false_alarms for point in many.points] == [0.1, 0.01, 0.001]
    assert many.points[0].misses < many.points[1].misses < many.points[2].misses


def test_a_thinned_curve_keeps_its_ends_and_its_order() -> None:
    whole = curve_of(*made(40, 6)[:2])
    kept = thinned(whole)
    inside = (whole.misses > 0) & (whole.misses < 1) & (whole.false_alarms > 0) & (whole.false_alarms < 1)
    assert CURVE_POINTS / 2 < len(kept.misses) <= CURVE_POINTS
    assert (kept.misses[0], kept.misses[-1]) == (whole.misses[inside][0], whole.misses[inside][-1])
    assert (np.diff(kept.misses) >= 0).all()
    assert (np.diff(kept.false_alarms) <= 0).all()
    assert (kept.false_alarms > 0).all()
