"""From frames to one vector an utterance. Every pooling says how wide its result is."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import InputError
from engine.model_settings import AttentiveStatisticsPooling as AttentiveStatisticsSettings
from engine.model_settings import MeanPooling as MeanPoolingSettings
from engine.model_settings import MultiQueryAttentivePooling as MultiQuerySettings
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


class MultiQueryAttentivePooling(nn.Module):
    """Each head weighs its own slice of the channels, once for each of its queries, for an average and a deviation.

    Zhao et al. (2022), "Multi-query multi-head attention pooling": with x_h the slice of head h, the weights of query q
    are the softmax over time of F_hq(x_h). F is v tanh(W x + b), or v x where there is no hidden layer, and gives one
    weight a frame or one for each channel. A bias after v would change no softmax, so there is none.
    """

    layer_kind: ClassVar[str] = "pooling"

    def __init__(self, settings: MultiQuerySettings, width: int) -> None:
        super().__init__()
        if width % settings.heads:
            raise InputError(
                f"pooling.heads = {settings.heads} doesn't divide the encoder's output width, {width}; take another"
                " number of heads"
            )
        self.heads, self.queries = settings.heads, settings.queries
        networks, hidden = settings.heads * settings.queries, settings.attention
        each = width // settings.heads if settings.channel_weights else 1
        # Groups keep the networks apart: each sees its head's slice alone, and its last layer its own hidden one.
        self.hidden = nn.Conv1d(width, networks * hidden, 1, groups=self.heads) if hidden else None
        groups = networks if hidden else self.heads
        self.score = nn.Conv1d(networks * hidden or width, networks * each, 1, groups=groups, bias=False)
        self.output_width = 2 * settings.queries * width

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> (batch, 2 queries width), averages first."""
        seen = frames.transpose(1, 2)
        if self.hidden is not None:
            seen = torch.tanh(self.hidden(seen))
        weights = softmax_over_time(self.score(seen).transpose(1, 2), mask)
        weights = weights.reshape(*frames.shape[:2], self.heads, self.queries, -1)  # the last: 1, or as a slice
        slices = frames.reshape(*frames.shape[:2], self.heads, 1, -1)  # (batch, time, heads, 1, slice)
        mean, deviation = weighted_statistics(slices, weights)  # (batch, heads, queries, slice) each
        return torch.cat([mean.flatten(1), deviation.flatten(1)], dim=-1)


def uniform_weights(frames: Tensor, mask: Tensor | None) -> Tensor:
    """The same weight for every real frame and none for padding: (batch, time, 1), or (1, 1, 1) without a mask."""
    if mask is None:
        return frames.new_full((1, 1, 1), 1 / frames.shape[1])
    real = mask[:, :, None].to(frames.dtype)
    return real / real.sum(dim=1, keepdim=True)


def weighted_statistics(frames: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """frames: (batch, time, ...), weights that sum to one over time -> average and deviation, (batch, ...) each."""
    mean = (frames * weights).sum(dim=1)
    variance = ((frames - mean[:, None]).square() * weights).sum(dim=1)
    return mean, variance.clamp(min=SMALLEST_VARIANCE).sqrt()
