"""A trial trains as the worker does, on frames of the preset's shape, and whatever goes wrong in it comes in words."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import torch

from engine import trust
from engine.budget import count
from engine.errors import InputError
from engine.own_code import read_code
from engine.preset_file import to_toml
from engine.preset_library import find_preset
from engine.runs.client import process_policies
from engine.training.device import resolve
from engine.trial import _answer, try_out
from engine.trial_client import Trial, try_preset

SMALL = ["segments.batch_size=4", "segments.frames=24", "run.device=cpu", "run.precision=float32"]
RAISING = """
from torch import nn
class Raising(nn.Module):
    def __init__(self, input_width, d_model=8):
        super().__init__()
        self.output_width = d_model
        self.layer = nn.Linear(d_model, d_model)
    def forward(self, frames, mask):
        raise ValueError("no such axis")
"""


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["optimizer.matrices=muon", "optimizer.average=0.9"],
        ["segments.shortest=12", "augment.time_masks=1", "segments.normalise=utterance"],
        ["segments.short=pad", "segments.normalise=running", "head.kind=cosine"],
    ],
    ids=str,
)
def test_whatever_a_preset_trains_with_is_tried(changes: list[str]) -> None:
    preset = find_preset("quick-tour", [*SMALL, *changes])
    trial = try_out(preset, speakers=5, seconds=0.05)
    assert trial.speakers == 5
    assert trial.steps >= 3
    assert 0 < trial.seconds_per_step < 10
    assert (trial.device, trial.precision, trial.threads) == ("cpu", "float32", resolve(preset.run).threads)
    assert trial.device_memory_bytes is None


def test_a_trial_trains_in_earnest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights move as in a run: forward, backward and optimizer are all there to be timed."""
    models: list[torch.nn.Module] = []
    from engine import trial as trials

    def kept(*arguments: object) -> torch.nn.Module:
        model = made(*arguments)
        models.append(model)
        first.extend(weight.detach().clone() for weight in model.parameters())
        return model

    made, first = trials.SpeakerModel, list[torch.Tensor]()
    monkeypatch.setattr(trials, "SpeakerModel", kept)
    try_out(find_preset("quick-tour", [*SMALL, "optimizer.learning_rate=0.01"]), speakers=5, seconds=0.05)
    moved = [not torch.equal(*pair) for pair in zip(first, models[0].parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)


def test_a_trial_in_a_process_of_its_own_measures_the_memory_that_the_meter_foretells() -> None:
    preset = find_preset("quick-tour", [*SMALL, "segments.frames=128", "segments.batch_size=96"])
    foretold = count(preset, 600, "float32").step_memory.total
    measured = try_preset(preset).step_memory
    assert measured is not None
    assert 0.7 * foretold < measured < 1.5 * foretold + 60_000_000  # what torch itself takes at its first steps


def told(question: bytes) -> str:
    """The error that a question is answered with."""
    answer = _answer(question)
    assert not isinstance(answer, Trial)
    return str(answer["error"])


def test_what_does_not_fit_into_memory_says_so() -> None:
    preset = find_preset("quick-tour", ["segments.frames=100000", "segments.batch_size=65000", "run.device=cpu"])
    question = msgspec.json.encode({"preset": to_toml(preset), "speakers": None})
    assert "memory ran out; try a smaller segments.batch_size" in told(question)


def test_several_devices_and_a_missing_one_are_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"a trial is of one device; set run\.devices=1"):
        try_preset(find_preset("quick-tour", ["run.devices=2"]))
    question = msgspec.json.encode({"preset": to_toml(find_preset("quick-tour", ["run.device=cuda:63"]))})
    assert "run.device = 'cuda:63'" in told(question)


def test_an_encoder_of_ones_own_runs_only_when_trusted_and_is_blamed_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))
    file = tmp_path / "raising.py"
    file.write_text(RAISING)
    own = [*SMALL, f"encoder.kind={file}:Raising", "encoder.d_model=8"]
    question = msgspec.json.encode({"preset": to_toml(find_preset("quick-tour", own)), "speakers": 5})
    assert "trust" in told(question)
    trust.trust(read_code(str(file)))
    assert re.search(r"raising\.py, line 9, in forward: .*no such axis", told(question))


def test_the_child_has_the_policies_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import trial_client

    seen: list[object] = []

    def asked(*arguments: object, environment: object, **others: object) -> object:
        seen.append(environment)
        raise TimeoutError

    monkeypatch.setattr(trial_client, "ask_child", asked)
    with pytest.raises(InputError, match="hangs"):
        try_preset(find_preset("quick-tour"))
    assert seen == [process_policies()]
