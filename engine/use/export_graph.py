"""What an exported file computes: a model with all that comes before it, from frames or from a waveform.

The same recipe as in training, in operations whose shapes may stay open. How a file is made of it is the business of
`export_formats.py`. `reference` says by the program's own path what the file has to give.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.corpus.features import QUIETEST_PEAK, hann_window, log_mel, mel_bands
from engine.corpus.normalising import normalised
from engine.models.speaker_model import SpeakerModel
from engine.preset import Features, Preset, Segments

Place: TypeAlias = Literal["inside", "outside"]
OUTPUTS = ("embedding", "logits")


class Both(NamedTuple):
    """embedding: (batch, width), logits: (batch, speakers)."""

    embedding: Tensor
    logits: Tensor


class FromFrames(nn.Module):
    """Log-mel frames in, as the recipe of the features makes them; their mean is subtracted here."""

    input_name = "frames"
    axes = ("batch", "time")

    def __init__(self, model: SpeakerModel, preset: Preset) -> None:
        super().__init__()
        self.model = model
        self.segments = preset.segments

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """frames: (batch, time, mel) -> embedding (batch, width), logits (batch, speakers)."""
        pooled = self.model.pool(without_mean(frames, self.segments))
        return self.model.head.embed(pooled), self.model.head(pooled)


class FromWaveform(nn.Module):
    """One channel of samples in, at the recipe's rate and with silence cut; peak, log-mel and the rest happen here."""

    input_name = "waveform"
    axes = ("batch", "samples")

    def __init__(self, model: SpeakerModel, preset: Preset) -> None:
        super().__init__()
        self.log_mel = LogMel(preset.features)
        self.from_frames = FromFrames(model, preset)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """waveform: (batch, samples) -> embedding (batch, width), logits (batch, speakers)."""
        both: tuple[Tensor, Tensor] = self.from_frames(self.log_mel(waveform))
        return both


Graph: TypeAlias = FromFrames | FromWaveform


class LogMel(nn.Module):
    """`engine.corpus.features.log_mel` of samples scaled to the recipe's peak, the transform as a matrix product.

    In float64, as there: a float32 transform is off by up to 0.04 in bands that lie 100 dB below the loudest one.
    """

    transform: Tensor
    bands: Tensor

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.features = features
        window = features.window
        angles = 2 * np.pi * np.outer(np.arange(window), np.arange(window // 2 + 1)) / window  # (window, bins)
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)  # (window, 2 bins)
        self.register_buffer("transform", torch.from_numpy(hann_window(window)[:, None] * waves))
        self.register_buffer("bands", torch.from_numpy(mel_bands(features).copy()))

    def forward(self, waveform: Tensor) -> Tensor:
        """waveform: (batch, samples), more than half a window of them -> (batch, time, mel) float32."""
        window, hop, half = self.features.window, self.features.hop, self.features.window // 2
        peak = waveform.abs().amax(dim=1, keepdim=True).clamp(min=QUIETEST_PEAK)
        scaled = (waveform * (10 ** (self.features.peak_db / 20) / peak)).double()
        padded = functional.pad(scaled[:, None], (half, half), mode="reflect")[:, 0]
        begins = torch.arange(0, padded.shape[1] - window + 1, hop)
        windows = padded[:, begins[:, None] + torch.arange(window)]  # (batch, time, window)
        real, imaginary = (windows @ self.transform).square().chunk(2, dim=-1)  # (batch, time, bins) each
        mel = (real + imaginary) @ self.bands
        return mel.clamp(min=self.features.floor).log().float()


def without_mean(frames: Tensor, segments: Segments) -> Tensor:
    """As `engine.corpus.normalising.normalised`, of a batch of equal lengths: (batch, time, mel) to the same."""
    if segments.normalise == "utterance":
        return frames - frames.mean(dim=1, keepdim=True)
    if segments.normalise == "running":
        size = segments.normalise_frames
        places = torch.arange(frames.shape[1])
        time = torch.ones_like(places).sum()  # a tensor, so that the graph computes it
        begins = torch.minimum((places - size // 2).clamp(min=0), (time - size).clamp(min=0))
        ends = torch.minimum(begins + size, time)
        sums = functional.pad(frames.double().cumsum(dim=1), (0, 0, 1, 0))  # row p: the sum of the p frames before p
        return frames - ((sums[:, ends] - sums[:, begins]) / (ends - begins)[:, None]).float()
    return frames


def some_input(place: Place, features: Features, batch: int, frames: int, random: np.random.Generator) -> Tensor:
    """An input about like speech: (batch, frames, mel), or samples that give so many frames, (batch, samples)."""
    if place == "outside":
        return torch.from_numpy(random.normal(-8, 3, (batch, frames, features.mel_bands)).astype(np.float32))
    samples = max((frames - 1) * features.hop, features.window)
    loudness = (
        np.abs(np.sin(np.arange(samples) * math.pi / features.sample_rate * 3)) + 0.01
    )  # three syllables a second
    return torch.from_numpy((0.1 * loudness * random.standard_normal((batch, samples))).astype(np.float32))


@torch.inference_mode()
def reference(model: SpeakerModel, preset: Preset, place: Place, batch: Tensor) -> Both:
    """What the model says by the program's own path, one utterance at a time.

    Frames aren't rounded to float16, which is how a corpus keeps them, for a rounding may fall either way.
    """
    each = [torch.from_numpy(_frames(item.numpy(), preset.features)) if place == "inside" else item for item in batch]
    outputs = []
    for frames in each:
        pooled = model.pool(normalised(frames, preset.segments)[None])
        outputs.append((model.head.embed(pooled), model.head(pooled)))
    embeddings, logits = zip(*outputs, strict=True)
    return Both(torch.cat(embeddings), torch.cat(logits))


def _frames(samples: NDArray[np.float32], features: Features) -> NDArray[np.float32]:
    peak = max(float(np.abs(samples).max()), QUIETEST_PEAK)
    return log_mel(samples * np.float32(10 ** (features.peak_db / 20) / peak), features).astype(np.float32)
