"""Accuracies, calibration and confusions against scikit-learn's, and what intervals must keep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, log_loss, top_k_accuracy_score
from torch.nn import functional

from engine.use import scoring
from engine.use.scoring import Judged, accuracies, by_length, calibration, confusions, difference, judge, worst_matrix

SPEAKERS = 12


def answers(seed: int, utterances: int = 300, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right more often than not, and the right classes."""
    random = np.random.default_rng(seed)
    own = random.integers(0, SPEAKERS, utterances)
    logits = random.normal(size=(utterances, SPEAKERS))
    logits[np.arange(utterances), own] += 1.5
    return (sharpness * logits).astype(np.float32), own


def judged(seed: int = 0, **how: float) -> Judged:
    return judge(*answers(seed, **how))


@pytest.mark.parametrize("seed", range(3))
def test_accuracies_are_scikit_learns(seed: int) -> None:
    logits, own = answers(seed)
    shares = functional.softmax(torch.from_numpy(logits).double(), dim=1).numpy()
    found, told = accuracies(judge(logits, own)), logits.argmax(axis=1)
    assert found.top1.value == pytest.approx(accuracy_score(own, told))
    assert found.top5.value == pytest.approx(top_k_accuracy_score(own, logits, k=5, labels=range(SPEAKERS)))
    assert found.balanced.value == pytest.approx(balanced_accuracy_score(own, told))
    assert found.loss == pytest.approx(log_loss(own, shares, labels=range(SPEAKERS)))


def test_calibration_is_scikit_learns() -> None:
    logits, own = answers(1, utterances=2000)
    shares = functional.softmax(torch.from_numpy(logits).double(), dim=1).numpy()
    right, confidence = shares.argmax(axis=1) == own, shares.max(axis=1)
    accuracy, mean = calibration_curve(right, confidence, n_bins=10, strategy="uniform")
    found = calibration(judge(logits, own))
    assert [one.accuracy for one in found.bins] == pytest.approx(accuracy)
    assert [one.confidence for one in found.bins] == pytest.approx(mean)
    weights = np.array([one.utterances for one in found.bins])
    assert found.expected_error == pytest.approx(np.average(np.abs(accuracy - mean), weights=weights))
    assert weights.sum() == 2000
    assert (found.mean_confidence, found.accuracy) == pytest.approx((confidence.mean(), right.mean()))


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_logits_were_multiplied_with(factor: float) -> None:
    logits, own = answers(2, utterances=4000, sharpness=1.0)
    base = calibration(judge(logits, own)).temperature
    assert calibration(judge(factor * logits, own)).temperature == pytest.approx(factor * base, rel=0.06)


def test_equal_logits_are_told_apart_as_argmax_does() -> None:
    logits = np.zeros((4, 3), np.float32)
    found = judge(logits, np.array([0, 1, 2, 0]))
    assert found.told.tolist() == logits.argmax(axis=1).tolist() == [0, 0, 0, 0]
    assert found.rank.tolist() == [0, 1, 2, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 60))
def test_huge_logits_stay_numbers_and_parts_join(seed: int, utterances: int) -> None:
    logits, own = answers(seed, utterances)
    logits *= 1e6
    whole = judge(logits, own)
    assert all(np.isfinite(column).all() for column in whole)
    parts = scoring.joined([judge(logits[:1], own[:1]), judge(logits[1:], own[1:])])
    assert all(np.allclose(one, other) for one, other in zip(whole, parts, strict=True))


def test_confusions_are_those_of_the_confusion_matrix() -> None:
    logits, own = answers(3, utterances=1000, sharpness=0.5)
    names = [f"s{number}" for number in range(SPEAKERS)]
    found = judge(logits, own)
    expected = confusion_matrix(own, logits.argmax(axis=1), labels=range(SPEAKERS))
    for pair in confusions(found, names):
        assert pair.times == expected[int(pair.speaker[1:]), int(pair.taken_for[1:])]
        assert pair.utterances == (own == int(pair.speaker[1:])).sum()
        assert pair.speaker != pair.taken_for
    times = [pair.times for pair in confusions(found, names)]
    assert times == sorted(times, reverse=True)
    assert times[0] == (expected - np.diag(np.diag(expected))).max()
    matrix = worst_matrix(found, names)
    places = [int(name[1:]) for name in matrix.speakers]
    assert matrix.counts == expected[np.ix_(places, places)].tolist()
    for row, others, place in zip(matrix.counts, matrix.others, places, strict=True):
        assert sum(row) + others == (own == place).sum()


def test_nobody_is_confused_where_all_is_right() -> None:
    own = np.arange(5)
    found = judge(10 * np.eye(5, dtype=np.float32), own)
    assert confusions(found, list("abcde")) == []
    assert worst_matrix(found, list("abcde")).speakers == []
    assert accuracies(found).top1 == scoring.Estimate(1.0, 1.0, 1.0)


def test_an_interval_covers_what_it_promises() -> None:
    """Of corpora drawn from a population of speakers of very different accuracy, 95 % hold the population's within."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        chances = random.beta(2, 2, 40)  # of each speaker; 0.5 on average
        own = np.repeat(np.arange(40), 10)
        right = random.random(400) < chances[own]
        logits = np.zeros((400, 40), np.float32)
        logits[np.arange(400), np.where(right, own, (own + 1) % 40)] = 1
        top1 = accuracies(judge(logits, own)).top1
        covered += top1.low <= 0.5 <= top1.high
    assert 180 <= covered <= 198


def test_a_difference_is_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = judged(4), judged(5)._replace(own=judged(4).own)
    gap = difference(ours, theirs)
    assert gap.top1.value == pytest.approx(accuracies(ours).top1.value - accuracies(theirs).top1.value)
    same = difference(ours, ours)
    assert (same.top1, same.balanced) == (scoring.Estimate(0, 0, 0), scoring.Estimate(0, 0, 0))
    swapped = difference(theirs, ours)
    assert (swapped.top5.low, swapped.top5.high) == pytest.approx((-gap.top5.high, -gap.top5.low))


def test_bins_of_length_hold_everything_once() -> None:
    found = judged(6)
    seconds = np.random.default_rng(0).exponential(3.0, 300)
    bins = by_length(found, seconds)
    assert sum(one.utterances for one in bins) == 300
    assert len(bins) == 6
    assert [one.shortest for one in bins] == sorted(one.shortest for one in bins)
    mean = sum(one.utterances * one.top1.value for one in bins) / 300
    assert mean == pytest.approx(accuracies(found).top1.value)
    assert len(by_length(found, np.full(300, 2.0))) == 1
