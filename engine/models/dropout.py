"""Dropout whose masks a CPU draws several times quicker than PyTorch's: four values from each 64-bit random number.

PyTorch draws them one after another, in float64, on one core however many there are; that was a fifth of a training
step (docs/results.md). What is dropped is said by the blocks that hold this layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 2**16
"""A value's random number is one of so many, so that a share is rounded to the nearest multiple of 1 / LEVELS."""


class Dropout(nn.Dropout):
    """While training, sets each value to zero with probability p and scales the others up (Srivastava et al., 2014).

    The share really dropped is p to within 8e-6, and others are scaled by what is really kept, so that nothing changes
    on average. Masks are a function of torch's generator for the CPU, as PyTorch's own are, whatever the threads.
    """

    def forward(self, input: Tensor) -> Tensor:
        """input: any shape -> the same."""
        if input.device.type not in ("cpu", "meta"):
            return functional.dropout(input, self.p, self.training)
        dropped = min(round(self.p * LEVELS), LEVELS - 1)
        if not self.training or dropped == 0:
            return input
        kept = random_words(input.numel()).ge_(dropped - LEVELS // 2)  # one int16 a value: 1 where it stays
        return input * kept.view(input.shape).to(input.dtype).mul_(LEVELS / (LEVELS - dropped))


def random_words(number: int) -> Tensor:
    """So many int16, each of all values equally likely, from torch's generator for the CPU: (number,)."""
    drawn = torch.empty((number + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    return drawn.view(torch.int16)[:number]
