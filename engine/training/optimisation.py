"""AdamW and the learning rate: warm-up, then half a cosine to zero, each rate a pure function of the step."""

from __future__ import annotations

import inspect
import math

import torch
from msgspec import Struct
from torch import nn

from engine.preset import Optimizer, Preset

RESTART_SHARE = 0.1
"""A finished run that goes on starts at this share of its highest rate at least: its last rate was nearly zero."""


class LearningRate(Struct, frozen=True):
    """Rate over the steps `first` (inclusive) to `last` (exclusive) of a schedule.

    It rises linearly over `warmup` steps to `peak`, then falls as half a cosine (Loshchilov and Hutter, 2017) to
    zero, or stays when `kind` is constant.
    """

    first: int
    last: int
    peak: float
    warmup: int
    kind: str

    @classmethod
    def of(cls, preset: Preset) -> LearningRate:
        """The schedule of a new run."""
        return cls(0, preset.run.steps, preset.optimizer.learning_rate, preset.warmup_steps, preset.schedule.kind)

    def at(self, step: int) -> float:
        """The rate of a step, counted from zero; the first step of a warm-up already moves."""
        done = step - self.first
        if done < self.warmup:
            return self.peak * (done + 1) / self.warmup
        if self.kind == "constant":
            return self.peak
        share = (done - self.warmup) / max(1, self.last - self.first - self.warmup)
        return self.peak * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))

    def extended(self, step: int, steps: int, highest: float) -> LearningRate:
        """The schedule of a run that has done `step` steps and shall do `steps`: a new cosine from its last rate.

        Within the warm-up the schedule only gets longer. The last rate of a finished cosine is practically zero and
        would train nothing, so the new one begins at a tenth of the `highest` rate at least.
        """
        if step < self.first + self.warmup:
            return LearningRate(self.first, steps, self.peak, self.warmup, self.kind)
        rate = max(self.at(max(self.first, step - 1)), RESTART_SHARE * highest)
        return LearningRate(step, steps, rate, 0, self.kind)


class AdamW(torch.optim.AdamW):
    """torch's AdamW, entered by the functions inside the wrappers that keep torch's compiler out of an optimizer.

    The wrappers load that compiler first, and sympy with it, which is a third of the time from the start of a run to
    its first step; nothing here is ever compiled.
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


def make_optimizer(model: nn.Module, settings: Optimizer, device: torch.device) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019) over all parameters, in one fused kernel where the device has it."""
    return AdamW(
        model.parameters(),
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        weight_decay=settings.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )
