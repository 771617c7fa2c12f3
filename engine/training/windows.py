"""What the steps of a window came to, summed on the device and fetched once, at a step that is known beforehand.

`tally.py` sums for people's eyes, whenever time has passed; these sums are what a run is judged by, and so the same in
every life of it. What they mean is left to `divergence.py`.
"""

from __future__ import annotations

import torch
from msgspec import Struct
from torch import Tensor

from engine.training.distributed import ALONE, Ranks


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
    """The steps since the last window's end; of several ranks each adds its part of a step, and the sums are of all."""

    def __init__(self, device: torch.device, ranks: Ranks = ALONE) -> None:
        self.steps = 0
        self._ranks = ranks
        # float64 holds such sums of float32 exactly, so that it doesn't matter which rank's come first. MPS has none.
        self._type = torch.float32 if device.type == "mps" else torch.float64
        self._sums = torch.zeros(4, dtype=self._type, device=device)  # finite steps, loss, right answers, gradient norm

    def add(self, loss: Tensor, plain: Tensor, right: Tensor, norm: Tensor) -> None:
        """Takes in one step without waiting for it: scalars on the device, plain: the loss without a margin."""
        finite = torch.isfinite(loss) & torch.isfinite(norm)
        self._sums += torch.stack((finite, plain, right, norm))
        self.steps += 1

    def read(self) -> Sums:
        """The sums so far. This waits for the device, and every rank takes part."""
        sums = self._sums.clone()
        self._ranks.add(sums[:3])  # the norm is that of all ranks already
        finite, loss, right, norm = sums.tolist()
        # Where one rank has met what isn't finite, fewer than all have seen all steps finite.
        return Sums(self.steps, int(finite / self._ranks.size), loss, round(right) if right == right else 0, norm)

    def restart(self, sums: Sums | None = None) -> None:
        """Begins a window, or goes on with one of an earlier life: its sums come back bit for bit."""
        sums = sums or Sums()
        self.steps = sums.steps
        loss, right = (sums.loss, sums.right) if self._ranks.first else (0.0, 0)
        numbers = [sums.finite, loss, right, sums.norm]
        self._sums = torch.tensor(numbers, dtype=self._type, device=self._sums.device)
