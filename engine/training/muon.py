"""Muon for the matrices before the head, AdamW for everything else, as one optimizer.

Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks"; updates are scaled as in Liu et al.
(2025), "Muon is scalable for LLM training", equation 4, so that one learning rate serves both. Which rate a step has is
left to `optimisation.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from engine.models.speaker_model import SpeakerModel
from engine.preset import Optimizer
from engine.training.uncompiled import uncompiled

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration, chosen by its authors for the fastest rise of small singular values."""
ITERATIONS = 5
UPDATE_SIZE = 0.2
"""Root mean square of an update relative to the rate: that of AdamW's own updates, as Liu et al. measured it."""
EPSILON = 1e-8


def matrices_of(model: SpeakerModel) -> list[nn.Parameter]:
    """The weights of linear and convolution layers before the head, each once: what is a matrix by meaning."""
    found: dict[nn.Parameter, None] = {}
    for part in (model.front_end, model.encoder, model.pooling):
        for layer in part.modules():
            if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d) and layer.weight.requires_grad:
                found[layer.weight] = None  # type: ignore[index]  # torch calls a layer's weight a tensor
    return list(found)


@uncompiled
class Muon(torch.optim.Optimizer):
    """Two groups: matrices, moved along their momentum with all its singular values made one, and the others.

    A convolution's kernel (out, in, width) counts as the matrix (out, in x width).
    """

    def __init__(self, model: SpeakerModel, settings: Optimizer, fused: bool, capturable: bool) -> None:
        """fused, capturable: how AdamW computes, as in `torch.optim.AdamW`."""
        matrices = matrices_of(model)
        chosen = {id(matrix) for matrix in matrices}
        others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
        groups: list[dict[str, Any]] = [{"params": others, "matrices": False}]
        if matrices:
            groups.append({"params": matrices, "matrices": True})
        defaults = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
        super().__init__(groups, defaults)
        self._betas = (settings.beta1, settings.beta2)
        self._fused, self._capturable = fused, capturable

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # none is ever given
        """One update of all parameters that have a gradient."""
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["matrices"]:
                self._move_matrices(moved, group)
            else:
                self._move_others(moved, group)

    def _move_matrices(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        for alike in _of_one_shape(matrices):
            directions = orthogonalised(torch.stack([self._momentum(matrix).flatten(1) for matrix in alike]))
            size = UPDATE_SIZE * max(directions.shape[1:]) ** 0.5
            for matrix, direction in zip(alike, directions, strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.sub_(direction.view_as(matrix) * (group["lr"] * size))

    def _momentum(self, matrix: Tensor) -> Tensor:
        """Nesterov's: the running mean of gradients as it will be, if the next gradient is like this one."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["mean"] = torch.zeros_like(matrix)
        mean: Tensor = state["mean"].lerp_(matrix.grad, 1 - MOMENTUM)
        return matrix.grad.lerp(mean, MOMENTUM)

    def _move_others(self, others: list[Tensor], group: dict[str, Any]) -> None:
        for parameter in others:
            if not self.state[parameter]:
                self.state[parameter] = {
                    "step": torch.zeros((), device=parameter.device),
                    "mean": torch.zeros_like(parameter),
                    "mean_square": torch.zeros_like(parameter),
                }
        states = [self.state[parameter] for parameter in others]
        adamw(
            others, [parameter.grad for parameter in others if parameter.grad is not None],
            [state["mean"] for state in states], [state["mean_square"] for state in states], [],
            [state["step"] for state in states], fused=self._fused, capturable=self._capturable,
            amsgrad=False, beta1=self._betas[0], beta2=self._betas[1], lr=group["lr"],
            weight_decay=group["weight_decay"], eps=EPSILON, maximize=False,
        )  # fmt: skip


def orthogonalised(matrices: Tensor) -> Tensor:
    """matrices: (number, rows, columns) -> the same with singular values near one (0.7 to 1.2): Newton and Schulz."""
    first, third, fifth = COEFFICIENTS
    wide = matrices.shape[1] <= matrices.shape[2]
    found: Tensor = matrices if wide else matrices.mT  # the shorter side first: its products are smaller
    found = found / (found.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ITERATIONS):
        square = found @ found.mT
        found = first * found + (third * square + fifth * square @ square) @ found
    return found if wide else found.mT


def _of_one_shape(matrices: list[Tensor]) -> Iterator[list[Tensor]]:
    """Matrices that can be computed with together, in the order of the first of each shape."""
    found = defaultdict(list)
    for matrix in matrices:
        found[matrix.shape[0], matrix[0].numel()].append(matrix)
    yield from found.values()
