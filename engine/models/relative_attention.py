"""Self-attention that knows how far apart two frames are (Dai et al., 2019, Transformer-XL, section 3.3)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

QUERIES_AT_ONCE = 512
"""Frames that look around together. Scores by distance are held in memory, so a long utterance goes in several parts;
training segments are shorter than one."""


class RelativeSelfAttention(nn.Module):
    """A query scores a key by its content and by its distance, each with a learned bias of its own.

    score(i, j) = ((q_i + u) k_j + (q_i + v) W r_(i-j)) / sqrt(width of a head), with r the sinusoidal encoding of a
    distance. As in the Conformer (Gulati et al., 2020).
    """

    layer_kind: ClassVar[str] = "attention"

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.distance = nn.Linear(width, width, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(heads, width // heads))  # u
        self.distance_bias = nn.Parameter(torch.zeros(heads, width // heads))  # v
        self.output = nn.Linear(width, width)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width) -> (batch, time, width). Padded frames are never looked at."""
        batch, time, width = frames.shape
        projected = self.query_key_value(frames).view(batch, time, 3, self.heads, width // self.heads)
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # each (batch, heads, time, width / heads)
        distances = self.distance(distance_encoding(time, width, frames))  # (2 time - 1, width)
        distances = distances.view(2 * time - 1, self.heads, -1).permute(1, 2, 0)  # (heads, width / heads, 2 time - 1)
        mixed = []
        # An exported graph takes any length in one part: how many parts there are would be fixed in it.
        exporting = torch.compiler.is_exporting()
        at_once = time if exporting else QUERIES_AT_ONCE
        for first in [0] if exporting else range(0, time, at_once):
            some = query[:, :, first : first + at_once]  # (batch, heads, some, width / heads)
            last = first + some.shape[2] - 1
            near = distances[:, :, time - 1 - last : 2 * time - 1 - first]  # last ... -(time - 1 - first)
            bias = self._bias_of_distance(some, near, mask)
            content = some + self.content_bias[:, None, :]
            mixed.append(functional.scaled_dot_product_attention(content, key, value, attn_mask=bias))
        merged: Tensor = self.output(torch.cat(mixed, dim=2).transpose(1, 2).reshape(batch, time, width))
        return merged

    def _bias_of_distance(self, query: Tensor, distances: Tensor, mask: Tensor | None) -> Tensor:
        """The share of the scores that distances give, for some successive queries: (batch, heads, some, time).

        query: (batch, heads, some, width / heads); distances: (heads, width / heads, time + some - 1), the greatest,
        that of the last query from the first key, first.
        """
        by_distance = (query + self.distance_bias[:, None, :]) @ distances  # (batch, heads, some, time + some - 1)
        bias = _by_key(by_distance) / math.sqrt(query.shape[-1])
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None, None, :], float("-inf"))
        return bias.to(query.dtype)


def distance_encoding(time: int, width: int, like: Tensor) -> Tensor:
    """Sines and cosines of the distances time - 1 ... -(time - 1): (2 time - 1, width) (Vaswani et al., 2017)."""
    distances = torch.arange(time - 1, -time, -1, device=like.device, dtype=torch.float32)
    channels = torch.arange(0, width, 2, device=like.device, dtype=torch.float32)
    angles = distances[:, None] * torch.exp(-math.log(10_000) * channels / width)
    interleaved = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return interleaved[:, :width].to(like.dtype)


def _by_key(scores: Tensor) -> Tensor:
    """From scores by distance to scores by key: (..., some, time + some - 1) -> (..., some, time).

    The last row begins with the first distance, each row before it one later; reading the padded rows as one long line
    puts every row's own beginning first.
    """
    *outer, some, distances = scores.shape
    padded = functional.pad(scores, (1, 0)).view(*outer, distances + 1, some)
    return padded[..., 1:, :].reshape(*outer, some, distances)[..., : distances - some + 1]
