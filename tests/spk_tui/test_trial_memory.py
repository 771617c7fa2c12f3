"""What a trial measured is found again for the same training step, on the same machine, and for no other."""

from __future__ import annotations

import pytest

from engine.files import cache_folder
from engine.preset_library import find_preset
from engine.trial_client import Trial
from spk_tui.estimating import best_plan, estimate
from spk_tui.trials import Trials
from tests.spk_tui.dashboards import Home

TRIAL = Trial(
    preset="quick-tour", speakers=600, steps=20, seconds_per_step=0.5, memory_bytes=41_000_000,
    device_memory_bytes=None, device="cpu", device_name="a CPU", precision="float32", threads=1,
)  # fmt: skip


@pytest.mark.parametrize("same", [[], ["run.steps=9"], ["run.seed=3"], ["validation.every=7"], ["preset.name=x"]])
def test_a_trial_counts_for_every_preset_with_the_same_step(home: Home, same: list[str]) -> None:
    Trials().keep(find_preset("quick-tour"), TRIAL, 1000.0)
    found = Trials().find(find_preset("quick-tour", same))
    assert found is not None
    assert (found.trial, found.time) == (TRIAL, 1000.0)


@pytest.mark.parametrize(
    "other",
    ["encoder.ffn=96", "segments.batch_size=33", "run.precision=float32", "optimizer.matrices=muon", "run.threads=1"],
)
def test_another_step_is_another_trial(home: Home, other: str) -> None:
    trials = Trials()
    trials.keep(find_preset("quick-tour"), TRIAL, 1000.0)
    assert trials.find(find_preset("quick-tour", [other])) is None


def test_a_spoilt_file_costs_the_memory_and_nothing_else(home: Home) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / "trials.json").write_text("{")
    trials = Trials()
    assert trials.find(find_preset("quick-tour")) is None
    trials.keep(find_preset("quick-tour"), TRIAL, 1000.0)
    assert Trials().find(find_preset("quick-tour")) is not None


def test_the_plan_says_all_that_there_is_room_for(home: Home) -> None:
    preset = find_preset("best-300k", ["run.steps=8000"])
    Trials().keep(preset, TRIAL, 1000.0)
    known = estimate(preset, (), Trials().find(preset), None, 1010.0)
    assert known is not None
    assert known.known == "at 2.0 step/s, measured in a trial just now; it took 41 MB"
    whole = "Train best-300k for 8,000 steps on speechocean762, about 1 h 6 min on the CPU"
    corpus = "/data/speechocean762"
    assert best_plan(preset, corpus, known, 100) == whole
    assert best_plan(preset, corpus, known, 45) == "Train best-300k: 8,000 steps, about 1 h 6 min"
    assert best_plan(preset, corpus, known, 15) == "Train best-300k"
