"""Batch normalisation over the batch of all ranks: what each rank sums up over its own part is added over the ranks.

Torch's own SyncBatchNorm refuses CPUs and knows no masks. Who starts ranks, and with which groups, is said elsewhere
(`engine.training.distributed`); without ranks nothing here is used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.models.norms import BatchNorm


class _Sum(torch.autograd.Function):
    """A sum over ranks. Every rank's loss depends on it, so its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


class SharedMaskedBatchNorm(BatchNorm):
    """Our masked batch normalisation over the real frames of all ranks."""

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> the same as frames."""
        if not self.training:
            return super().forward(frames, mask)
        return _normed(self, frames, mask)


class SharedBatchNorm1d(nn.BatchNorm1d):
    """Torch's batch normalisation of vectors or of channels over time, over all ranks."""

    def forward(self, input: Tensor) -> Tensor:
        """input: (batch, channels) or (batch, channels, time) -> the same."""
        if not self.training:
            return super().forward(input)
        return _normed(self, input.movedim(1, -1), None).movedim(-1, 1)


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Torch's batch normalisation of pictures, over all ranks."""

    def forward(self, input: Tensor) -> Tensor:
        """input: (batch, channels, height, width) -> the same."""
        if not self.training:
            return super().forward(input)
        return _normed(self, input.movedim(1, -1), None).movedim(-1, 1)


SHARED: dict[type[nn.Module], type[_BatchNorm]] = {
    BatchNorm: SharedMaskedBatchNorm,
    nn.BatchNorm1d: SharedBatchNorm1d,
    nn.BatchNorm2d: SharedBatchNorm2d,
}


def share_statistics(model: nn.Module) -> None:
    """Makes every batch normalisation of the model one over all ranks, in place; names and weights stay as they are.

    A module remains the same object, since a user's own encoder may hold it at places that nobody else knows.
    """
    for module in model.modules():
        shared = SHARED.get(type(module))
        if shared is not None:
            module.__class__ = shared  # a subclass that adds no state


def unshared_norms(model: nn.Module) -> list[str]:
    """The names of the batch normalisations that `share_statistics` left alone: other classes than torch's and ours."""
    known = tuple(SHARED.values())
    return [
        name for name, module in model.named_modules() if isinstance(module, _BatchNorm) and type(module) not in known
    ]


def _normed(norm: _BatchNorm, frames: Tensor, real: Tensor | None) -> Tensor:
    """frames: (..., channels), real: (...) or None when all are -> frames normalised by the statistics of all ranks.

    The sums are taken in float64: a variance is a small difference of large ones.
    """
    precise = frames if frames.dtype == torch.float64 else frames.float()
    counted = precise if real is None else precise * real[..., None]
    over = tuple(range(frames.dim() - 1))
    own = torch.full((), frames[..., 0].numel(), device=frames.device) if real is None else real.sum()
    channels = frames.shape[-1]
    sums = torch.cat(
        [counted.sum(over, dtype=torch.float64), (counted * precise).sum(over, dtype=torch.float64), own.double()[None]]
    )
    total, squares, number = _Sum.apply(sums).split([channels, channels, 1])  # type: ignore[no-untyped-call]  # torch's
    mean = total / number
    variance = (squares / number - mean.square()).clamp(min=0)
    _remember(norm, mean.detach(), (variance * number / (number - 1).clamp(min=1)).detach())
    normed: Tensor = (precise - mean.to(precise.dtype)) * torch.rsqrt(variance.to(precise.dtype) + norm.eps)
    if norm.affine:
        normed = normed * norm.weight + norm.bias
    return normed.to(frames.dtype)


def _remember(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Moves the running statistics as torch does; the variance is the unbiased one."""
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked += 1
    momentum = 1 / int(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
    norm.running_var.lerp_(variance.to(norm.running_var.dtype), momentum)
