"""What a classification head is given and what it sends back, measured on one fixed batch beside a training run.

A look is taken on a copy of the model, without dropout, in float32, with random state put back: the run that is looked
at goes on bit for bit as if nobody had looked. Which runs are made and how they are told is left to head_finding.py.
"""

from __future__ import annotations

import copy

import torch
from msgspec import Struct
from torch import Tensor, nn
from torch.nn import functional

from engine.corpus.frame_store import Batch
from engine.models.speaker_model import SpeakerModel

DROPOUT_DRAWS = 4


class Look(Struct, frozen=True, kw_only=True):
    """One model at one step on the fixed batch. None where a model has no such thing."""

    step: int
    loss: float  # nats
    accuracy: float
    pooled_difference: float  # share of pooled vectors' squared length in which utterances differ
    pooled_cosine: float  # mean cosine between two utterances' pooled vectors
    pooled_size: float  # root mean square of pooled vectors about their mean
    pooled_rank: float  # effective rank of pooled vectors about their mean
    entering_size: float  # as pooled_size, for what the head's first linear layer is given
    entering_difference: float  # as pooled_difference, for what the head's first linear layer is given
    classifier_difference: float  # as pooled_difference, for what the last linear layer is given
    classifier_rank: float
    dropout_noise: float  # what dropout moves a pooled vector by, over what sets two utterances apart
    dead: float | None  # share of the head's hidden units that are positive for no utterance
    always_on: float | None  # share of them that are positive for every utterance
    logit_spread: float  # root mean square of logits about their mean over utterances
    encoder_gradient: float  # length of the loss's gradient
    head_gradient: float
    encoder_share: float  # of the squared gradient, front end included in the whole
    pull: float  # mean cosine between two utterances' gradients of the encoder: 1 when all pull the same way
    push: float | None = None  # share of the gradient at pooled vectors that moves all of them alike

    @property
    def pooled_mean(self) -> float:
        """Root mean square of the mean pooled vector."""
        return self.pooled_size * (1 / max(self.pooled_difference, 1e-30) - 1) ** 0.5


def look(model: SpeakerModel, batch: Batch, step: int) -> Look:
    """Measures a model on a batch in which every frame is real. Takes nothing from the run and leaves nothing."""
    with torch.random.fork_rng(devices=[batch.frames.device] if batch.frames.is_cuda else []):
        seen = _without_dropout(model)
        linears = [layer for layer in seen.head.modules() if isinstance(layer, nn.Linear)]
        given: dict[nn.Module, tuple[Tensor, Tensor]] = {}
        for layer in (linears[0], linears[-1]):
            layer.register_forward_hook(lambda at, inputs, output: given.update({at: (inputs[0], output)}))
        pooled = seen.pool(batch.frames)  # (batch, width)
        pooled.retain_grad()
        logits = seen.head(pooled)  # (batch, speakers)
        loss = functional.cross_entropy(logits, batch.speakers)
        loss.backward()
        assert pooled.grad is not None
        entering, hidden = given[linears[0]]
        classified, _ = given[linears[-1]]
        positive = (hidden > 0).float().mean(dim=0) if len(linears) > 1 else None  # (hidden units,)
        encoder, head, front = (gradient_length(part) for part in (seen.encoder, seen.head, seen.front_end))
        return Look(
            step=step,
            loss=loss.item(),
            accuracy=(logits.argmax(dim=1) == batch.speakers).float().mean().item(),
            pooled_difference=difference_share(pooled.detach()),
            pooled_cosine=mean_cosine(pooled.detach()),
            pooled_size=size(pooled.detach()),
            pooled_rank=effective_rank(pooled.detach()),
            entering_size=size(entering.detach()),
            entering_difference=difference_share(entering.detach()),
            classifier_difference=difference_share(classified.detach()),
            classifier_rank=effective_rank(classified.detach()),
            dropout_noise=dropout_noise(model, batch.frames, pooled.detach()),
            dead=None if positive is None else (positive == 0).float().mean().item(),
            always_on=None if positive is None else (positive == 1).float().mean().item(),
            logit_spread=size(logits.detach()),
            encoder_gradient=encoder,
            head_gradient=head,
            encoder_share=encoder**2 / max(1e-30, encoder**2 + head**2 + front**2),
            pull=mean_cosine(encoder_gradients(seen, batch.frames, pooled.grad)),
            push=1.0 - difference_share(pooled.grad.double()),
        )


def deviations(vectors: Tensor) -> Tensor:
    """vectors: (batch, width) -> the same about their mean."""
    return vectors - vectors.mean(dim=0)


def size(vectors: Tensor) -> float:
    """Root mean square of (batch, width) vectors about their mean."""
    return deviations(vectors).square().mean().sqrt().item()


def difference_share(vectors: Tensor) -> float:
    """Share of the mean squared length of (batch, width) vectors that is not their mean's: 0 when all are the same."""
    return (deviations(vectors).square().sum() / vectors.square().sum().clamp(min=1e-30)).item()


def mean_cosine(vectors: Tensor) -> float:
    """Mean cosine between two different ones of (batch, width) vectors."""
    unit = functional.normalize(vectors.double())
    number = len(unit)
    return ((unit.sum(dim=0).square().sum() - unit.square().sum()) / (number * (number - 1))).item()


def effective_rank(vectors: Tensor) -> float:
    """How many directions (batch, width) vectors spread in about their mean (Roy and Vetterli, 2007).

    It is e to the entropy of the singular values' shares: the width when all are equal, 1 when one alone is not zero,
    and 0 when all vectors are the same.
    """
    values = torch.linalg.svdvals(deviations(vectors.double()))
    if values.sum() <= 1e-9 * vectors.abs().max():
        return 0.0
    shares = values / values.sum()
    return torch.special.entr(shares).sum().exp().item()


def gradient_length(part: nn.Module) -> float:
    """Euclidean length of the gradient of all parameters of a part that have one."""
    squares = [parameter.grad.square().sum() for parameter in part.parameters() if parameter.grad is not None]
    return torch.stack(squares).sum().sqrt().item() if squares else 0.0


def encoder_gradients(model: SpeakerModel, frames: Tensor, wanted: Tensor) -> Tensor:
    """Each utterance's part of the encoder's gradient: (batch, time, mel), (batch, width) -> (batch, parameters).

    wanted: the loss's gradient at the pooled vectors. An encoder treats utterances apart, so each can be fed alone.
    """
    parameters = list(model.encoder.parameters())
    rows = []
    for frame, gradient in zip(frames, wanted, strict=True):
        parts = torch.autograd.grad(model.pool(frame[None]), parameters, gradient[None], allow_unused=True)
        rows.append(torch.cat([part.flatten() for part in parts if part is not None]))
    return torch.stack(rows)


@torch.no_grad()
def dropout_noise(model: SpeakerModel, frames: Tensor, pooled: Tensor) -> float:
    """What dropout moves pooled vectors by, over their distance from their mean, both as root mean squares.

    pooled: (batch, width), without dropout.
    """
    noisy = copy.deepcopy(model).train()
    moved = torch.stack([noisy.pool(frames) - pooled for _ in range(DROPOUT_DRAWS)])  # (draws, batch, width)
    return (moved.square().mean() / deviations(pooled).square().mean().clamp(min=1e-30)).sqrt().item()


def _without_dropout(model: SpeakerModel) -> SpeakerModel:
    """A copy in evaluation mode whose batch normalisation still takes the batch's own statistics, as in training."""
    copied = copy.deepcopy(model).eval()
    copied.zero_grad(set_to_none=True)
    for layer in copied.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.train()
    return copied
