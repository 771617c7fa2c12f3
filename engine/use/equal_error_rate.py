"""The equal error rate of verification: where as many strangers are let in as speakers are turned away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.use.error_curve import SortedTrials, crossing


def equal_error_rate(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> tuple[float, float]:
    """The rate, from 0 to 1, and the threshold on the scores at which it is met.

    scores: (trials,), higher for the same speaker; same: (trials,), whether the trial is of one speaker. Between two
    neighbouring thresholds both error rates are taken to change along a line, as on a ROC curve that is drawn. Raises
    `InputError` when a score is not a number, or when trials of either kind are missing.
    """
    curve = SortedTrials(scores, same).curve()
    assert curve is not None  # there are trials of both kinds
    return crossing(curve)
