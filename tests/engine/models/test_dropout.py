"""Dropout with masks of our own: a fair draw of the stated share, reproducible, and gone outside training."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.dropout import LEVELS, Dropout, random_words

MANY = 2**20


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_it_drops_its_share_and_scales_the_others_by_what_is_kept(share: float, kind: torch.dtype) -> None:
    torch.manual_seed(1)
    dropped = Dropout(share)(torch.ones(MANY, dtype=kind))
    gone = (dropped == 0).double().mean().item()
    assert abs(gone - share) < 5 * math.sqrt(share * (1 - share) / MANY)
    kept = dropped[dropped != 0]
    assert kept.dtype == kind
    assert kept.unique().tolist() == pytest.approx([1 / (1 - share)], rel=1e-4 if kind == torch.float32 else 4e-3)


def test_each_value_is_drawn_for_itself() -> None:
    """Neighbours, which share a random number, are dropped together as often as chance has it, whatever their place."""
    torch.manual_seed(2)
    gone = (Dropout(0.3)(torch.ones(MANY)) == 0).double()
    for distance in range(1, 9):
        together = (gone[:-distance] * gone[distance:]).mean().item()
        assert abs(together - 0.09) < 5 * math.sqrt(0.09 / MANY)
    for place in range(4):
        assert abs(gone[place::4].mean().item() - 0.3) < 5 * math.sqrt(0.21 / (MANY / 4))


def test_words_take_all_values_equally_often() -> None:
    torch.manual_seed(3)
    words = random_words(16 * LEVELS).to(torch.int64) + LEVELS // 2
    counts = torch.bincount(words, minlength=LEVELS).double()
    assert len(counts) == LEVELS
    chi_square = ((counts - 16) ** 2 / 16).sum().item()
    assert abs(chi_square - (LEVELS - 1)) < 5 * math.sqrt(2 * LEVELS)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=3), st.floats(0.0, 0.999_999), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_any_shape_is_a_function_of_the_generator_alone(shape: list[int], share: float, seed: int) -> None:
    frames = torch.rand(shape) + 1
    layer = Dropout(share)
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    once = layer(frames)
    torch.set_rng_state(before)
    assert torch.equal(layer(frames), once)
    assert once.shape == frames.shape
    assert bool(torch.isfinite(once).all())


def test_the_gradient_passes_where_values_did() -> None:
    torch.manual_seed(4)
    frames = torch.randn(1000, requires_grad=True)
    dropped = Dropout(0.4)(frames)
    dropped.sum().backward()
    assert frames.grad is not None
    assert torch.equal(frames.grad * frames.detach(), dropped.detach())


def test_nothing_is_dropped_or_drawn_outside_training_or_without_a_share() -> None:
    frames = torch.randn(10)
    before = torch.get_rng_state()
    assert Dropout(0.5).eval()(frames) is frames
    assert Dropout(0.0)(frames) is frames
    assert torch.equal(torch.get_rng_state(), before)


def test_every_mask_is_another_one() -> None:
    torch.manual_seed(5)
    layer, frames = Dropout(0.5), torch.ones(1000)
    assert not torch.equal(layer(frames), layer(frames))
