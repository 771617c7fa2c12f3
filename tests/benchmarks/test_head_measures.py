"""What the benchmark of heads measures is what it says, and measuring leaves a run as it was."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.head_measures import difference_share, effective_rank, encoder_gradients, look, mean_cosine, size
from engine.corpus.frame_store import Batch
from engine.models.speaker_model import SpeakerModel
from engine.preset_library import find_preset

SMALL = ("encoder.d_model=8", "encoder.ffn=16")
SPEAKERS = 5


def model_and_batch(name: str) -> tuple[SpeakerModel, Batch]:
    """A small model in training mode, and six segments."""
    torch.manual_seed(0)
    model = SpeakerModel(find_preset(name, SMALL), SPEAKERS).train()
    return model, Batch(torch.randn(6, 12, 40), None, torch.arange(6) % SPEAKERS)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 8), st.integers(0, 100))
def test_equal_spread_in_so_many_directions_has_that_effective_rank(directions: int, seed: int) -> None:
    torch.manual_seed(seed)
    turned, _ = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64))
    axes = torch.cat([torch.eye(directions, 12), -torch.eye(directions, 12)]).double() @ turned
    assert effective_rank(7.0 + axes) == pytest.approx(directions, rel=1e-6)


def test_equal_vectors_have_no_rank_no_size_and_no_difference() -> None:
    same = torch.ones(6, 4) * 3.7
    assert effective_rank(same) == size(same) == difference_share(same) == 0.0
    assert mean_cosine(same) == pytest.approx(1.0)


def test_differences_and_cosines_are_those_of_plain_loops() -> None:
    torch.manual_seed(1)
    vectors = torch.randn(7, 5) + 2.0
    mean = vectors.mean(dim=0)
    lengths = sum(float(vector @ vector) for vector in vectors)
    assert difference_share(vectors) == pytest.approx(1 - 7 * float(mean @ mean) / lengths, rel=1e-4)
    cosines = [
        float(torch.cosine_similarity(vectors[a], vectors[b], dim=0)) for a in range(7) for b in range(7) if a != b
    ]
    assert mean_cosine(vectors) == pytest.approx(sum(cosines) / len(cosines), rel=1e-5)


def test_the_utterances_parts_of_the_gradient_add_up_to_all_of_it() -> None:
    model, batch = model_and_batch("conformer-225k")
    model.eval()
    pooled = model.pool(batch.frames)
    pooled.retain_grad()
    torch.nn.functional.cross_entropy(model.head(pooled), batch.speakers).backward()
    whole = torch.cat([parameter.grad.flatten() for parameter in model.encoder.parameters()])
    parts = encoder_gradients(model, batch.frames, pooled.grad)
    assert parts.shape == (6, len(whole))
    torch.testing.assert_close(parts.sum(dim=0), whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["transformer-154k", "transformer-normed-154k"])
def test_a_look_leaves_weights_statistics_gradients_mode_and_random_numbers_alone(name: str) -> None:
    model, batch = model_and_batch(name)
    model(batch.frames).sum().backward()
    before = copy.deepcopy(model.state_dict())
    gradients = {key: weight.grad.clone() for key, weight in model.named_parameters() if weight.grad is not None}
    random = torch.get_rng_state()
    first, second = look(model, batch, 3), look(model, batch, 3)
    assert torch.equal(torch.get_rng_state(), random)
    assert model.training
    assert all(module.training for module in model.modules())
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[key]), key
    for key, parameter in model.named_parameters():
        assert parameter.grad is None or torch.equal(parameter.grad, gradients[key]), key
    assert first == second
    assert (first.dead is None) == (name == "transformer-normed-154k")


def test_a_batch_normalised_head_is_given_nothing_but_differences() -> None:
    model, batch = model_and_batch("transformer-normed-154k")
    seen = look(model, batch, 0)
    assert seen.entering_difference == pytest.approx(1.0, abs=1e-4)
    assert 0.0 < seen.pooled_difference < 0.9
    assert seen.entering_size == pytest.approx(1.0, abs=0.05)
    assert seen.push == pytest.approx(0.0, abs=1e-6)  # its gradient can't move all pooled vectors alike
    assert seen.pooled_mean == pytest.approx(model.eval().pool(batch.frames).mean(dim=0).square().mean().sqrt().item())
