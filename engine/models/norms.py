"""Normalisation of frames by a name in a preset. Every one takes the mask, so that padding never counts."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LayerNorm(nn.LayerNorm):
    """Over the channels of each frame alone (Ba et al., 2016)."""

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, width) -> the same."""
        return super().forward(frames)


class RmsNorm(nn.RMSNorm):
    """Each frame divided by its root mean square (Zhang and Sennrich, 2019), in float32 as autocast has layer norms."""

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, width) -> the same."""
        return super().forward(frames.to(self.weight.dtype))


class BatchNorm(nn.BatchNorm1d):
    """Over the real frames of the batch, channel by channel (Ioffe and Szegedy, 2015).

    While training, mean and variance are those of the real frames alone; afterwards the running ones are used, so a
    batch's other members don't matter.
    """

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> the same as frames."""
        if mask is None or not self.training:
            return super().forward(frames.transpose(1, 2)).transpose(1, 2)
        real = mask[:, :, None].to(frames.dtype)
        number = real.sum()
        mean = (frames * real).sum(dim=(0, 1)) / number
        variance = ((frames - mean).square() * real).sum(dim=(0, 1)) / number
        self._remember(mean.detach(), variance.detach() * number / (number - 1).clamp(min=1))
        normed = (frames - mean) * torch.rsqrt(variance + self.eps)
        return normed * self.weight + self.bias

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics; the variance is the unbiased one, as torch keeps it."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked += 1


NORMS: dict[str, type[LayerNorm] | type[RmsNorm] | type[BatchNorm]] = {
    "layer": LayerNorm,
    "rms": RmsNorm,
    "batch": BatchNorm,
}


def make_norm(kind: str, width: int) -> LayerNorm | RmsNorm | BatchNorm:
    """The norm of that name for frames of so many channels."""
    return NORMS[kind](width)


def softmax_over_time(scores: Tensor, mask: Tensor | None) -> Tensor:
    """scores: (batch, time, any), mask: (batch, time) -> weights that sum to one over the real frames."""
    if mask is not None:
        scores = scores.masked_fill(~mask[:, :, None], float("-inf"))
    return functional.softmax(scores, dim=1)
