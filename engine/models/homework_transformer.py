"""The course assignment's Transformer encoder: attention with a residual, then a feed-forward network without one."""

from __future__ import annotations

from torch import Tensor, nn

from engine.model_settings import HomeworkTransformer
from engine.models.dropout import Dropout
from engine.models.layers import FeedForward, Positions, SelfAttention


class HomeworkTransformerLayer(nn.Module):
    """x = dropout(norm(attention(x) + x)); output = dropout(FFN(x)), after Vaswani et al. (2017), post-norm.

    As handed in, nothing is added around the feed-forward network, and a second LayerNorm is held (and counted)
    that the forward pass doesn't use.
    """

    def __init__(self, settings: HomeworkTransformer) -> None:
        super().__init__()
        self.attention = SelfAttention(settings.d_model, settings.heads)
        self.attention_norm = nn.LayerNorm(settings.d_model)
        self.feed_forward = FeedForward(settings.d_model, settings.ffn)
        self.unused_norm = nn.LayerNorm(settings.d_model)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, d_model)."""
        attended = self.dropout(self.attention_norm(self.attention(frames, mask) + frames))
        fed: Tensor = self.dropout(self.feed_forward(attended))
        return fed


class HomeworkTransformerEncoder(Positions):
    """`layers` positions of `HomeworkTransformerLayer`, sharing one layer unless told otherwise."""

    def __init__(self, settings: HomeworkTransformer, inputs: int) -> None:
        held = 1 if settings.share_layers else settings.layers
        super().__init__([HomeworkTransformerLayer(settings) for _ in range(held)], settings.layers, settings.d_model)
