"""How often a live screen draws, so that watching a run costs little of what the run needs: a share of one core at most.

A pace measures the whole process's own processor time, threads included, and makes the time between two frames as long
as their cost demands. Who draws what at a frame is the screen's business.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.05
"""Of one core, with some left for what isn't drawn by frames."""
SLOWEST = 1.0
MEMORY = 0.8
"""How much of what frames cost before counts beside the newest one: a single dear frame is forgiven."""


class Pace:
    """The times between frames: `usual` seconds while that costs no more than the share, never more than `slowest`.

    spent and clock: seconds of processor time and of real time; tests give their own.
    """

    def __init__(
        self, usual: float, share: float = SHARE, slowest: float = SLOWEST,
        spent: Callable[[], float] = time.process_time,
    ) -> None:  # fmt: skip
        self.usual = usual
        self._slowest = max(usual, slowest)
        self._share = share
        self._spent = spent
        self._before = spent()
        self._cost: float | None = None

    def seconds_to_next(self) -> float:
        """How long to wait after the frame that was just drawn."""
        now = self._spent()
        newest, self._before = now - self._before, now
        self._cost = newest if self._cost is None else MEMORY * self._cost + (1 - MEMORY) * newest
        return min(max(self._cost / self._share, self.usual), self._slowest)
