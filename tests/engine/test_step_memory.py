"""The estimate of a training step's memory against what torch's CPU allocator really hands out for two such steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from engine.budget import count
from engine.dry_run import DryRun
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import built_in_folder, find_preset
from engine.training.optimisation import make_optimizer

BUILT_IN = sorted(path.stem for path in built_in_folder().glob("*.toml"))
SPEAKERS = 600


def measured(preset: Preset, precision: str = "float32") -> int:
    """Bytes at the peak of making the model and taking two steps as the trainer does, as the allocator counts."""
    segments = preset.segments
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recording:
        model = SpeakerModel(preset, SPEAKERS).train()
        optimizer = make_optimizer(model, preset.optimizer, torch.device("cpu"))
        for _ in range(2):
            frames = torch.randn(segments.batch_size, segments.frames, preset.features.mel_bands)
            mask = torch.arange(segments.frames) < segments.frames // 2 if segments.short == "pad" else None
            mask = None if mask is None else mask.expand(segments.batch_size, -1).contiguous()
            speakers = torch.arange(segments.batch_size) % SPEAKERS
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                logits = model(frames, mask).float()
            loss = functional.cross_entropy(model.head.with_margin(logits, speakers, 1.0), speakers)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            del frames, mask, logits, loss
    events = [event for event in recording.profiler.kineto_results.events() if event.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_estimate_of_every_preset_is_near_what_is_measured(name: str) -> None:
    preset = with_overrides(find_preset(name), ["segments.batch_size=8"])
    estimate = count(preset, SPEAKERS, "float32").step_memory
    assert estimate.precision == "float32"
    assert estimate.total == pytest.approx(measured(preset), rel=0.1)


@pytest.mark.parametrize(
    "changes",
    [
        ["segments.short=pad"],
        ["segments.frames=400", "segments.batch_size=4"],
        ["encoder.kind=conformer", "encoder.positions=relative"],
        ["encoder.kind=e_branchformer", "encoder.norm=batch", "segments.short=pad"],
        ["head.kind=cosine", "head.margin_kind=angular", "pooling.kind=attentive_statistics"],
    ],
    ids=str,
)
def test_the_estimate_follows_what_is_changed(changes: list[str]) -> None:
    preset = with_overrides(find_preset("quick-tour"), changes)
    assert count(preset, SPEAKERS, "float32").step_memory.total == pytest.approx(measured(preset), rel=0.1)


@pytest.mark.parametrize("name", ["quick-tour", "conformer-225k", "ecapa-c80-137k"])
def test_the_estimate_in_bfloat16_is_near_too(name: str) -> None:
    preset = with_overrides(find_preset(name), ["segments.batch_size=8"])
    estimate = count(preset, SPEAKERS, "bfloat16").step_memory
    assert estimate.total == pytest.approx(measured(preset, "bfloat16"), rel=0.25)
    assert estimate.activations < 0.9 * count(preset, SPEAKERS, "float32").step_memory.activations


def test_the_first_count_of_all_is_that_of_every_later_one() -> None:
    preset = find_preset("quick-tour")
    DryRun._remembered.clear()
    first = count(preset, SPEAKERS, "float32")
    assert count(preset, SPEAKERS, "float32") == first


def test_what_is_held_all_the_time_is_exact() -> None:
    preset = find_preset("quick-tour")
    model = SpeakerModel(preset, SPEAKERS)
    memory = count(preset, SPEAKERS, "float32").step_memory
    assert memory.weights == sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers()])
    assert memory.moments == 2 * 4 * sum(parameter.numel() for parameter in model.parameters())
    assert memory.total == memory.weights + memory.moments + memory.activations
