"""Layers that several encoders are built of. Each says its kind, by which the budget meter groups parameters.

All of them take `mask` (batch, time), True where a frame is real, or None when every frame is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.dropout import Dropout

PLAIN_FRAMES = 512
"""Up to so many frames attention in bfloat16 is computed by plain matrix products on a CPU."""


class SelfAttention(nn.Module):
    """Scaled dot-product self-attention (Vaswani et al., 2017); the output projection always has a bias."""

    layer_kind: ClassVar[str] = "attention"

    def __init__(self, width: int, heads: int, bias: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width, bias=bias)
        self.output = nn.Linear(width, width)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width) -> (batch, time, width). Padded frames are never looked at."""
        batch, time, width = frames.shape
        # Split by channels rather than by a dimension of their own: their gradients then join without another copy.
        query, key, value = (
            part.view(batch, time, self.heads, width // self.heads).transpose(1, 2)  # (batch, heads, time, width/heads)
            for part in self.query_key_value(frames).chunk(3, dim=-1)
        )
        seen = None if mask is None else mask[:, None, None, :]  # (batch, 1, 1, time): which keys may be looked at
        mixed = attend(query, key, value, seen)
        merged: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, time, width))
        return merged


class FeedForward(nn.Module):
    """Linear, ReLU, Linear on each frame alone; with SiLU (Swish) and dropout after it where blocks ask for them."""

    layer_kind: ClassVar[str] = "feed-forward"

    def __init__(
        self,
        width: int,
        hidden: int,
        dropout: float = 0.0,
        activation: Callable[[Tensor], Tensor] = functional.relu,
    ) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)
        self.dropout = Dropout(dropout)
        self.activation = activation

    def forward(self, frames: Tensor) -> Tensor:
        """frames: (batch, time, width) -> (batch, time, width)."""
        contracted: Tensor = self.contract(self.dropout(self.activation(self.expand(frames))))
        return contracted


class GatedConvolution(nn.Module):
    """A convolution over time with a gated linear unit (Dauphin et al., 2017), without bias."""

    layer_kind: ClassVar[str] = "convolution"

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2, bias=False)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width) -> (batch, time, width). Padded frames count as zeros, as beyond the edge."""
        if mask is not None:
            frames = frames * mask[:, :, None]
        gated = functional.glu(self.convolution(frames.transpose(1, 2)), dim=1)  # (batch, width, time)
        return gated.transpose(1, 2)


class Positions(nn.Module):
    """The positions that frames pass one after another: a layer each, or one layer at all of them.

    A shared layer is held once and looped over, so that it is counted, saved and optimised once.
    """

    def __init__(self, layers: list[nn.Module], positions: int, width: int) -> None:
        super().__init__()
        self.output_width = width
        self.layers = nn.ModuleList(layers)
        self.positions = positions

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width) -> (batch, time, width)."""
        for position in range(self.positions):
            frames = self.layers[position % len(self.layers)](frames, mask)
        return frames


def attend(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None) -> Tensor:
    """softmax(query key^T / sqrt(width)) value, each (batch, heads, time, width) -> the same.

    seen: True where a key may be looked at, broadcast to (batch, heads, time, time), or None. On a CPU the backward
    pass of PyTorch's fused attention is several times slower in bfloat16 than plain products are (docs/results.md),
    whose memory is small as long as segments are short.
    """
    plain = query.dtype == torch.bfloat16 and query.device.type in ("cpu", "meta") and query.shape[2] <= PLAIN_FRAMES
    if not plain:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)  # (batch, heads, time, time)
    if seen is not None:
        scores = scores.masked_fill(~seen, -math.inf)
    return torch.softmax(scores, dim=-1) @ value


def length_mask(lengths: Tensor, time: int) -> Tensor:
    """lengths: (batch,) -> (batch, time), True where a frame is real."""
    return torch.arange(time, device=lengths.device)[None, :] < lengths[:, None]
