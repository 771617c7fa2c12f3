"""The debiased exponential average of a series, computed over all of its points and no point twice.

It is the average that TensorBoard draws: every point counts `strength` times as much as the one after it, and what is
missing before the first point is divided out, so that a curve begins where its values begin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spk_tui.series import Floats

STRENGTHS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
"""What one can choose between; 0 leaves a curve as it is, 0.95 averages over some twenty points."""
USUAL_STRENGTH = 0.95
BLOCK = 64


class Smoother:
    """Goes on where it left off: `smooth` takes the new points of a series and gives their averages."""

    def __init__(self, strength: float) -> None:
        self.strength = min(max(0.0, strength), STRENGTHS[-1])
        self._sum = 0.0
        self._points = 0

    def smooth(self, values: Floats) -> Floats:
        """The averages up to each of these finite values, which follow those of the last call."""
        import numpy as np

        if self.strength == 0 or not len(values):
            return values
        sums = decayed_sums(values, self.strength, self._sum)
        counted = np.arange(self._points + 1, self._points + len(values) + 1)
        weights = -np.expm1(counted * math.log(self.strength)) / (1 - self.strength)
        self._sum, self._points = float(sums[-1]), self._points + len(values)
        averages: Floats = sums / weights
        return averages


def decayed_sums(values: Floats, decay: float, before: float) -> Floats:
    """s[i] = decay * s[i - 1] + values[i], with s[-1] = before; values: (points,).

    Within blocks it is one matrix product; how the blocks follow each other is the same sum again, of fewer points.
    """
    import numpy as np

    count = len(values)
    if count == 0:
        return np.empty(0)
    blocks = -(-count // BLOCK)
    padded = np.zeros((blocks, BLOCK))
    padded.reshape(-1)[:count] = values
    ages = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))  # (to, from): how many points ago
    within = padded @ np.where(ages >= 0, decay ** np.maximum(ages, 0.0), 0.0).T
    carried = np.empty(blocks)
    carried[0] = before
    if blocks > 1:
        carried[1:] = decayed_sums(within[:-1, -1], decay**BLOCK, before)
    sums: Floats = (within + carried[:, None] * decay ** np.arange(1.0, BLOCK + 1)).reshape(-1)[:count]
    return sums
