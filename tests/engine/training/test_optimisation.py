"""The learning rate over a run's steps, against the textbook formula; AdamW, against torch's."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.preset_library import find_preset
from engine.training.optimisation import AdamW, LearningRate


def test_the_course_schedule() -> None:
    schedule = LearningRate.of(find_preset("transformer-154k"))
    assert schedule.at(0) == 1e-6
    assert schedule.at(999) == 1e-3
    assert schedule.at(1000) == 1e-3
    assert math.isclose(schedule.at(1000 + 69_000 // 2), 0.5e-3)
    assert schedule.at(69_999) < 1e-11


def test_fewer_steps_rescale_the_whole_schedule() -> None:
    schedule = LearningRate.of(find_preset("transformer-154k", ["run.steps=4000"]))
    assert schedule.at(399) == 1e-3
    assert math.isclose(schedule.at(400 + 1800), 0.5e-3)


def test_a_constant_schedule_stays() -> None:
    schedule = LearningRate.of(find_preset("quick-tour", ["schedule.kind=constant"]))
    assert schedule.at(1499) == schedule.at(100) == 4e-3


@given(st.integers(1, 5000), st.integers(0, 500), st.floats(1e-6, 1.0))
def test_it_rises_to_the_peak_and_never_rises_again(steps: int, warmup: int, peak: float) -> None:
    schedule = LearningRate(0, steps, peak, min(warmup, steps), "cosine")
    rates = [schedule.at(step) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 <= min(rates) <= max(rates) <= peak * (1 + 1e-9)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_going_on_begins_at_the_last_rate(done: int, more: int) -> None:
    schedule = LearningRate(0, 2000, 1e-3, 0, "cosine")
    longer = schedule.extended(done, done + more, 1e-3)
    assert longer.at(done) == max(schedule.at(done - 1), 1e-4)
    assert longer.at(done + more - 1) <= longer.at(done)


def test_half_the_rate_stays_half_through_a_new_cosine_and_before_its_first_step() -> None:
    whole = LearningRate(0, 1000, 1e-3, 100, "cosine")
    half = whole.halved()
    assert [half.at(step) for step in (0, 50, 600)] == [whole.at(step) / 2 for step in (0, 50, 600)]
    longer, half_longer = whole.extended(1000, 2000, 1e-3), half.extended(1000, 2000, 1e-3)
    assert [half_longer.at(step) for step in (1000, 1500)] == [longer.at(step) / 2 for step in (1000, 1500)]
    assert longer.at(900) == longer.at(1000)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_step_loads_no_compiler(kind: str) -> None:
    """It would take a third of the time from the start of a run to its first step."""
    program = f"""
import sys, torch
from engine.models.speaker_model import SpeakerModel
from engine.preset_library import find_preset
from engine.training.optimisation import make_optimizer
preset = find_preset("quick-tour", ["optimizer.matrices={kind}"])
model = SpeakerModel(preset, 3)
optimizer = make_optimizer(model, preset.optimizer, torch.device("cpu"))
before = [weight.detach().clone() for weight in model.parameters()]
optimizer.zero_grad(set_to_none=True)
model(torch.randn(4, 20, 40)).square().sum().backward()
optimizer.step()
optimizer.load_state_dict(optimizer.state_dict())
assert not any(torch.equal(weight, other) for weight, other in zip(model.parameters(), before))
sys.exit("torch._dynamo" in sys.modules or "sympy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_optimizer_is_torchs_own_to_the_bit() -> None:
    settings = find_preset("transformer-154k").optimizer
    weights = []
    for ours in (True, False):
        torch.manual_seed(0)
        layer = torch.nn.Linear(8, 8)
        kind = AdamW if ours else torch.optim.AdamW
        optimizer = kind(layer.parameters(), lr=1e-2, weight_decay=settings.weight_decay, fused=True)
        for _ in range(5):
            optimizer.zero_grad(set_to_none=True)
            layer(torch.randn(4, 8)).square().sum().backward()
            optimizer.step()
        weights.append(layer.weight.detach())
    assert torch.equal(*weights)
