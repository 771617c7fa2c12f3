"""The course assignment's Conformer encoder: attention, a feed-forward network, then a gated convolution."""

from __future__ import annotations

from torch import Tensor, nn

from engine.model_settings import HomeworkConformer
from engine.models.dropout import Dropout
from engine.models.layers import FeedForward, GatedConvolution, Positions, SelfAttention


class HomeworkConformerLayer(nn.Module):
    """A simplified Conformer block (after Gulati et al., 2020), post-norm, as the assignment's author wrote it.

    x = norm1(attention(x) + x); x = norm2(x + dropout(FFN(x)));
    output = dropout(norm3(FFN'(GLU(convolution(x))) + x)).
    """

    def __init__(self, settings: HomeworkConformer) -> None:
        super().__init__()
        width = settings.d_model
        self.attention = SelfAttention(width, settings.heads)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, settings.ffn)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.convolution = GatedConvolution(width, settings.kernel)
        self.convolution_feed_forward = FeedForward(width, settings.ffn)
        self.convolution_norm = nn.LayerNorm(width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, d_model)."""
        frames = self.attention_norm(self.attention(frames, mask) + frames)
        fed = self.dropout(self.feed_forward(frames))
        frames = self.feed_forward_norm(frames + fed)
        convolved = self.convolution_feed_forward(self.convolution(frames, mask))
        dropped: Tensor = self.dropout(self.convolution_norm(convolved + frames))
        return dropped


class HomeworkConformerEncoder(Positions):
    """`layers` positions of `HomeworkConformerLayer`, sharing one layer unless told otherwise."""

    def __init__(self, settings: HomeworkConformer, inputs: int) -> None:
        held = 1 if settings.share_layers else settings.layers
        super().__init__([HomeworkConformerLayer(settings) for _ in range(held)], settings.layers, settings.d_model)
