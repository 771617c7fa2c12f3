"""How well scores tell one speaker from two: error rates and costs, each with an interval over the speakers.

Pure functions of arrays; `error_curve.py` has the curves, `verifying.py` the scores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.use.error_curve import ErrorCurve, SortedTrials, crossing, minimum_cost, misses_at, thinned
from engine.use.results import Estimate
from engine.use.verification_results import Cost, DetectionCurve, OperatingPoint, Scoring

PRIORS = (0.01, 0.05)
FALSE_ALARMS = (0.1, 0.01, 0.001)
DRAWS = 300  # of the bootstrap

Floats = NDArray[np.floating]
Indexes = NDArray[np.int64]


def measured(name: str, scores: Floats, same: NDArray[np.bool_], speakers: tuple[Indexes, Indexes]) -> Scoring:
    """What scores come to; scores, same: (trials,), speakers: those of either side, (trials,) each.

    Raises `InputError` as `SortedTrials` does.
    """
    trials = SortedTrials(scores, same)
    curve = trials.curve()
    assert curve is not None  # there are trials of both kinds
    drawn = resampled(trials, speakers)
    rate, threshold = crossing(curve)
    (low, *lows), (high, *highs) = np.quantile(drawn, [0.025, 0.975], axis=0).tolist()
    points = thinned(curve)
    return Scoring(
        name=name,
        equal_error_rate=Estimate(rate, low, high),
        threshold=threshold,
        costs=[
            Cost(prior, Estimate(minimum_cost(curve, prior), *ends))
            for prior, *ends in zip(PRIORS, lows, highs, strict=True)
        ],
        points=[OperatingPoint(most, *misses_at(curve, most)) for most in FALSE_ALARMS],
        curve=DetectionCurve(points.false_alarms.tolist(), points.misses.tolist()),
    )


def resampled(trials: SortedTrials, speakers: tuple[Indexes, Indexes], draws: int = DRAWS) -> Floats:
    """Equal error rate and costs of drawn speakers: (draws, 1 + priors).

    As many speakers are drawn as there are, with replacement. A trial of one speaker counts as often as that one was
    drawn, a trial of two as often as their pairs; a speaker drawn twice makes no trials with itself. Draws that leave
    no trial of a kind are left out; where all do, there is one row, of the trials as they are.
    """
    names, places = np.unique(np.stack(speakers), return_inverse=True)
    one, other = places.reshape(2, -1)[:, trials.order]
    alone = one == other
    random = np.random.default_rng(0)
    rows = []
    for _ in range(draws):
        times = random.multinomial(len(names), np.full(len(names), 1 / len(names)))
        curve = trials.curve(np.where(alone, times[one], times[one] * times[other]))
        if curve is not None:
            rows.append(_figures(curve))
    curve = trials.curve()
    if not rows and curve is not None:
        rows.append(_figures(curve))
    return np.array(rows)


def _figures(curve: ErrorCurve) -> list[float]:
    return [crossing(curve)[0], *(minimum_cost(curve, prior) for prior in PRIORS)]
