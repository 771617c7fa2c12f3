"""From which score on somebody is who they seem to be, so that of strangers only a stated share is let in.

Pure functions of scores. A stranger is let in when the best of all candidates' scores reaches the threshold, so it
rises with the number of candidates: that is the error which a person meets who identifies among twenty speakers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.use.identification import Threshold

FALLBACK = 0.7
"""Taken where no trials are at hand, and then it is said so."""
ROUNDING = 1e-9  # one stranger of three is 0.3333, whichever way it is divided


def threshold_for(
    scores: NDArray[np.float32], own: NDArray[np.int64], candidates: int, false_accepts: float, basis: str
) -> Threshold:
    """The lowest threshold at which no larger share of strangers is taken for any of so many candidates.

    scores: (trials, speakers), of a recording against each speaker; own: (trials,), whose it is. Each recording is
    tried as a stranger's against all sets of so many of the other speakers, or all others where there are fewer: the
    share is exact, nothing is drawn.
    """
    rows = np.arange(len(own))
    others = scores.copy()
    others[rows, own] = -np.inf
    places = np.unique(others[np.isfinite(others)])
    above = np.nextafter(places, np.float32(np.inf))  # the threshold that just keeps each score out
    low, high = 0, len(above) - 1
    while low < high:
        middle = (low + high) // 2
        if strangers_let_in(others, float(above[middle]), candidates) <= false_accepts + ROUNDING:
            high = middle
        else:
            low = middle + 1
    value = float(above[low])
    let_in = strangers_let_in(others, value, candidates)
    return Threshold(value, basis, let_in, float((scores[rows, own] < np.float32(value)).mean()))


def strangers_let_in(others: NDArray[np.float32], threshold: float, candidates: int) -> float:
    """The mean share of sets of candidates of whom at least one reaches the threshold.

    others: (trials, speakers), with minus infinity where the speaker is the recording's own. Of n others, k of them
    below the threshold, C(k, c) / C(n, c) of the sets of c candidates turn a stranger away.
    """
    number = others.shape[1] - 1
    chosen = min(candidates, number)
    below = (others < np.float32(threshold)).sum(axis=1) - 1  # (trials,); the own speaker's minus infinity is no other
    return float(1 - _turned_away(number, chosen)[below].mean())


def _turned_away(number: int, chosen: int) -> NDArray[np.float64]:
    """C(k, chosen) / C(number, chosen) for k from 0 to number: (number + 1,)."""
    shares = np.zeros(number + 1)
    shares[number] = 1.0
    for k in range(number, chosen, -1):
        shares[k - 1] = shares[k] * (k - chosen) / k
    return shares
