"""Looks at the units, and windows of steps: what they measure, and that they leave no trace in the training."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from benchmarks.head_measures import difference_share as measured_elsewhere
from engine.corpus.frame_store import Batch
from engine.models.speaker_model import SpeakerModel
from engine.training.measures import all_finite, difference_share, look_at_units, stuck_share
from engine.training.windows import Sums, Window
from tests.engine.training.trainers import small


def model_and_batch(name: str, segments: int = 8) -> tuple[SpeakerModel, Batch]:
    torch.manual_seed(0)
    model = SpeakerModel(small(name), 5).train()
    return model, Batch(torch.randn(segments, 12, 40), None, torch.arange(segments) % 5)


class Noisy(nn.Module):
    """An encoder that draws numbers in evaluation mode too, as somebody's own may."""

    output_width = 40

    def forward(self, frames: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return frames + torch.randn_like(frames)


@pytest.mark.parametrize("name", ["transformer-154k", "conformer-225k"])
@pytest.mark.parametrize("own", [False, True], ids=["built in", "own"])
def test_a_look_leaves_weights_statistics_mode_and_random_numbers_alone(name: str, own: bool) -> None:
    model, batch = model_and_batch(name)
    if own:
        model.front_end, model.encoder = nn.Module(), Noisy()
        model.front_end.forward = lambda frames, mask: (frames[..., :16], mask)
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    units = look_at_units(model, batch, "bfloat16")
    assert units is not None
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert (units.stuck_hidden is None) == (name == "conformer-225k")
    assert 0 < units.difference < 1


def test_measures_of_known_vectors() -> None:
    vectors = torch.randn(7, 5) + 2.0
    assert difference_share(vectors).item() == pytest.approx(measured_elsewhere(vectors))
    assert difference_share(torch.ones(6, 4)) == 0
    mixed = torch.stack([torch.zeros(6), torch.full((6,), -3.0), torch.arange(6.0), torch.eye(6)[0]], dim=1)
    assert stuck_share(mixed) == 0.5  # a dead unit and a saturated one


def test_dead_hidden_units_are_counted() -> None:
    model, batch = model_and_batch("transformer-154k")
    with torch.no_grad():
        model.head.hidden.bias[: len(model.head.hidden.bias) // 2] = -1e6
    units = look_at_units(model, batch, "float32")
    assert units is not None
    assert units.stuck_hidden is not None
    assert 0.5 <= units.stuck_hidden < 1.0


def test_a_batch_too_small_to_compare_in_is_not_looked_at() -> None:
    model, batch = model_and_batch("transformer-154k", segments=3)
    assert look_at_units(model, batch, "float32") is None


def test_weights_that_are_not_finite_are_seen() -> None:
    model, _ = model_and_batch("conformer-225k")
    assert all_finite(model)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = float("inf")
    assert not all_finite(model)


def test_a_window_goes_on_bit_for_bit_and_counts_the_steps_that_were_finite() -> None:
    torch.manual_seed(0)
    steps = torch.rand(20, 4)
    steps[:, 2] = torch.arange(20) % 9  # right answers
    whole, first, second = (Window(torch.device("cpu")) for _ in range(3))
    for one in steps:
        whole.add(*one)
    for one in steps[:7]:
        first.add(*one)
    second.restart(first.read())
    for one in steps[7:]:
        second.add(*one)
    assert second.read() == whole.read()
    assert (whole.read().steps, whole.read().finite) == (20, 20)
    bad = float("nan")
    whole.add(torch.tensor(bad), torch.tensor(bad), torch.tensor(1), torch.tensor(1.0))
    whole.add(torch.tensor(1.0), torch.tensor(1.0), torch.tensor(1), torch.tensor(float("inf")))
    assert (whole.read().steps, whole.read().finite) == (22, 20)
    whole.restart()
    assert whole.read() == Sums()
