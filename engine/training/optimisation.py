"""The optimizer and the learning rate: warm-up, then half a cosine to zero, each rate a pure function of the step."""

from __future__ import annotations

import math

import torch
from msgspec import Struct, structs

from engine.models.speaker_model import SpeakerModel
from engine.preset import Optimizer, Preset
from engine.training.muon import Muon
from engine.training.uncompiled import uncompiled

RESTART_SHARE = 0.1
"""A finished run that goes on starts at this share of its highest rate at least: its last rate was nearly zero."""


class LearningRate(Struct, frozen=True):
    """Rate over the steps `first` (inclusive) to `last` (exclusive) of a schedule.

    It rises linearly over `warmup` steps to `peak`, then falls as half a cosine (Loshchilov and Hutter, 2017) to
    zero, or stays when `kind` is constant. All of it times `factor`, which a run that went back has halved.
    """

    first: int
    last: int
    peak: float
    warmup: int
    kind: str
    factor: float = 1.0

    @classmethod
    def of(cls, preset: Preset) -> LearningRate:
        """The schedule of a new run."""
        return cls(0, preset.run.steps, preset.optimizer.learning_rate, preset.warmup_steps, preset.schedule.kind)

    def at(self, step: int) -> float:
        """The rate of a step, counted from zero; the first step of a warm-up already moves."""
        done = max(0, step - self.first)  # a run that went back may be before the first step of a new cosine
        peak = self.peak * self.factor
        if done < self.warmup:
            return peak * (done + 1) / self.warmup
        if self.kind == "constant":
            return peak
        share = (done - self.warmup) / max(1, self.last - self.first - self.warmup)
        return peak * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))

    def extended(self, step: int, steps: int, highest: float) -> LearningRate:
        """The schedule of a run that has done `step` steps and shall do `steps`: a new cosine from its last rate.

        Within the warm-up the schedule only gets longer. The last rate of a finished cosine is practically zero and
        would train nothing, so the new one begins at a tenth of the `highest` rate at least.
        """
        if step < self.first + self.warmup:
            return structs.replace(self, last=steps)
        rate = max(self.at(max(self.first, step - 1)) / self.factor, RESTART_SHARE * highest)
        return structs.replace(self, first=step, last=steps, peak=rate, warmup=0)

    def halved(self) -> LearningRate:
        """The same schedule with half of each rate."""
        return structs.replace(self, factor=self.factor / 2)


@uncompiled
class AdamW(torch.optim.AdamW):
    """torch's own."""


def make_optimizer(model: SpeakerModel, settings: Optimizer, device: torch.device) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019), in one fused kernel where the device has it; Muon for matrices if asked for.

    On a CUDA device it may be captured as a part of a graph.
    """
    fused, capturable = device.type in ("cpu", "cuda"), device.type == "cuda"
    if settings.matrices == "muon":
        return Muon(model, settings, fused, capturable)
    return AdamW(
        model.parameters(),
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        weight_decay=settings.weight_decay,
        fused=fused,
        capturable=capturable,
    )
