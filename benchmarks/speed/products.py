"""The ceiling of a step: nothing but its matrix products, of the model's own shapes, in float32 or bfloat16.

Shapes are taken from the model as it runs: each linear layer and convolution makes one product forward and two
backward, each attention two and four. Tensors lie ready and results go to where they went before, so that this is as
fast as the machine multiplies these shapes, and a step can't be faster.
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from engine.models.layers import SelfAttention
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset

SPEAKERS = 600


class Shape(NamedTuple):
    """(batch, rows, inner) times (batch, inner, columns)."""

    batch: int
    rows: int
    inner: int
    columns: int


class Products:
    """A contender that only multiplies. `operations` is what a step takes, two for a multiply-add."""

    def __init__(self, preset: Preset, precision: str, device: str = "cpu", batch_size: int | None = None) -> None:
        shapes = [turned for shape in shapes_of(preset, batch_size) for turned in with_backward(shape)]
        self.operations = 2 * sum(math.prod(shape) for shape in shapes)
        kind, self._device = getattr(torch, precision), torch.device(device)
        made: dict[Shape, tuple[Tensor, Tensor, Tensor]] = {}
        for shape in shapes:
            if shape not in made:
                made[shape] = (
                    torch.randn(shape.batch, shape.rows, shape.inner, dtype=kind, device=device),
                    torch.randn(shape.batch, shape.inner, shape.columns, dtype=kind, device=device),
                    torch.empty(shape.batch, shape.rows, shape.columns, dtype=kind, device=device),
                )
        self._made = [made[shape] for shape in shapes]

    def rate(self, seconds: float) -> float:
        """Steps' worth of products a second."""
        began, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() < began + seconds:
            for left, right, result in self._made:
                if len(left) == 1:
                    torch.mm(left[0], right[0], out=result[0])
                else:
                    torch.bmm(left, right, out=result)
            done += 1
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
        return done / (time.perf_counter() - began)

    def close(self) -> None:
        """Nothing runs."""


def shapes_of(preset: Preset, batch_size: int | None = None) -> list[Shape]:
    """The forward products of a batch."""
    batch = batch_size or preset.segments.batch_size
    model = SpeakerModel(preset, SPEAKERS).eval()
    shapes: list[Shape] = []

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        scale = batch // 2
        if isinstance(module, nn.Linear):
            rows = output.numel() // module.out_features * scale
            shapes.append(Shape(1, rows, module.in_features, module.out_features))
        elif isinstance(module, nn.Conv1d) and module.groups == 1:
            rows = len(output) * output.shape[-1] * scale
            shapes.append(Shape(1, rows, module.in_channels * module.kernel_size[0], module.out_channels))
        elif isinstance(module, SelfAttention):
            number, time, width = inputs[0].shape
            heads = number * module.heads * scale
            shapes.append(Shape(heads, time, width // module.heads, time))
            shapes.append(Shape(heads, time, time, width // module.heads))

    for module in model.modules():
        module.register_forward_hook(note)
    with torch.no_grad():
        model(torch.randn(2, preset.segments.frames, preset.features.mel_bands))
    return shapes


def with_backward(shape: Shape) -> list[Shape]:
    """A forward product and the two of its gradients."""
    batch, rows, inner, columns = shape
    return [shape, Shape(batch, rows, columns, inner), Shape(batch, inner, rows, columns)]
