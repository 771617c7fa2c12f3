"""Models that are put together and run without a single number being computed, on torch's meta device, and quickly.

`DryRun` follows the shapes alone and counts multiply-adds on the way; `AsOnCpu` makes the meta device choose as a CPU
would, so that a training step saves the tensors that it really saves. What the counts mean is the budget meter's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

MOST_REMEMBERED = 50_000
FILLING = frozenset(f"aten::{name}_" for name in ("uniform", "normal", "fill", "zero"))
"""What initialises weights: nothing to be done where there are none."""


class _Shape(NamedTuple):
    """What there is to know of a tensor on the meta device."""

    size: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype


class _Answer(NamedTuple):
    """What an operator answered to arguments of these shapes."""

    container: type[Any] | None  # None: one tensor
    shapes: list[_Shape | None]
    multiply_adds: int


class DryRun(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives these no types
    """What is made and computed inside is on the meta device; `multiply_adds` adds up those of products.

    torch finds the shape of a result anew each time, in Python and slowly. Here it is remembered for all dry runs by
    operator and shapes of the arguments, which makes one four times as quick. Products are those of torch's
    FlopCounterMode, which counts two operations a multiply-add.
    """

    _remembered: dict[Any, _Answer] = {}  # noqa: RUF012  # shared on purpose

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.multiply_adds = 0
        self._device = torch.device("meta")

    def __enter__(self) -> DryRun:
        self._device.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._device.__exit__(kind, error, trace)

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answers for one operator; called by torch."""
        kwargs = kwargs or {}
        if operator._schema.name in FILLING:
            return args[0]
        if self.gives_back_its_input(operator):
            return operator(*args, **kwargs)
        key = (operator, _described(args), tuple((name, _described(value)) for name, value in kwargs.items()))
        try:
            known = self._remembered.get(key)
        except TypeError:  # an argument that can't be a key
            return operator(*args, **kwargs)
        if known is None:
            result = operator(*args, **kwargs)
            known = self._remember(key, operator, args, kwargs, result)
            if key not in self._remembered:
                self.multiply_adds += known.multiply_adds
                return result
            # The first answer is made as all later ones are: torch's own can lie in more memory than its shape takes.
        self.multiply_adds += known.multiply_adds
        made = [None if shape is None else _empty(shape) for shape in known.shapes]
        return made[0] if known.container is None else known.container(made)

    @staticmethod
    @cache
    def gives_back_its_input(operator: Any) -> bool:
        """Whether the operator makes views or writes in place, so that its result lies in memory that was there."""
        return operator._schema.is_mutable or any(result.alias_info for result in operator._schema.returns)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would else wrap each call, to keep a compiler away that isn't used here

    def _remember(
        self, key: Any, operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> _Answer:
        several = isinstance(result, tuple | list)
        results = result if several else [result]
        counted = flop_registry.get(operator._overloadpacket)
        answer = _Answer(
            container=type(result) if several else None,
            shapes=[_Shape(one.shape, one.stride(), one.dtype) if isinstance(one, Tensor) else None for one in results],
            multiply_adds=counted(*args, **kwargs, out_val=result) // 2 if counted else 0,
        )
        if all(isinstance(one, Tensor | None) for one in results):
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = answer
        return answer


class AsOnCpu(TorchFunctionMode):
    """Attention in one kernel, and bfloat16 under autocast, as a CPU (and closely enough a GPU) does both.

    The meta device itself holds the whole attention matrix, and knows no autocast. Attention whose mask is learned,
    as relative positions are, holds the matrix everywhere.
    """

    PRODUCTS = frozenset({
        functional.linear, functional.conv1d, functional.conv2d, torch.matmul, Tensor.matmul, Tensor.__matmul__,
        torch.bmm, torch.einsum, functional.scaled_dot_product_attention,
    })  # fmt: skip

    def __init__(self, precision: str) -> None:
        super().__init__()
        self._casts = precision == "bfloat16"
        self._weights: dict[int, Tensor] = {}  # torch too keeps a weight's cast until the forward pass is over

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answers for one function; called by torch."""
        kwargs = dict(kwargs or {})
        if self._casts and function in self.PRODUCTS and torch.is_autocast_enabled("cpu"):
            args = tuple(map(self._cast, args))
            kwargs = {name: self._cast(value) for name, value in kwargs.items()}
        if function is functional.scaled_dot_product_attention and set(kwargs) <= {"attn_mask"}:
            mask = kwargs.get("attn_mask")
            if mask is None or not mask.requires_grad:
                return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(*args, attn_mask=mask)[0]
        return function(*args, **kwargs)

    def _cast(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or value.dtype != torch.float32:
            return value
        if not (value.is_leaf and value.requires_grad):
            return value.to(torch.bfloat16)
        if id(value) not in self._weights:
            self._weights[id(value)] = value.to(torch.bfloat16)
        return self._weights[id(value)]


def _described(value: Any) -> Any:
    """Of a tensor its shape, of anything else itself; together they decide what an operator answers."""
    if isinstance(value, Tensor):
        return value.shape, value.stride(), value.dtype, value.is_meta
    if isinstance(value, list | tuple):
        return tuple(map(_described, value))
    return type(value), value  # 1, 1.0 and True are equal, and give results of different types


def _empty(shape: _Shape) -> Tensor:
    return torch.empty_strided(shape.size, shape.stride, dtype=shape.dtype, device="meta")
