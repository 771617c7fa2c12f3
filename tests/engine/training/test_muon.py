"""Muon for matrices and AdamW for the rest, against PyTorch's own of each."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.speaker_model import SpeakerModel
from engine.runs import events as e
from engine.training.muon import UPDATE_SIZE, Muon, matrices_of, orthogonalised
from engine.training.optimisation import make_optimizer
from tests.engine.training.trainers import same, small, weights


def with_gradients(name: str = "quick-tour") -> tuple[SpeakerModel, Muon]:
    preset = small(name, "optimizer.matrices=muon", "optimizer.weight_decay=0.1", "optimizer.learning_rate=1e-3")
    torch.manual_seed(0)
    model = SpeakerModel(preset, 6)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer = make_optimizer(model, preset.optimizer, torch.device("cpu"))
    assert isinstance(optimizer, Muon)
    return model, optimizer


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    scale=st.sampled_from([1e-4, 1.0, 1e4]),
    seed=st.integers(0, 99),
)
def test_singular_values_become_about_one(rows: int, columns: int, scale: float, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    matrices = scale * torch.randn(2, rows, columns, generator=random)
    left, before, right = torch.linalg.svd(matrices, full_matrices=False)
    found = left.mT @ orthogonalised(matrices) @ right.mT  # diagonal: the singular vectors stay
    diagonal = found.diagonal(dim1=1, dim2=2)
    large = before > 0.05 * before.amax(dim=1, keepdim=True)  # smaller ones need more iterations than five
    assert ((diagonal > 0.5) & (diagonal < 1.3))[large].all()
    torch.testing.assert_close(found, torch.diag_embed(diagonal), rtol=0, atol=5e-3)


def test_matrices_move_as_with_pytorchs_own_muon() -> None:
    model, optimizer = with_gradients()
    matrices = [matrix for matrix in matrices_of(model) if matrix.ndim == 2]
    theirs = [copy.deepcopy(matrix) for matrix in matrices]
    reference = torch.optim.Muon(theirs, lr=1e-3, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    for _ in range(3):
        for matrix, other in zip(matrices, theirs, strict=True):
            matrix.grad = torch.randn_like(matrix)
            other.grad = matrix.grad.clone()
        optimizer.step()
        reference.step()
    for matrix, other in zip(matrices, theirs, strict=True):
        # Theirs iterates in bfloat16, so updates differ by a few per cent of their size.
        torch.testing.assert_close(matrix, other, rtol=0, atol=0.1 * 3 * 1e-3 * UPDATE_SIZE * max(matrix.shape) ** 0.5)


def test_all_else_moves_as_with_adamw() -> None:
    model, optimizer = with_gradients()
    chosen = set(map(id, matrices_of(model)))
    others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    theirs = [copy.deepcopy(parameter) for parameter in others]
    reference = torch.optim.AdamW(theirs, lr=1e-3, weight_decay=0.1, fused=True)
    for _ in range(3):
        for parameter, other in zip(others, theirs, strict=True):
            other.grad = None if parameter.grad is None else parameter.grad.clone()
        optimizer.step()
        reference.step()
    assert all(torch.equal(parameter, other) for parameter, other in zip(others, theirs, strict=True))


def test_the_head_and_vectors_are_no_matrices() -> None:
    model, _ = with_gradients("conformer-225k")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    chosen = [names[id(matrix)] for matrix in matrices_of(model)]
    assert chosen
    assert all(name.endswith("weight") and not name.startswith("head") for name in chosen)
    assert all(matrix.ndim >= 2 for matrix in matrices_of(model))


def test_a_run_with_muon_is_resumed_bit_for_bit(make_trainer: Callable) -> None:
    preset = small("quick-tour", "optimizer.matrices=muon", "run.steps=12", "validation.every=6")
    whole, _ = make_trainer(preset, "whole")
    list(whole)
    stopped, inbox = make_trainer(preset, "stopped")
    for event in stopped:
        if isinstance(event, e.Validated):
            inbox.ask("stop")
    resumed, _ = make_trainer(preset, "stopped")
    resumed.resume()
    assert 6 <= resumed.step < 12
    list(resumed)
    assert same(weights(whole), weights(resumed))


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_it_learns(make_trainer: Callable, kind: str) -> None:
    trainer, _ = make_trainer(small("quick-tour", f"optimizer.matrices={kind}", "run.steps=60", "validation.every=60"))
    assert list(trainer)[-1].best_accuracy == 1.0
