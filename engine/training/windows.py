"""What the steps of a window came to, summed on the device and fetched once, at a step that is known beforehand.

`tally.py` sums for people's eyes, whenever time has passed; these sums are what a run is judged by, and so the same in
every life of it. What they mean is left to `divergence.py`.
"""

from __future__ import annotations

import torch
from msgspec import Struct
from torch import Tensor


class Sums(Struct, frozen=True):
    """Sums over steps: the loss without any margin, right answers, gradient norm; and how many steps were finite."""

    steps: int = 0
    finite: int = 0
    loss: float = 0.0
    right: int = 0
    norm: float = 0.0

    @property
    def mean_loss(self) -> float:
        """Nats."""
        return self.loss / max(1, self.steps)

    @property
    def mean_norm(self) -> float:
        """Length of the gradient before clipping."""
        return self.norm / max(1, self.steps)


class Window:
    """The steps since the last window's end."""

    def __init__(self, device: torch.device) -> None:
        self.steps = 0
        self._sums = torch.zeros(4, device=device)  # finite steps, loss, right answers, gradient norm

    def add(self, loss: Tensor, plain: Tensor, right: Tensor, norm: Tensor) -> None:
        """Takes in one step without waiting for it: scalars on the device, plain: the loss without a margin."""
        finite = torch.isfinite(loss) & torch.isfinite(norm)
        self._sums += torch.stack((finite, plain, right, norm))
        self.steps += 1

    def read(self) -> Sums:
        """The sums so far. This waits for the device."""
        finite, loss, right, norm = self._sums.tolist()
        return Sums(self.steps, round(finite), loss, round(right) if right == right else 0, norm)

    def restart(self, sums: Sums | None = None) -> None:
        """Begins a window, or goes on with one of an earlier life: float32 sums come back bit for bit."""
        sums = sums or Sums()
        self.steps = sums.steps
        self._sums = torch.tensor([sums.finite, sums.loss, sums.right, sums.norm], device=self._sums.device)
