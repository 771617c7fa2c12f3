"""The E-Branchformer encoder (Kim et al., 2022): branches merged with a look around, between halves of FFNs."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import EBranchformer
from engine.models.blocks import BlockEncoder, make_attention
from engine.models.dropout import Dropout
from engine.models.gating import ConvolutionalGating
from engine.models.layers import FeedForward
from engine.models.norms import make_norm


class ConvolutionalMerge(nn.Module):
    """Both branches side by side, plus their depthwise convolution over time, projected back (section 2.2.2)."""

    layer_kind: ClassVar[str] = "merge"

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(2 * width, 2 * width, kernel, padding=kernel // 2, groups=2 * width)
        self.project = nn.Linear(2 * width, width)

    def forward(self, attended: Tensor, gated: Tensor, mask: Tensor | None) -> Tensor:
        """attended, gated: (batch, time, width) -> (batch, time, width). Padded frames count as zeros."""
        both = torch.cat([attended, gated], dim=-1)
        if mask is not None:
            both = both * mask[:, :, None]
        around = self.depthwise(both.transpose(1, 2)).transpose(1, 2)
        merged: Tensor = self.project(both + around)
        return merged


class EBranchformerBlock(nn.Module):
    """x = x + FFN(x)/2; x = x + merge(attention(x), gating(x)); x = x + FFN'(x)/2; output = norm(x).

    Each module normalises its input and drops out its output.
    """

    def __init__(self, settings: EBranchformer) -> None:
        super().__init__()
        width = settings.d_model
        self.first_norm = make_norm(settings.norm, width)
        self.first = FeedForward(width, settings.ffn, settings.dropout, functional.silu)
        self.attention_norm = make_norm(settings.norm, width)
        self.attention = make_attention(settings)
        self.gating_norm = make_norm(settings.norm, width)
        self.gating = ConvolutionalGating(width, settings.cgmlp, settings.kernel, settings.norm, settings.dropout)
        self.merge = ConvolutionalMerge(width, settings.merge_kernel)
        self.second_norm = make_norm(settings.norm, width)
        self.second = FeedForward(width, settings.ffn, settings.dropout, functional.silu)
        self.output_norm = make_norm(settings.norm, width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, d_model)."""
        frames = frames + self.dropout(self.first(self.first_norm(frames, mask))) / 2
        attended = self.dropout(self.attention(self.attention_norm(frames, mask), mask))
        gated = self.dropout(self.gating(self.gating_norm(frames, mask), mask))
        frames = frames + self.dropout(self.merge(attended, gated, mask))
        frames = frames + self.dropout(self.second(self.second_norm(frames, mask))) / 2
        normed: Tensor = self.output_norm(frames, mask)
        return normed


class EBranchformerEncoder(BlockEncoder):
    """`layers` blocks of `EBranchformerBlock`."""

    def __init__(self, settings: EBranchformer, inputs: int) -> None:
        super().__init__(settings, inputs, lambda: EBranchformerBlock(settings))
