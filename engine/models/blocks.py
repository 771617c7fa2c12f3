"""What is common to encoders that are a pile of equal residual blocks: sharing, stochastic depth, aggregation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.model_settings import Blocks
from engine.models.layers import SelfAttention
from engine.models.relative_attention import RelativeSelfAttention


class BlockEncoder(nn.Module):
    """`layers` blocks one after another, or one block at all positions, held once.

    Stochastic depth (Huang et al., 2016): while training, an utterance skips the last block with the stated
    probability, and block n of N with n/N of it; what isn't skipped is scaled up, so that nothing changes on average.
    Aggregation (as in Zhang et al., 2022, MFA-Conformer) gives pooling the outputs of all blocks side by side.
    """

    def __init__(self, settings: Blocks, inputs: int, make_block: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([make_block() for _ in range(1 if settings.share_layers else settings.layers)])
        self.positions = settings.layers
        self.skipped_last = settings.stochastic_depth
        self.aggregate = settings.aggregate
        self.output_width = settings.d_model * (settings.layers if settings.aggregate else 1)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, output_width)."""
        outputs = []
        for position in range(self.positions):
            passed = self.blocks[position % len(self.blocks)](frames, mask)
            skipped = self.skipped_last * (position + 1) / self.positions
            frames = skip(frames, passed, skipped) if self.training and skipped else passed
            outputs.append(frames)
        return torch.cat(outputs, dim=-1) if self.aggregate else frames


def skip(before: Tensor, after: Tensor, probability: float) -> Tensor:
    """Some utterances as they were before a block, the others with its effect scaled up."""
    kept = torch.rand(len(before), 1, 1, device=before.device) >= probability
    return before + (after - before) * kept / (1 - probability)


def make_attention(settings: Blocks) -> nn.Module:
    """Self-attention as the block's settings ask for it, with biases."""
    if settings.positions == "relative":
        return RelativeSelfAttention(settings.d_model, settings.heads)
    return SelfAttention(settings.d_model, settings.heads, bias=True)
