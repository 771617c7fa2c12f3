"""The layer that time-delay networks are made of: a dilated convolution over time, ReLU, normalisation."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from engine.models.norms import make_norm


class TdnnLayer(nn.Module):
    """norm(ReLU(convolution(x))), as long as its input (Waibel et al., 1989; Snyder et al., 2018).

    Edges are filled with zeros, and padded frames count as zeros, so that an utterance has the same result however
    much padding follows it.
    """

    layer_kind: ClassVar[str] = "convolution"

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1, norm: str = "batch") -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.convolution = nn.Conv1d(inputs, outputs, kernel, padding=padding, dilation=dilation)
        self.norm = make_norm(norm, outputs)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, inputs), mask: (batch, time) -> (batch, time, outputs)."""
        if mask is not None and self.convolution.kernel_size[0] > 1:
            frames = frames * mask[:, :, None]
        convolved = self.convolution(frames.transpose(1, 2)).transpose(1, 2)
        normed: Tensor = self.norm(functional.relu(convolved), mask)
        return normed
