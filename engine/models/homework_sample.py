"""The encoder of the course's sample program: one Transformer layer as torch.nn.TransformerEncoderLayer computes it."""

from __future__ import annotations

from torch import Tensor, nn

from engine.model_settings import HomeworkSample
from engine.models.dropout import Dropout
from engine.models.layers import FeedForward, Positions, SelfAttention


class HomeworkSampleLayer(nn.Module):
    """x = norm1(x + attention(x)); output = norm2(x + FFN(x)) (Vaswani et al., 2017), post-norm, ReLU."""

    def __init__(self, settings: HomeworkSample) -> None:
        super().__init__()
        self.attention = SelfAttention(settings.d_model, settings.heads, bias=True)
        self.attention_norm = nn.LayerNorm(settings.d_model)
        self.feed_forward = FeedForward(settings.d_model, settings.ffn, settings.dropout)
        self.feed_forward_norm = nn.LayerNorm(settings.d_model)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, d_model)."""
        frames = self.attention_norm(frames + self.dropout(self.attention(frames, mask)))
        normed: Tensor = self.feed_forward_norm(frames + self.dropout(self.feed_forward(frames)))
        return normed


class HomeworkSampleEncoder(Positions):
    """`layers` positions of `HomeworkSampleLayer`; the sample has one."""

    def __init__(self, settings: HomeworkSample, inputs: int) -> None:
        held = 1 if settings.share_layers else settings.layers
        super().__init__([HomeworkSampleLayer(settings) for _ in range(held)], settings.layers, settings.d_model)
