"""The runs of head_finding.py: encoders under heads that differ in one thing, trained by the engine and looked at.

An intervention keeps the failing model's weights, encoder and head, and changes what the head is given. What a look
measures is head_measures.py's business; what the runs say together is head_report.py's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from head_measures import Look, look
from msgspec import Struct
from torch import Tensor, nn
from torch.nn import functional

from engine.corpus.batches import TrainingBatches
from engine.corpus.frame_store import Batch
from engine.corpus.packed import PackedCorpus
from engine.corpus.splits import Split
from engine.models.heads import Head, MlpHead
from engine.preset import Preset
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.training.device import resolve
from engine.training.optimisation import make_optimizer
from engine.training.step import make_step
from engine.training.trainer import Trainer

LOOK_AT = (0, 25, 50, 100, 200, 400, 700, 1000, 1500)
LOOKED_AT = 64  # utterances of the fixed batch
CONSTANTS_FROM = 8  # batches that an intervention's constants are taken from
FAILING = "transformer-154k"
Change = Callable[[Trainer], nn.Module]


# ------------------------------------------------------------------------------------------ heads, one thing at a time


class ChangedMlp(Head):
    """An MLP head with its weights, that is given something else. What is put in front has nothing to learn or save."""

    def __init__(self, head: MlpHead, first: nn.Module, relu: bool = True) -> None:
        super().__init__()
        self.first, self.hidden, self.classifier, self.relu = first, head.hidden, head.classifier, relu

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> logits (batch, speakers)."""
        hidden = self.hidden(self.first(pooled))
        logits: Tensor = self.classifier(functional.relu(hidden) if self.relu else hidden)
        return logits


class Constants(nn.Module):
    """Takes one constant vector away and divides by another; neither ever changes."""

    def __init__(self, shift: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> (batch, width)."""
        return (pooled.float() - self.shift) / self.scale


class Normalised(nn.BatchNorm1d):
    """Batch normalisation without weights; its running statistics are not saved.

    detached: the gradient takes the batch's mean and deviation for constants, and is not kept from changing them.
    """

    def __init__(self, width: int, detached: bool = False) -> None:
        super().__init__(width, affine=False)
        self.detached = detached
        for name, buffer in list(self.named_buffers()):
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (batch, width) -> (batch, width)."""
        normalised = super().forward(pooled.float())
        if not (self.detached and self.training):
            return normalised
        deviation, mean = torch.std_mean(pooled.detach().float(), dim=0, correction=0)
        return (pooled.float() - mean) / (deviation.square() + self.eps).sqrt()


@torch.no_grad()
def statistics(trainer: Trainer) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each pooled dimension over training utterances, before the first step."""
    trainer.model.eval()
    pooled = torch.cat([trainer.model.pool(trainer.batches.at(step).frames) for step in range(CONSTANTS_FROM)])
    trainer.model.train()
    return pooled.mean(dim=0), pooled.std(dim=0)


def centred(trainer: Trainer) -> nn.Module:
    """Takes the pooled vectors' mean at initialisation away."""
    mean, deviation = statistics(trainer)
    return Constants(mean, torch.ones_like(deviation))


def scaled(trainer: Trainer) -> nn.Module:
    """Divides by the pooled vectors' standard deviation at initialisation."""
    mean, deviation = statistics(trainer)
    return Constants(torch.zeros_like(mean), deviation)


def standardised(trainer: Trainer) -> nn.Module:
    """Both."""
    return Constants(*statistics(trainer))


def normalised(trainer: Trainer) -> nn.Module:
    """Batch normalisation."""
    return Normalised(trainer.model.pooling.output_width)


def detached(trainer: Trainer) -> nn.Module:
    """Batch normalisation that the gradient doesn't know of."""
    return Normalised(trainer.model.pooling.output_width, detached=True)


def nothing(trainer: Trainer) -> nn.Module:
    """Leaves the pooled vectors as they are."""
    return nn.Identity()


class Recipe(Struct, frozen=True):
    """One run: a preset, keys that are set, and what is put in front of its MLP head before the first step."""

    preset: str
    words: str
    overrides: tuple[str, ...] = ()
    change: Change | None = None
    relu: bool = True


PAIRS = {
    "Transformer": ("transformer-154k", "transformer-normed-154k"),
    "Conformer": ("conformer-relu-225k", "conformer-225k"),
    "larger Conformer": ("conformer-relu-296k", "conformer-normed-296k"),
}
RECIPES = {
    **{
        preset: Recipe(preset, f"{encoder}, {words}")
        for encoder, presets in PAIRS.items()
        for preset, words in zip(presets, ("ReLU head", "BatchNorm, Linear"), strict=True)
    },
    "constants": Recipe(FAILING, "constants centre and scale, ReLU head", change=standardised),
    "batchnorm-relu": Recipe(FAILING, "BatchNorm, ReLU head", change=normalised),
    "detached": Recipe(FAILING, "BatchNorm unknown to the gradient, ReLU head", change=detached),
    "linear": Recipe(FAILING, "Linear alone", ("head.kind=linear",)),
    "no-relu": Recipe(FAILING, "the ReLU head without its ReLU", change=nothing, relu=False),
    "centred": Recipe(FAILING, "a constant centres, ReLU head", change=centred),
    "scaled": Recipe(FAILING, "a constant scales, ReLU head", change=scaled),
    "low-rate": Recipe(FAILING, "ReLU head, rate 3e-4", ("optimizer.learning_rate=3e-4",)),
    "float32": Recipe(FAILING, "ReLU head, float32", ("run.precision=float32",)),
}


# ------------------------------------------------------------------------------------------------------------ training


class Result(Struct, frozen=True, kw_only=True):
    """What is kept of a finished run."""

    name: str
    words: str
    steps: int
    speakers: int
    device: str
    precision: str
    seconds: float
    validations: list[tuple[int, float, float, float]]  # step, loss, segment accuracy, utterance accuracy
    progress: list[tuple[int, float, float]]  # step, loss, accuracy
    looks: list[Look]

    @property
    def accuracy(self) -> float:
        """Segment accuracy of the last validation."""
        return self.validations[-1][2]

    def at(self, step: int) -> Look:
        """The look taken at a step."""
        return next(seen for seen in self.looks if seen.step == step)


class Watched:
    """A trainer's batches, with a look at the model before some of them are given."""

    def __init__(self, batches: TrainingBatches, before: Callable[[int], None]) -> None:
        self._batches, self._before = batches, before

    def at(self, step: int) -> Batch:
        """The batch of a step."""
        self._before(step)
        return self._batches.at(step)


def preset_of(recipe: Recipe, steps: int) -> Preset:
    """The preset as it is trained: one thread, segments for words of one second, validated eight times.

    A run that fails is left to fail: it is what is measured.
    """
    keys = (f"run.steps={steps}", f"validation.every={-(-steps // 8)}", "run.threads=1", "segments.frames=64")
    return find_preset(recipe.preset, [*keys, "divergence.policy=warn", *recipe.overrides])


def train(name: str, recipe: Recipe, preset: Preset, packed: PackedCorpus, split: Split) -> Result:
    """Trains one recipe to its end and measures it on the way."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        run.last_path.parent.mkdir()
        resolved = resolve(preset.run)
        trainer = Trainer(preset, packed, split, run, resolved)
        if recipe.change is not None:
            assert isinstance(trainer.model.head, MlpHead)
            trainer.model.head = ChangedMlp(trainer.model.head, recipe.change(trainer), recipe.relu).to(trainer.device)
            trainer.optimizer = make_optimizer(trainer.model, preset.optimizer, trainer.device)
            trainer._take_step = make_step(trainer.model, trainer.optimizer, preset, resolved)
        fixed, looks = fixed_batch(trainer), []

        def take_a_look(step: int) -> None:
            if step in LOOK_AT or step == preset.run.steps:
                looks.append(look(trainer.model, fixed, step))

        trainer.batches = Watched(trainer.batches, take_a_look)  # type: ignore[assignment]
        events = list(trainer)
        take_a_look(trainer.step)
    return Result(
        name=name,
        words=recipe.words,
        steps=trainer.step,
        speakers=len(packed.speakers),
        device=resolved.name,
        precision=resolved.precision,
        seconds=time.monotonic() - began,
        validations=[
            (event.step, event.loss, event.segment_accuracy, event.utterance_accuracy)
            for event in events
            if isinstance(event, e.Validated)
        ],
        progress=[(event.step, event.loss, event.accuracy) for event in events if isinstance(event, e.Progress)],
        looks=looks,
    )


def fixed_batch(trainer: Trainer) -> Batch:
    """Held-out segments, evenly from the shortest utterance to the longest, each as long as a training segment."""
    held_out = trainer.validation
    chosen = np.linspace(0, len(held_out.utterances) - 1, LOOKED_AT).astype(int)
    frames = trainer.preset.segments.frames
    return held_out.store.gather(held_out.utterances[chosen], held_out.starts[chosen], frames, wrap=True)
