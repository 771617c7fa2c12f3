"""A running average of a model's weights, which is often better than the weights of any single step.

Polyak and Juditsky (1992); as an exponential average with a warm-up, so that the first, random weights are forgotten.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel

WARMUP = 10
"""After t updates the decay is (1 + t) / (WARMUP + t) at most: the average spans the last tenth of the run or so."""


class WeightAverage:
    """average = decay * average + (1 - decay) * weights, after every step; batch normalisation's statistics too."""

    def __init__(self, model: SpeakerModel, decay: float) -> None:
        """decay: from 0 to 1, the share of the average that is kept at each step. Raises `InputError`."""
        self.decay = decay
        self.updates = 0
        self._followed = model
        try:
            self.model = copy.deepcopy(model).eval().requires_grad_(False)
        except Exception as error:  # whatever a user's own encoder holds that Python can't copy
            raise InputError(
                f"optimizer.average needs a second copy of the model, and the encoder can't be copied ({error}); set"
                " optimizer.average = 0, or take out of the encoder what isn't a layer or a tensor"
            ) from None

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the weights as they are now. Buffers may be other tensors than at the last update."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (WARMUP + self.updates))
        torch._foreach_lerp_(_floating(self.model), _floating(self._followed), 1 - decay)

    def state(self) -> dict[str, Tensor | int]:
        """What `restore` takes: the averages by name, and the number of updates."""
        return {"updates": self.updates, **self.model.state_dict()}

    def restore(self, state: dict[str, Tensor | int]) -> None:
        """Puts a `state` back, in place. Raises `RuntimeError` when it is another model's."""
        tensors = dict(state)
        self.updates = int(tensors.pop("updates"))
        self.model.load_state_dict(tensors)


def _floating(model: SpeakerModel) -> list[Tensor]:
    """The tensors that can be averaged, each once: all but counters."""
    return [tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point()]
