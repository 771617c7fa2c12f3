"""The Conformer encoder (Gulati et al., 2020): attention and convolution between two half-step FFNs."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from engine.model_settings import Conformer
from engine.models.blocks import BlockEncoder, make_attention
from engine.models.dropout import Dropout
from engine.models.layers import FeedForward
from engine.models.norms import BatchNorm, make_norm


class ConvolutionModule(nn.Module):
    """Pointwise convolution, gated linear unit, depthwise convolution, batch norm, Swish, pointwise convolution.

    Figure 2 of the paper, without its first layer norm, which the block holds.
    """

    layer_kind: ClassVar[str] = "convolution"

    def __init__(self, width: int, kernel: int, bias: bool) -> None:
        super().__init__()
        self.expand = nn.Linear(width, 2 * width, bias=bias)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=bias)
        self.norm = BatchNorm(width)
        self.contract = nn.Linear(width, width, bias=bias)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width) -> (batch, time, width). Padded frames count as zeros, as beyond the edge."""
        gated = functional.glu(self.expand(frames), dim=-1)
        if mask is not None:
            gated = gated * mask[:, :, None]
        convolved = self.depthwise(gated.transpose(1, 2)).transpose(1, 2)
        contracted: Tensor = self.contract(functional.silu(self.norm(convolved, mask)))
        return contracted


class ConformerBlock(nn.Module):
    """x = x + FFN(x)/2; x = x + attention(x); x = x + convolution(x); x = x + FFN'(x)/2; output = norm(x).

    Each module normalises its input and drops out its output.
    """

    def __init__(self, settings: Conformer) -> None:
        super().__init__()
        width = settings.d_model
        self.first_norm = make_norm(settings.norm, width)
        self.first = FeedForward(width, settings.ffn, settings.dropout, functional.silu)
        self.attention_norm = make_norm(settings.norm, width)
        self.attention = make_attention(settings)
        self.convolution_norm = make_norm(settings.norm, width)
        self.convolution = ConvolutionModule(width, settings.kernel, settings.convolution_bias)
        self.second_norm = make_norm(settings.norm, width)
        self.second = FeedForward(width, settings.ffn, settings.dropout, functional.silu)
        self.output_norm = make_norm(settings.norm, width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, d_model) -> (batch, time, d_model)."""
        frames = frames + self.dropout(self.first(self.first_norm(frames, mask))) / 2
        frames = frames + self.dropout(self.attention(self.attention_norm(frames, mask), mask))
        frames = frames + self.dropout(self.convolution(self.convolution_norm(frames, mask), mask))
        frames = frames + self.dropout(self.second(self.second_norm(frames, mask))) / 2
        normed: Tensor = self.output_norm(frames, mask)
        return normed


class ConformerEncoder(BlockEncoder):
    """`layers` blocks of `ConformerBlock`."""

    def __init__(self, settings: Conformer, inputs: int) -> None:
        super().__init__(settings, inputs, lambda: ConformerBlock(settings))
