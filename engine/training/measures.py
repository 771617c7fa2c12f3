"""What a model's units do, looked at between two steps: whether they still tell utterances apart, and all is finite.

A look draws no random numbers, leaves batch normalisation's statistics alone and puts the mode back, so that training
goes on bit for bit as without it. What the measures mean is left to `divergence.py`.
"""

from __future__ import annotations

import torch
from msgspec import Struct
from torch import Tensor, nn

from engine.corpus.frame_store import Batch
from engine.models.speaker_model import SpeakerModel

MOST_SEGMENTS = 64
"""Segments of a look: a larger batch tells no more, and a look shall cost next to nothing."""
FEWEST_SEGMENTS = 4
"""Below, utterances are alike by chance."""
STUCK_BELOW = 1e-3
"""A unit whose deviation over utterances is below this share of its size gives every utterance the same."""


class Units(Struct, frozen=True):
    """One look at what the head is given and at its hidden units; shares from 0 to 1.

    `difference` is the share of pooled vectors' squared length in which utterances differ, of all measures tried the
    one that tells earliest whether a run will learn (docs/results.md, "Why the course's encoders need batch
    normalisation"). `stuck` is the share of the pooled vector's units that give every utterance the same, whether dead
    or saturated, `stuck_hidden` that of the head's hidden units; None where it has none.
    """

    segments: int
    difference: float
    stuck: float
    stuck_hidden: float | None


@torch.no_grad()
def look_at_units(model: SpeakerModel, batch: Batch, precision: str) -> Units | None:
    """One forward pass in evaluation mode; None for a batch too small to compare utterances in. Waits for the device.

    precision: that of the training step, float32 or bfloat16.
    """
    frames = batch.frames[:MOST_SEGMENTS]  # (segments, time, mel)
    if len(frames) < FEWEST_SEGMENTS:
        return None
    mask = None if batch.mask is None else batch.mask[:MOST_SEGMENTS]
    training = model.training
    model.eval()
    try:
        devices = [frames.device] if frames.is_cuda else []
        with (
            torch.random.fork_rng(devices),  # a user's own encoder may draw numbers in evaluation mode too
            torch.autocast(frames.device.type, torch.bfloat16, enabled=precision == "bfloat16"),
        ):
            pooled = model.pool(frames, mask)  # (segments, width)
            hidden = model.head.hidden_units(pooled)  # (segments, units)
    finally:
        model.train(training)
    measures = [difference_share(pooled.float()), stuck_share(pooled.float())]
    measures += [] if hidden is None else [stuck_share(hidden.float())]
    difference, stuck, *of_hidden = torch.stack(measures).tolist()
    return Units(len(frames), difference, stuck, of_hidden[0] if of_hidden else None)


def difference_share(vectors: Tensor) -> Tensor:
    """Share of the squared length of (segments, width) vectors that is not their mean's: 0 when all are the same."""
    return (vectors - vectors.mean(dim=0)).square().sum() / vectors.square().sum().clamp(min=1e-30)


def stuck_share(vectors: Tensor) -> Tensor:
    """Share of units that give all of (segments, units) vectors the same."""
    deviation = (vectors - vectors.mean(dim=0)).square().mean(dim=0).sqrt()  # (units,)
    size = vectors.square().mean(dim=0).sqrt()
    return (deviation <= STUCK_BELOW * size).float().mean()


@torch.no_grad()
def all_finite(model: nn.Module) -> bool:
    """Whether every weight is a finite number. Buffers are left out: a mask among them may be infinite."""
    return bool(torch.stack([torch.isfinite(weight).all() for weight in model.parameters()]).all())
