"""A step that reads rate and share of the run from tensors, as a graph replays it, against the plain one."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from engine.corpus.batches import TrainingBatches
from engine.corpus.frame_store import Batch, FrameStore
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.training.device import resolve
from engine.training.optimisation import make_optimizer
from engine.training.step import CapturedStep, EagerStep, Outcome
from tests.engine.training.trainers import small
from tests.made_corpora import random_frames

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"))]
HEADS = [
    ["head.kind=cosine", "head.margin_kind=additive", "head.margin_warmup=0.5"],
    ["head.kind=cosine", "head.margin_kind=angular", "head.margin_warmup=0"],
    ["head.kind=batchnorm_linear"],
    ["head.kind=mlp"],
]
STEPS = 6


class FromTensors(CapturedStep):
    """What a replay does, without a graph: it runs on every device."""

    def __call__(self, batch: Batch, rate: float, done: float) -> Outcome:
        self._prepare(rate, done)
        return self._run(batch, self._done)


def preset_for(device: str, *overrides: str) -> Preset:
    return small("quick-tour", f"run.device={device}", "run.precision=float32", *overrides)


def taken(kind: type[EagerStep], preset: Preset, model: SpeakerModel) -> tuple[EagerStep, Iterator[list[float]]]:
    """A step of that kind, and what six of them come to."""
    resolved = resolve(preset.run)
    model = copy.deepcopy(model).to(resolved.torch_device)
    optimizer = make_optimizer(model, preset.optimizer, resolved.torch_device)
    step = kind(model, optimizer, preset, resolved)
    corpus = random_frames(speakers=6, each=10)
    store = FrameStore(corpus, resolved.torch_device, preset.segments)
    batches = TrainingBatches(store, np.arange(len(corpus.ids)), preset.segments, seed=0)

    def outcomes() -> Iterator[list[float]]:
        torch.manual_seed(1)
        for number in range(STEPS):
            outcome = step(batches.at(number), 1e-3 * (number + 1), number / STEPS)
            yield [value.item() for value in outcome]

    return step, outcomes()


@pytest.mark.parametrize("head", HEADS, ids=" ".join)
@pytest.mark.parametrize("device", DEVICES)
def test_rate_and_margin_from_tensors_train_as_plain_numbers_do(device: str, head: list[str]) -> None:
    preset = preset_for(device, *head, "segments.short=pad")
    model = SpeakerModel(preset, 6)
    plain, expected = taken(EagerStep, preset, model)
    tensors, found = taken(FromTensors, preset, model)
    np.testing.assert_allclose(list(found), list(expected), rtol=1e-4)
    for one, other in zip(tensors.model.parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device captures it")
def test_a_failed_capture_is_told_once_and_changes_no_number() -> None:
    preset = preset_for("cpu", "encoder.dropout=0.1")  # the generator must be where it was, too
    model = SpeakerModel(preset, 6)
    plain, expected = taken(EagerStep, preset, model)
    captured, found = taken(CapturedStep, preset, model)
    assert list(found) == list(expected)
    assert "can't be captured" in captured.news()
    assert captured.news() == ""
    assert plain.news() == ""
    for one, other in zip(captured.model.parameters(), plain.model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["transformer-154k", "conformer-225k"])
def test_a_replayed_step_is_the_eager_one(name: str, precision: str) -> None:
    preset = small(name, "run.device=cuda", f"run.precision={precision}", "encoder.dropout=0")
    model = SpeakerModel(preset, 6)
    captured, found = taken(CapturedStep, preset, model)
    _, expected = taken(EagerStep, preset, model)
    np.testing.assert_allclose(list(found), list(expected), rtol=1e-4 if precision == "float32" else 2e-2)
    assert captured.news() == ""


def test_what_trial_steps_change_is_put_back_in_place() -> None:
    from engine.training.step import _Snapshot

    preset = with_overrides(preset_for("cpu"), ["encoder.dropout=0.1", "head.kind=batchnorm_linear"])
    step, outcomes = taken(EagerStep, preset, SpeakerModel(preset, 6))
    fresh = _Snapshot(step.model, step.optimizer, torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in step.model.state_dict().items()}
    next(outcomes)
    places = [parameter.data_ptr() for parameter in step.model.parameters()]
    fresh.put_back()
    assert all(torch.equal(tensor, before[name]) for name, tensor in step.model.state_dict().items())
    assert places == [parameter.data_ptr() for parameter in step.model.parameters()]
    assert not any(value.any() for state in step.optimizer.state.values() for value in state.values())
    batch_norm = next(module for module in step.model.modules() if isinstance(module, nn.BatchNorm1d))
    assert batch_norm.num_batches_tracked == 0
