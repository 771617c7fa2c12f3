"""Adaptive score normalisation (AS-norm): a score is seen against those of the strangers who are most alike.

P. Matejka et al., Analysis of score normalization in multilingual speaker recognition, Interspeech 2017. Pure functions
of arrays; who the strangers are, the cohort, says `verifying.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.use.trials import Trials

ROWS_TOGETHER = 4096
SMALLEST_DEVIATION = 1e-6

Vectors = NDArray[np.float32]
Indexes = NDArray[np.int64]


def adapted(
    scores: NDArray[np.float64], trials: Trials, recordings: Vectors, cohort: Vectors, own: Indexes, top: int
) -> NDArray[np.float64]:
    """Scores in standard deviations: the mean of how far a score is from either recording's scores with its cohort.

    scores: (trials,); recordings: (recordings, width) and cohort: (cohort, width), of length one; own: (recordings,),
    the place of a recording's own speaker in the cohort, who is no stranger to it, or -1. Of the cohort the `top` most
    alike count, for each recording its own ones.
    """
    mean, deviation = cohort_statistics(recordings, cohort, own, top)
    first = (scores - mean[trials.first]) / deviation[trials.first]
    second = (scores - mean[trials.second]) / deviation[trials.second]
    return (first + second) / 2


def cohort_statistics(
    recordings: Vectors, cohort: Vectors, own: Indexes, top: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each recording's `top` highest scores with the cohort: (recordings,) each."""
    means, deviations = [], []
    for begin in range(0, len(recordings), ROWS_TOGETHER):
        rows = slice(begin, begin + ROWS_TOGETHER)
        scores = recordings[rows] @ cohort.T  # (rows, cohort)
        known = np.flatnonzero(own[rows] >= 0)
        scores[known, own[rows][known]] = -np.inf
        highest = np.partition(scores, -top, axis=1)[:, -top:].astype(np.float64)  # (rows, top)
        means.append(highest.mean(axis=1))
        deviations.append(np.maximum(highest.std(axis=1), SMALLEST_DEVIATION))
    return np.concatenate(means), np.concatenate(deviations)
