"""How much memory a training step takes, from a step on the meta device, where nothing is computed or allocated.

The whole step is run dry, forward and backward, and each tensor's memory is followed from its making to its end, so
that the peak is found wherever it lies. What a kernel takes for itself and gives back isn't seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.cost import StepMemory
from engine.dry_run import AsOnCpu, DryRun
from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset, RunSettings
from engine.training.device import resolve
from engine.training.muon import matrices_of

FULL_MARGIN = 0.999
"""Share of a run after which a head's margin has risen to its height."""


class _Followed(DryRun):  # type: ignore[no-untyped-call]  # as for a dry run itself
    """A dry run that knows how many bytes its tensors take `now`, and took at their `peak`."""

    def __init__(self, held: int) -> None:
        super().__init__()
        self.now = self.peak = held

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answers for one operator; called by torch."""
        result = super().__torch_dispatch__(operator, types, args, kwargs)
        if not self.gives_back_its_input(operator):
            for tensor in result if isinstance(result, tuple | list) else (result,):
                if isinstance(tensor, Tensor):
                    storage = tensor.untyped_storage()
                    self.add(storage.nbytes())
                    weakref.finalize(storage, self.add, -storage.nbytes()).atexit = False
        return result

    def add(self, octets: int) -> None:
        """So many bytes more, or less."""
        self.now += octets
        self.peak = max(self.peak, self.now)


def memory_of_a_step(model: SpeakerModel, preset: Preset, precision: str) -> tuple[StepMemory, set[int]]:
    """What a step of a model on the meta device takes, and the identities of the parameters that got a gradient.

    The batch is the preset's own: `batch_size` segments of `frames` frames, masked when short ones are padded. The
    model has gradients afterwards.
    """
    segments = preset.segments
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    gradients = sum(parameter.nbytes for parameter in trained)  # those of the step before, until the backward pass
    run = _Followed(gradients)
    with run, AsOnCpu(precision):
        frames = torch.empty(segments.batch_size, segments.frames, preset.features.mel_bands)
        mask = torch.ones(frames.shape[:2], dtype=torch.bool) if segments.short == "pad" else None
        truth = torch.zeros(segments.batch_size, dtype=torch.int64)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(frames, mask).float()
        loss = functional.cross_entropy(model.head.with_margin(logits, truth, FULL_MARGIN), truth)
        run.add(-gradients)
        loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    muon = preset.optimizer.matrices == "muon"  # it remembers one moment, AdamW two
    memory = StepMemory(
        precision=precision,
        weights=sum(tensor.nbytes for tensor in _tensors(model)),
        moments=2 * gradients - (sum(weight.nbytes for weight in matrices_of(model)) if muon else 0),
        activations=run.peak,
    )
    return memory, {id(parameter) for parameter in trained if parameter.grad is not None}


@cache
def precision_here(settings: RunSettings) -> str:
    """The arithmetic of a step on this machine; float32 where the device isn't here and the settings leave it open."""
    if settings.precision != "auto":
        return settings.precision
    try:
        return resolve(settings).precision
    except InputError:
        return "float32"


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
