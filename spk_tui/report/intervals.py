"""95 % intervals of shares that were counted, for accuracies of which nothing is left but a log.

They take utterances for independent. Those of one speaker are alike, so the bootstrap over speakers of an evaluation
(`engine.use.scoring`) is wider, and right; it needs the model's answers.
"""

from __future__ import annotations

import math

from engine.use.results import Estimate

STANDARD_DEVIATIONS = 1.959964


def binomial(share: float, number: int) -> Estimate:
    """A share of so many, with its interval by Wilson (1927), which stays within 0 and 1 and has a width at both."""
    z = STANDARD_DEVIATIONS**2 / number
    middle = (share + z / 2) / (1 + z)
    half = math.sqrt(z * share * (1 - share) + z * z / 4) / (1 + z)
    return Estimate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def difference(after: Estimate, before: Estimate) -> Estimate:
    """One share less another that was counted apart from it, by Newcombe (1998, method 10) from both intervals."""
    value = after.value - before.value
    down = math.hypot(after.value - after.low, before.high - before.value)
    up = math.hypot(after.high - after.value, before.value - before.low)
    return Estimate(value, value - down, value + up)
