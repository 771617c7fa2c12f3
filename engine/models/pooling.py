"""From frames to one vector an utterance. Every pooling says how wide its result is."""

from __future__ import annotations

from torch import Tensor, nn

from engine.preset import MeanPooling as MeanPoolingSettings


class MeanPooling(nn.Module):
    """The average over the real frames."""

    def __init__(self, settings: MeanPoolingSettings, width: int) -> None:
        super().__init__()
        self.output_width = width

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """frames: (batch, time, width), mask: (batch, time) -> (batch, width)."""
        if mask is None:
            return frames.mean(dim=1)
        real = mask[:, :, None].to(frames.dtype)
        return (frames * real).sum(dim=1) / real.sum(dim=1)
