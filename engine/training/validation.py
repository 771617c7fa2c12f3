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
from engine.training.distributed import ALONE, Ranks

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

    def add_over(self, ranks: Ranks) -> None:
        """The sums of all ranks."""
        sums = torch.tensor([self.looked_at, self.loss, self.right], dtype=torch.float64)
        ranks.add(sums)
        looked_at, self.loss, right = sums.tolist()
        self.looked_at, self.right = int(looked_at), int(right)


def validate(
    model: SpeakerModel,
    batches: ValidationBatches,
    speakers: int,
    step: int,
    abandon: Callable[[], bool],
    ranks: Ranks = ALONE,
    precision: str = "float32",
) -> Iterator[Validating | Validated]:
    """Says how far it is a few times a second and ends with `Validated`, or without it when told to abandon.

    Only the first `speakers` classes count: others are speakers at another speed, whom nobody asks for. Computes in
    `precision` (float32 or bfloat16, that of the training step) and in evaluation mode, takes no random numbers, and
    leaves the model in the mode that it found. Of the same batches each of n ranks looks at every n-th; on the way it
    says how its own share goes, and in the end what all of them found.
    """
    began = said = time.monotonic()
    segments, utterances = Scores(), Scores()
    total = len(batches.utterances)
    training = model.training
    model.eval()
    try:
        for scores, places, gather in (
            (segments, batches.segment_places(), batches.segments_at),
            (utterances, batches.utterance_places(), batches.utterances_at),
        ):
            for turn in range(0, len(places), ranks.size):
                for place in places[turn : turn + ranks.size][ranks.rank : ranks.rank + 1]:
                    _look_at(model, gather(place), speakers, scores, precision)
                if abandon():
                    return
                now = time.monotonic()
                if now - said > SAY_EVERY_SECONDS:
                    said = now
                    done = min(total, (segments.looked_at + utterances.looked_at) * ranks.size // 2)
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
    for scores in (segments, utterances):
        scores.add_over(ranks)
    yield Validated(
        step=step,
        loss=segments.mean_loss,
        segment_accuracy=segments.accuracy,
        utterance_accuracy=utterances.accuracy,
        utterances_per_second=total / (time.monotonic() - began),
        utterances=total,
    )


@torch.inference_mode()
def _look_at(model: SpeakerModel, batch: Batch, speakers: int, scores: Scores, precision: str) -> None:
    with torch.autocast(batch.frames.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        logits = model(batch.frames, batch.mask).float()  # (batch, classes)
    scores.add(logits[:, :speakers], batch.speakers)
