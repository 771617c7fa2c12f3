"""From frames to one vector an utterance. Every pooling says how wide its result is."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import AttentiveStatisticsPooling as AttentiveStatisticsSettings
from engine.model_settings import MeanPooling as MeanPoolingSettings
from engine.model_settings import SelfAttentivePooling as SelfAttentiveSettings
from engine.model_settings import StatisticsPooling as StatisticsSettings
from engine.models.norms import BatchNorm, softmax_over_time

SMALLEST_VARIANCE = 1e-6  # keeps the square root's gradient finite where all frames are equal, as a single one is


class MeanPooling(nn.Module):
    """The average over the real frames."""

    def __init__(self, settings: MeanPoolingSettings, width: int) -> None:
        super().__init__()
        self.output_width = width

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> (batch, width)."""
        return (frames * uniform_weights(frames, mask)).sum(dim=1) if mask is not None else frames.mean(dim=1)


class StatisticsPooling(nn.Module):
    """Average and standard deviation over the real frames, side by side (Snyder et al., 2018)."""

    def __init__(self, settings: StatisticsSettings, width: int) -> None:
        super().__init__()
        self.output_width = 2 * width

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> (batch, 2 width)."""
        return torch.cat(weighted_statistics(frames, uniform_weights(frames, mask)), dim=-1)


class SelfAttentivePooling(nn.Module):
    """An average whose weights a small network gives: softmax over time of v tanh(W x + b) (Cai et al., 2018)."""

    layer_kind: ClassVar[str] = "pooling"

    def __init__(self, settings: SelfAttentiveSettings, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, settings.attention)
        self.score = nn.Linear(settings.attention, 1, bias=False)
        self.output_width = width

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> (batch, width)."""
        weights = softmax_over_time(self.score(torch.tanh(self.hidden(frames))), mask)
        return (frames * weights).sum(dim=1)


class AttentiveStatisticsPooling(nn.Module):
    """Weighted average and standard deviation, with a weight for each frame and channel.

    Okabe et al. (2018); channel-dependent and with the utterance's own statistics as context as in ECAPA-TDNN
    (Desplanques et al., 2020, section 3.1).
    """

    layer_kind: ClassVar[str] = "pooling"

    def __init__(self, settings: AttentiveStatisticsSettings, width: int) -> None:
        super().__init__()
        self.context = settings.context
        self.hidden = nn.Linear(3 * width if settings.context else width, settings.attention)
        self.norm = BatchNorm(settings.attention) if settings.batch_norm else None
        self.score = nn.Linear(settings.attention, width)
        self.output_width = 2 * width

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> (batch, 2 width)."""
        seen = frames
        if self.context:
            statistics = weighted_statistics(frames, uniform_weights(frames, mask))
            around = torch.cat(statistics, dim=-1)[:, None, :].expand(-1, frames.shape[1], -1)
            seen = torch.cat([frames, around], dim=-1)
        hidden = self.hidden(seen)
        if self.norm is not None:
            hidden = self.norm(functional.relu(hidden), mask)
        weights = softmax_over_time(self.score(torch.tanh(hidden)), mask)
        return torch.cat(weighted_statistics(frames, weights), dim=-1)


def uniform_weights(frames: Tensor, mask: Tensor | None) -> Tensor:
    """The same weight for every real frame and none for padding: (batch, time, 1), or (1, 1, 1) without a mask."""
    if mask is None:
        return frames.new_full((1, 1, 1), 1 / frames.shape[1])
    real = mask[:, :, None].to(frames.dtype)
    return real / real.sum(dim=1, keepdim=True)


def weighted_statistics(frames: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """frames: (batch, time, width), weights that sum to one over time -> average and deviation, (batch, width) each."""
    mean = (frames * weights).sum(dim=1)
    variance = ((frames - mean[:, None, :]).square() * weights).sum(dim=1)
    return mean, variance.clamp(min=SMALLEST_VARIANCE).sqrt()
