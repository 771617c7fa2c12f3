"""Optimizers that don't load PyTorch's compiler: nothing here is ever compiled.

PyTorch wraps what an optimizer does to keep its compiler out, and the wrappers load that compiler first, and sympy with
it: a third of the time from the start of a run to its first step.
"""

from __future__ import annotations

import inspect
from typing import TypeVar

import torch

Kind = TypeVar("Kind", bound=type[torch.optim.Optimizer])

WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def uncompiled(kind: Kind) -> Kind:
    """The class, entered by the functions inside those wrappers."""
    for name in WRAPPED:
        setattr(kind, name, inspect.unwrap(getattr(kind, name)))
    kind.step = torch.no_grad()(inspect.unwrap(kind.step))  # type: ignore[method-assign]  # that is the purpose
    return kind
