"""A model's weights by name, each once: what is saved, what is expected of a file, and how it is put back.

A user's own encoder may hold one layer at several places; a file holds it under its first name alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def each_once(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under their first names."""
    kept: dict[tuple[object, ...], str] = {}
    for name, tensor in weights.items():
        kept.setdefault((tensor.data_ptr(), tensor.shape, tensor.stride()) if tensor.numel() else (name,), name)
    return {name: weights[name] for name in kept.values()}


def put_in(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Loads weights that were saved once each. Raises `RuntimeError` when one doesn't fit, is missing or too many."""
    wanted = each_once(model.state_dict())
    if wanted.keys() != tensors.keys():
        odd = sorted(wanted.keys() ^ tensors.keys())
        raise RuntimeError(f"{odd[0]} is {'missing' if odd[0] in wanted else 'unknown'}")
    for name, tensor in tensors.items():
        if (tensor.shape, tensor.dtype) != (wanted[name].shape, wanted[name].dtype):
            raise RuntimeError(f"{name} is {tuple(tensor.shape)} of {tensor.dtype}, not {tuple(wanted[name].shape)}")
    model.load_state_dict(tensors, strict=False)
