"""Attention in fewer digits is still attention, with and without padding."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from engine.models.layers import PLAIN_FRAMES, attend, length_mask


@pytest.mark.parametrize("frames", [1, 7, PLAIN_FRAMES, PLAIN_FRAMES + 1])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_in_bfloat16_is_that_of_float64(frames: int, masked: bool) -> None:
    generator = torch.Generator().manual_seed(frames)
    tensors = [torch.randn(2, 2, frames, 5, generator=generator) for _ in range(3)]
    seen = length_mask(torch.tensor([frames, max(1, frames // 2)]), frames)[:, None, None, :] if masked else None
    with torch.autocast("cpu", torch.bfloat16):
        outcome, gradients = with_gradients(attend, tensors, torch.bfloat16, seen)
    assert outcome.dtype == torch.bfloat16
    expected, wanted = with_gradients(by_torch, tensors, torch.float64, seen)
    torch.testing.assert_close(outcome.double(), expected, atol=0.03, rtol=0.03)
    for gradient, exact in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient.double(), exact, atol=0.06, rtol=0.06)
        if seen is not None and frames > 1:
            assert gradient.isfinite().all()


def by_torch(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, seen: torch.Tensor | None) -> torch.Tensor:
    """PyTorch's own."""
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)


def with_gradients(
    way, tensors: list[torch.Tensor], dtype: torch.dtype, seen: torch.Tensor | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The result of a way, and the gradients of a smooth function of it."""
    inputs = [tensor.to(dtype).requires_grad_() for tensor in tensors]
    outcome = way(*inputs, seen)
    torch.sin(outcome.double()).mean(dim=-2).sum().backward()
    return outcome, [tensor.grad for tensor in inputs]
