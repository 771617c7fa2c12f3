"""The Transformer encoder in its pre-norm form: each half normalises its input and adds its output to it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import Transformer
from engine.models.blocks import BlockEncoder, make_attention
from engine.models.dropout import Dropout
from engine.models.layers import FeedForward
from engine.models.norms import make_norm


class TransformerBlock(nn.Module):
    """x = x + attention(norm(x)); output = x + FFN(norm(x)) (Vaswani et al., 2017; Xiong et al., 2020)."""

    def __init__(self, settings: Transformer) -> None:
        super().__init__()
        width = settings.d_model
        self.attention_norm = make_norm(settings.norm, width)
        self.attention = make_attention(settings)
        self.feed_forward_norm = make_norm(settings.norm, width)
        self.feed_forward = FeedForward(width, settings.ffn, settings.dropout, functional.gelu)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, d_model)."""
        frames = frames + self.dropout(self.attention(self.attention_norm(frames, mask), mask))
        fed: Tensor = self.dropout(self.feed_forward(self.feed_forward_norm(frames, mask)))
        return frames + fed


class TransformerEncoder(BlockEncoder):
    """`layers` blocks of `TransformerBlock`, and a last norm, since nothing in them normalises what they add up to."""

    def __init__(self, settings: Transformer, inputs: int) -> None:
        super().__init__(settings, inputs, lambda: TransformerBlock(settings))
        self.output_norm = make_norm(settings.norm, self.output_width)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, output_width)."""
        normed: Tensor = self.output_norm(super().forward(frames, mask), mask)
        return normed
