"""How often a live screen draws, so that watching a run costs little of what the run needs: a share of a core at most.

A pace measures the whole process's own processor time, threads included, and makes the time between two frames as long
as their cost demands. What is drawn at a frame is the screen's business.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.05
SLOWEST = 1.0
MEMORY = 0.8
"""How much of what frames cost before counts beside the newest one, so that a single dear frame is forgiven."""


class Pace:
    """Seconds between frames: `usual` as long as that costs no more than `share` of a core, never over `slowest`.

    spent: the seconds of processor time that were used so far.
    """

    def __init__(
        self, usual: float, share: float = SHARE, slowest: float = SLOWEST,
        spent: Callable[[], float] = time.process_time,
    ) -> None:  # fmt: skip
        self._usual, self._slowest = usual, max(usual, slowest)
        self._share = share
        self._spent = spent
        self._before = spent()
        self._cost = 0.0

    def seconds_to_next(self) -> float:
        """How long to wait now that a frame is drawn."""
        now = self._spent()
        newest = min(now - self._before, self._slowest * self._share)  # opening a long run says nothing of its frames
        self._before = now
        self._cost = MEMORY * self._cost + (1 - MEMORY) * newest
        return min(max(self._cost / self._share, self._usual), self._slowest)
