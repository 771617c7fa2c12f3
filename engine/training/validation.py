"""Validation: loss and accuracy on the fixed segments, and accuracy on whole utterances, always both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from msgspec import Struct
from torch import Tensor
from torch.nn import functional

from engine.corpus.batches import ValidationBatches
from engine.corpus.frame_store import Batch
from engine.models.speaker_model import SpeakerModel
from engine.runs.events import Validated, Validating

SAY_EVERY_SECONDS = 0.25


class Scores(Struct):
    """Sums over the utterances looked at so far."""

    looked_at: int = 0
    loss: float = 0.0
    right: int = 0

    @property
    def accuracy(self) -> float:
        """Share of utterances told right."""
        return self.right / max(1, self.looked_at)

    @property
    def mean_loss(self) -> float:
        """Cross-entropy in nats."""
        return self.loss / max(1, self.looked_at)

    def add(self, logits: Tensor, speakers: Tensor) -> None:
        """logits: (batch, speakers), speakers: (batch,)."""
        self.looked_at += len(speakers)
        self.loss += functional.cross_entropy(logits, speakers, reduction="sum").item()
        self.right += int((logits.argmax(dim=1) == speakers).sum().item())


def validate(
    model: SpeakerModel, batches: ValidationBatches, speakers: int, step: int, abandon: Callable[[], bool]
) -> Iterator[Validating | Validated]:
    """Says how far it is a few times a second and ends with `Validated`, or without it when told to abandon.

    Only the first `speakers` classes count: others are speakers at another speed, whom nobody asks for. Computes in
    float32 and in evaluation mode, takes no random numbers, and leaves the model in the mode that it found.
    """
    began = said = time.monotonic()
    segments, utterances = Scores(), Scores()
    total = len(batches.utterances)
    training = model.training
    model.eval()
    try:
        for scores, source in ((segments, batches.segment_batches()), (utterances, batches.utterance_batches())):
            for batch in source:
                _look_at(model, batch, speakers, scores)
                if abandon():
                    return
                now = time.monotonic()
                if now - said > SAY_EVERY_SECONDS:
                    said = now
                    done = (segments.looked_at + utterances.looked_at) // 2
                    yield Validating(
                        step=step,
                        done=done,
                        total=total,
                        utterances_per_second=done / (now - began),
                        accuracy=segments.accuracy,
                        loss=segments.mean_loss,
                    )
    finally:
        model.train(training)
    yield Validated(
        step=step,
        loss=segments.mean_loss,
        segment_accuracy=segments.accuracy,
        utterance_accuracy=utterances.accuracy,
        utterances_per_second=total / (time.monotonic() - began),
        utterances=total,
    )


@torch.inference_mode()
def _look_at(model: SpeakerModel, batch: Batch, speakers: int, scores: Scores) -> None:
    logits = model(batch.frames, batch.mask).float()  # (batch, classes)
    scores.add(logits[:, :speakers], batch.speakers)
