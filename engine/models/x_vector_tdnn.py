"""The x-vector encoder (Snyder et al., 2018): five time-delay layers, the old yardstick."""

from __future__ import annotations

from torch import Tensor, nn

from engine.model_settings import XVectorTdnn
from engine.models.dropout import Dropout
from engine.models.tdnn import TdnnLayer

LAYERS = ((5, 1), (3, 2), (3, 3), (1, 1), (1, 1))
"""Kernel and dilation of each layer: table 1 of the paper, frame1 to frame5."""


class XVectorTdnnEncoder(nn.Module):
    """Every frame sees 7 frames before and after it at the end; edges are filled with zeros, where the paper cuts."""

    def __init__(self, settings: XVectorTdnn, inputs: int) -> None:
        super().__init__()
        widths = [inputs, *[settings.channels] * (len(LAYERS) - 1), settings.output_channels]
        self.layers = nn.ModuleList(
            [
                TdnnLayer(before, after, kernel, dilation, settings.norm)
                for before, after, (kernel, dilation) in zip(widths[:-1], widths[1:], LAYERS, strict=True)
            ]
        )
        self.dropout = Dropout(settings.dropout)
        self.output_width = settings.output_channels

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, inputs) -> (batch, time, output_channels)."""
        for layer in self.layers:
            frames = self.dropout(layer(frames, mask))
        return frames
