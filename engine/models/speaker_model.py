"""A speaker model put together from a preset: front end, encoder, pooling, head."""

from __future__ import annotations

from torch import Tensor, nn

from engine.model_settings import Encoder, OwnEncoder, width_before
from engine.models.own_encoder import make_own_encoder
from engine.models.registry import ENCODERS, FRONT_ENDS, HEADS, POOLINGS
from engine.preset import Preset


class SpeakerModel(nn.Module):
    """Log-mel frames in, one logit a speaker out. `embed` gives the vector that stands for the utterance."""

    def __init__(self, preset: Preset, speakers: int) -> None:
        super().__init__()
        bands, width = preset.features.mel_bands, width_before(preset.encoder)
        self.front_end = FRONT_ENDS[type(preset.front_end)](preset.front_end, bands, width)
        self.encoder = make_encoder(preset.encoder, self.front_end.output_width)  # type: ignore[arg-type]  # a width
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


def make_encoder(settings: Encoder, inputs: int) -> nn.Module:
    """The encoder that a preset names, for frames of `inputs` width. Raises `InputError`."""
    if isinstance(settings, OwnEncoder):
        return make_own_encoder(settings, inputs)
    return ENCODERS[type(settings)](settings, inputs)
