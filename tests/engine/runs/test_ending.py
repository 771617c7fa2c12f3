"""How a worker ends when asking is of no use, and that nobody who asked anything is left without an answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory, RunInfo, create_run
from engine.runs.ending import ask_by_signal, end_now
from engine.runs.event_log import EventWriter
from engine.runs.lock import Lock
from tests.engine.runs.workers import wait_for, wait_for_end
from tests.own_encoders import GOOD, preset_for, write_code

SMALL = [
    "encoder.d_model=16", "encoder.ffn=24", "segments.batch_size=8", "segments.frames=32", "run.threads=1",
    "run.device=cpu", "run.steps=100000", "validation.every=50000",
]  # fmt: skip
TRAINED = 40
BREAKS_IN_VALIDATION = f"""    trained = 0

    def forward(self, frames, mask):
        self.trained += self.training
        if self.trained > {TRAINED} and not self.training:
            raise ValueError("not today")
"""


def endless(*overrides: str) -> Preset:
    return with_overrides(find_preset("conformer-225k", SMALL), overrides)


def test_a_worker_ended_at_once_leaves_a_run_that_goes_on_from_what_was_saved(corpus: Path, tmp_path: Path) -> None:
    run = client.start_run(endless("run.save_every_seconds=0.05"), str(corpus), tmp_path)
    wait_for(run, lambda event: isinstance(event, e.Checkpoint))
    end_now(run)
    assert not run.alive
    state = run.state()
    assert run.condition(state) == "interrupted"
    saved = state.last_saved_step
    assert saved
    client.resume_run(run)
    wait_for(run, lambda event: isinstance(event, e.Resumed) and event.step >= saved)
    ask_by_signal(run)
    last = wait_for_end(run)[-1]
    assert isinstance(last, e.Finished)
    assert last.reason == "stopped"
    with pytest.raises(InputError, match="no worker any more"):
        end_now(run)


def test_a_process_that_does_not_hold_the_lock_is_never_touched(tmp_path: Path) -> None:
    info = RunInfo(id="a", preset="conformer-225k", corpus="demo", created=1.0, host="", command=[])
    run = create_run(tmp_path, find_preset("conformer-225k"), info)
    other = RunDirectory(tmp_path / "b")
    other.path.mkdir()
    held = Lock(run.lock_path)
    mine, theirs = os.getpid(), os.getppid()
    for number in (theirs, 0, 2**22 + 1):
        EventWriter(run.events_path).write(e.Queued(process=number))
        with pytest.raises(InputError, match="not found on this machine"):
            end_now(run)
    EventWriter(other.events_path).write(e.Queued(process=mine))
    with pytest.raises(InputError, match="no worker any more"):
        end_now(other)
    held.release()


def test_a_save_whose_validation_fails_the_run_is_answered(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))
    broken = GOOD.replace("    def forward(self, frames, mask):\n", BREAKS_IN_VALIDATION)
    quiet = [*SMALL[-2:], "divergence.look_every=10000"]
    preset = with_overrides(preset_for(write_code(tmp_path / "mine", broken)), quiet)
    run = client.start_run(preset, str(corpus), tmp_path / "runs")
    wait_for(run, lambda event: isinstance(event, e.Progress) and event.step > TRAINED)
    with pytest.raises(InputError, match=r"the run failed: .*not today.*could not save"):
        client.save_best(run, tmp_path / "best.safetensors")
    events = wait_for_end(run)
    assert [type(event) for event in events[-2:]] == [e.Answered, e.Failed]
