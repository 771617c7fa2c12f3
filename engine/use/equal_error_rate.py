"""The equal error rate of verification: where as many strangers are let in as speakers are turned away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError


def equal_error_rate(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> tuple[float, float]:
    """The rate, from 0 to 1, and the threshold on the scores at which it is met.

    scores: (trials,), higher for the same speaker; same: (trials,), whether the trial is of one speaker. Between two
    neighbouring thresholds both error rates are taken to change along a line, as on a ROC curve that is drawn. Raises
    `InputError` when a score is not a number, or when trials of either kind are missing.
    """
    if not np.isfinite(scores).all():
        raise InputError("a score of a trial is not a finite number")
    targets = int(same.sum())
    strangers = len(same) - targets
    if not targets or not strangers:
        raise InputError("trials of one speaker and of two speakers are needed, and one kind is missing")
    order = np.argsort(scores, kind="stable")
    thresholds, first = np.unique(scores[order], return_index=True)
    below = np.concatenate([[0], np.cumsum(same[order])])[np.append(first, len(same))]  # targets under each threshold
    misses = below / targets  # (thresholds + 1,), rising from 0 to 1
    false_alarms = 1 - (np.append(first, len(same)) - below) / strangers  # falling from 1 to 0
    thresholds = np.append(thresholds, thresholds[-1])
    after = int(np.argmax(misses >= false_alarms))  # never 0: there nobody is missed and everyone let in
    before = after - 1
    gap_before, gap_after = false_alarms[before] - misses[before], misses[after] - false_alarms[after]
    share = gap_before / (gap_before + gap_after)
    rate = misses[before] + share * (misses[after] - misses[before])
    return float(rate), float(thresholds[before] + share * (thresholds[after] - thresholds[before]))
