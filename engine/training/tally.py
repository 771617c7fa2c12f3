"""What the steps since the last progress event came to, summed on the device and fetched a few times a second."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from engine.runs.events import Progress
from engine.training.distributed import ALONE, Ranks
from engine.training.step import Outcome

FIRST_MINUTE_INTERVAL, LATER_INTERVAL = 0.1, 0.5


class Tally:
    """Sums loss, right answers and gradient norm over steps without waiting for the device to have computed them.

    With several ranks each adds its own parts of a step, and what is said is their sum.
    """

    def __init__(self, device: torch.device, ranks: Ranks = ALONE) -> None:
        self._device = device
        self._ranks = ranks
        self._began = time.monotonic()
        self._clear()

    def add(self, outcome: Outcome, segments: int, rate: float) -> None:
        """Takes in one step of so many segments, those of all ranks."""
        self._sums += torch.stack((outcome.loss, outcome.right, outcome.norm))
        self._steps += 1
        self._segments += segments
        self._rate = rate

    def due(self) -> bool:
        """Whether it is time to say something: ten times a second in the first minute, then twice; rank 0 decides."""
        now = time.monotonic()
        interval = FIRST_MINUTE_INTERVAL if now - self._began < 60 else LATER_INTERVAL
        return self._ranks.agree(now - self._since >= interval)

    def take(self, step: int) -> Progress:
        """The means since the last call. This waits for the device."""
        self._ranks.add(self._sums[:2])
        loss, right, norm = self._sums.tolist()
        progress = Progress(
            step=step,
            steps=self._steps,
            steps_per_second=self._steps / max(1e-9, time.monotonic() - self._since),
            loss=loss / self._steps,
            accuracy=right / self._segments,
            learning_rate=self._rate,
            gradient_norm=norm / self._steps,
        )
        self._clear()
        return progress

    def flush(self, step: int) -> Iterator[Progress]:
        """The means of what has not been said yet, if any."""
        if self._steps:
            yield self.take(step)

    def restart(self) -> None:
        """Begins to count time anew, after something that was not training."""
        self._since = time.monotonic()

    def _clear(self) -> None:
        self._sums = torch.zeros(3, device=self._device)  # loss, right answers, gradient norm
        self._steps = self._segments = 0
        self._rate = 0.0
        self.restart()
