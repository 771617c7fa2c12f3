"""Misses and false alarms at every threshold on the scores of trials, and what is read off that curve.

Pure functions of arrays. A miss is a trial of one speaker that scores below the threshold, a false alarm one of two
speakers that doesn't. The same trials can be weighted, which is how a bootstrap draws its speakers (`detection.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError

CURVE_POINTS = 200

Floats = NDArray[np.floating]


class ErrorCurve(NamedTuple):
    """thresholds, misses, false_alarms: (points,), from letting everyone in to letting nobody in; rates from 0 to 1.

    The last threshold is infinite.
    """

    thresholds: Floats
    misses: Floats
    false_alarms: Floats


class SortedTrials:
    """Trials in the order of their scores, which is found once for however many curves."""

    def __init__(self, scores: Floats, same: NDArray[np.bool_]) -> None:
        """scores: (trials,), higher for the same speaker; same: (trials,), whether a trial is of one speaker.

        Raises `InputError` when a score is not a number, or when trials of either kind are missing.
        """
        if not np.isfinite(scores).all():
            raise InputError("a score of a trial is not a finite number")
        if same.all() or not same.any():
            raise InputError("trials of one speaker and of two speakers are needed, and one kind is missing")
        self.order = np.argsort(scores, kind="stable")
        self.same = same[self.order]
        self.values, first = np.unique(scores[self.order], return_index=True)
        self._ends = np.append(first, len(same))

    def curve(self, weights: Floats | None = None) -> ErrorCurve | None:
        """The curve; weights: (trials,) in the order of `order`. None where the weights leave no trial of a kind."""
        weights = np.ones(len(self.same)) if weights is None else weights
        targets = self._below(np.where(self.same, weights, 0))
        strangers = self._below(np.where(self.same, 0, weights))
        if not targets[-1] or not strangers[-1]:
            return None
        return ErrorCurve(np.append(self.values, np.inf), targets / targets[-1], 1 - strangers / strangers[-1])

    def _below(self, weights: Floats) -> Floats:
        """The weight of all trials under each threshold: (points,)."""
        below: Floats = np.concatenate([[0], np.cumsum(weights, dtype=np.float64)])[self._ends]
        return below


def crossing(curve: ErrorCurve) -> tuple[float, float]:
    """The equal error rate and its threshold; between neighbouring points both rates change along a line."""
    misses, false_alarms = curve.misses, curve.false_alarms
    after = int(np.argmax(misses >= false_alarms))  # never 0: there nobody is missed and everyone let in
    before = after - 1
    gap_before, gap_after = false_alarms[before] - misses[before], misses[after] - false_alarms[after]
    share = gap_before / (gap_before + gap_after)
    low = curve.thresholds[before]
    high = curve.thresholds[after] if np.isfinite(curve.thresholds[after]) else low
    return float(misses[before] + share * (misses[after] - misses[before])), float(low + share * (high - low))


def minimum_cost(curve: ErrorCurve, prior: float) -> float:
    """The lowest detection cost of any threshold, where a share `prior` of all trials is of one speaker (minDCF).

    Both errors cost 1. It is divided by the cost of the better of letting everyone in and nobody, so that 1 is
    useless (NIST, Speaker Recognition Evaluation plan, 2016).
    """
    cost = prior * curve.misses + (1 - prior) * curve.false_alarms
    return float(cost.min() / min(prior, 1 - prior))


def misses_at(curve: ErrorCurve, false_alarms: float) -> tuple[float, float]:
    """Misses at the lowest threshold with at most this share of false alarms, and the threshold."""
    place = int(np.argmax(curve.false_alarms <= false_alarms))  # the last point has none
    return float(curve.misses[place]), float(min(curve.thresholds[place], curve.thresholds[-2]))


def thinned(curve: ErrorCurve) -> ErrorCurve:
    """At most 200 points where both rates are neither 0 nor 1, evenly along a curve whose axes are stretched."""
    inside = (curve.misses > 0) & (curve.misses < 1) & (curve.false_alarms > 0) & (curve.false_alarms < 1)
    kept = ErrorCurve._make(column[inside] for column in curve)
    if len(kept.misses) <= CURVE_POINTS:
        return kept
    along = np.log(kept.misses / (1 - kept.misses)) - np.log(kept.false_alarms / (1 - kept.false_alarms))  # rising
    places = np.unique(np.searchsorted(along, np.linspace(along[0], along[-1], CURVE_POINTS)))
    return ErrorCurve._make(column[places] for column in kept)
