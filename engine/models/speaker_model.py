"""A speaker model put together from a preset: front end, encoder, pooling, head."""

from __future__ import annotations

from torch import Tensor, nn

from engine.models.registry import ENCODERS, FRONT_ENDS, HEADS, POOLINGS
from engine.preset import Preset


class SpeakerModel(nn.Module):
    """Log-mel frames in, one logit a speaker out. `embed` gives the vector that stands for the utterance."""

    def __init__(self, preset: Preset, speakers: int) -> None:
        super().__init__()
        width = getattr(preset.encoder, "d_model", 0) or getattr(preset.encoder, "channels", 0)
        bands = preset.features.mel_bands
        self.front_end = FRONT_ENDS[type(preset.front_end)](preset.front_end, bands, width)
        self.encoder = ENCODERS[type(preset.encoder)](preset.encoder, self.front_end.output_width)
        self.pooling = POOLINGS[type(preset.pooling)](preset.pooling, self.encoder.output_width)
        self.head = HEADS[type(preset.head)](preset.head, self.pooling.output_width, speakers)

    def pool(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, mel), mask: (batch, time) or None -> (batch, width), the head's input."""
        frames, mask = self.front_end(frames, mask)
        pooled: Tensor = self.pooling(self.encoder(frames, mask), mask)
        return pooled

    def embed(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, mel), mask: (batch, time) or None -> (batch, width of an embedding)."""
        return self.head.embed(self.pool(frames, mask))

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """frames: (batch, time, mel), mask: (batch, time) or None -> logits (batch, speakers)."""
        logits: Tensor = self.head(self.pool(frames, mask))
        return logits
