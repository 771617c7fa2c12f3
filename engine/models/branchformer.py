"""The Branchformer encoder (Peng et al., 2022): attention and convolutional gating side by side, then merged."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import Branchformer
from engine.models.blocks import BlockEncoder, make_attention
from engine.models.dropout import Dropout
from engine.models.gating import ConvolutionalGating
from engine.models.norms import make_norm, softmax_over_time


class Concatenation(nn.Module):
    """Both branches side by side, projected back to the width (equation 9 of the paper)."""

    layer_kind: ClassVar[str] = "merge"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(2 * width, width)

    def forward(self, attended: Tensor, gated: Tensor, mask: Tensor | None) -> Tensor:
        """attended, gated: (batch, time, width) -> (batch, time, width)."""
        merged: Tensor = self.project(torch.cat([attended, gated], dim=-1))
        return merged


class WeightedAverage(nn.Module):
    """An average of the branches whose two weights each utterance decides by itself (equations 10 to 14).

    Each branch is pooled over time with learned weights and scored; a softmax over the two scores weighs them.
    """

    layer_kind: ClassVar[str] = "merge"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frame_scores = nn.ModuleList([nn.Linear(width, 1) for _ in range(2)])
        self.branch_scores = nn.ModuleList([nn.Linear(width, 1) for _ in range(2)])
        self.project = nn.Linear(width, width)
        self.scale = width**-0.5

    def forward(self, attended: Tensor, gated: Tensor, mask: Tensor | None) -> Tensor:
        """attended, gated: (batch, time, width) -> (batch, time, width)."""
        scores = []
        for branch, of_frames, of_branch in zip((attended, gated), self.frame_scores, self.branch_scores, strict=True):
            weights = softmax_over_time(of_frames(branch) * self.scale, mask)  # (batch, time, 1)
            scores.append(of_branch((branch * weights).sum(dim=1)))  # (batch, 1)
        first, second = functional.softmax(torch.cat(scores, dim=-1), dim=-1)[:, :, None, None].unbind(dim=1)
        merged: Tensor = self.project(first * attended + second * gated)
        return merged


class BranchformerBlock(nn.Module):
    """output = norm(x + merge(attention(norm(x)), gating(norm(x)))) (figure 1 of the paper)."""

    def __init__(self, settings: Branchformer) -> None:
        super().__init__()
        width = settings.d_model
        self.attention_norm = make_norm(settings.norm, width)
        self.attention = make_attention(settings)
        self.gating_norm = make_norm(settings.norm, width)
        self.gating = ConvolutionalGating(width, settings.cgmlp, settings.kernel, settings.norm, settings.dropout)
        self.merge = Concatenation(width) if settings.merge == "concatenation" else WeightedAverage(width)
        self.output_norm = make_norm(settings.norm, width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, d_model)."""
        attended = self.dropout(self.attention(self.attention_norm(frames, mask), mask))
        gated = self.dropout(self.gating(self.gating_norm(frames, mask), mask))
        frames = frames + self.dropout(self.merge(attended, gated, mask))
        normed: Tensor = self.output_norm(frames, mask)
        return normed


class BranchformerEncoder(BlockEncoder):
    """`layers` blocks of `BranchformerBlock`."""

    def __init__(self, settings: Branchformer, inputs: int) -> None:
        super().__init__(settings, inputs, lambda: BranchformerBlock(settings))
