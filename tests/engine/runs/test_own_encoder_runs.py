"""The real worker with a user's own encoder: its copy, its checks, its errors, and going on after a stop."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import torch

from engine.errors import InputError
from engine.model_settings import OwnEncoder
from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.trust import NotTrusted, trust_path
from engine.use.loading import load_best
from tests.own_encoders import GOOD, attention, preset_for, write_code


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))


def to_the_end(run: RunDirectory, last_words: int = 1) -> list[e.AnyEvent]:
    """All events of the run, once so many of its workers have said their last word and ended."""
    deadline = time.monotonic() + 120
    while True:
        alive, events = run.alive, EventReader(run.events_path).read()
        if not alive and sum(isinstance(event, e.Finished | e.Failed) for event in events) == last_words:
            return events
        assert time.monotonic() < deadline, run.console_path.read_text()
        time.sleep(0.02)


def test_a_run_keeps_a_copy_and_needs_the_original_no_more(corpus: Path, tmp_path: Path) -> None:
    code = write_code(tmp_path / "mine")
    run = client.start_run(preset_for(code), str(corpus), tmp_path / "runs")
    events = to_the_end(run)
    assert isinstance(events[-1], e.Finished), run.console_path.read_text()
    info = run.info()
    assert (info.encoder_file, info.encoder_sha256) == ("mine.py", code.sha256)
    assert (run.path / "mine.py").read_text() == GOOD
    assert 'kind = "mine.py:Mine"' in run.preset_path.read_text()
    Path(code.path).unlink()
    moved = RunDirectory(run.path.rename(tmp_path / "moved"))
    client.resume_run(moved, steps=30)
    assert [event.step for event in to_the_end(moved, last_words=2) if isinstance(event, e.Finished)] == [20, 30]
    model, _ = load_best(moved.best_path)
    assert type(model.encoder).__name__ == "Mine"
    kept = client.save_best(moved, tmp_path / "kept" / "best.safetensors")
    other, _ = load_best(kept)
    frames = torch.randn(2, 30, 40)
    assert torch.equal(model(frames), other(frames))
    assert sorted(path.name for path in kept.parent.iterdir()) == ["best.safetensors", "mine.py"]


def test_nothing_is_made_for_code_that_is_not_trusted_or_not_good(corpus: Path, tmp_path: Path) -> None:
    code = write_code(tmp_path / "mine", trusted=False)
    with pytest.raises(NotTrusted):
        client.start_run(preset_for(code), str(corpus), tmp_path / "runs")
    broken = write_code(tmp_path / "mine", "class Mine(\n")
    with pytest.raises(InputError, match="line 1: is not valid Python"):
        client.start_run(preset_for(broken), str(corpus), tmp_path / "runs")
    Path(code.path).unlink()
    with pytest.raises(InputError, match="can't be read"):
        client.start_run(preset_for(code), str(corpus), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_changed_copy_is_refused_and_a_strangers_run_never_runs(corpus: Path, tmp_path: Path) -> None:
    run = client.start_run(preset_for(write_code(tmp_path / "mine")), str(corpus), tmp_path / "runs")
    to_the_end(run)
    write_code(run.path, GOOD + "# one more line\n")
    told = run.events_path.read_bytes()
    with pytest.raises(InputError, match=r"mine\.py: is no longer the file that this run began with"):
        client.resume_run(run, steps=30)
    assert run.events_path.read_bytes() == told
    client.launch_worker(run, "--steps", "30")
    last = to_the_end(run, last_words=2)[-1]
    assert isinstance(last, e.Failed)
    assert last.cause == "input"
    assert "mine.py: is no longer the file that this run began with" in last.message
    write_code(run.path, GOOD)
    trust_path().unlink()
    with pytest.raises(NotTrusted):
        client.resume_run(run, steps=30)


def test_an_encoder_that_mixes_utterances_is_stopped_before_the_corpus_is_packed(corpus: Path, tmp_path: Path) -> None:
    code = write_code(tmp_path / "mine", attention(batch_first=False, padding="None"))
    events = to_the_end(client.start_run(preset_for(code), str(corpus), tmp_path / "runs"))
    assert isinstance(events[-1], e.Failed)
    assert events[-1].cause == "input"
    assert "batch and time axes are swapped" in events[-1].message
    stages = {event.stage for event in events if isinstance(event, e.Preparing)}
    assert stages == {"checking the encoder"}


def test_a_run_whose_encoder_hangs_in_its_checks_can_be_stopped(corpus: Path, tmp_path: Path) -> None:
    process = tmp_path / "process"
    hanging = (
        f"import os, time\nopen({str(process)!r} + '.new', 'w').write(str(os.getpid()))\n"
        f"os.rename({str(process)!r} + '.new', {str(process)!r})\nwhile True: time.sleep(1)\n{GOOD}"
    )
    run = client.start_run(preset_for(write_code(tmp_path / "mine", hanging)), str(corpus), tmp_path / "runs")
    deadline = time.monotonic() + 120
    while not process.exists():
        assert time.monotonic() < deadline, run.console_path.read_text()
        time.sleep(0.02)
    assert client.ask_and_wait(run, "stop").ok
    last = to_the_end(run)[-1]
    assert isinstance(last, e.Finished)
    assert last.reason == "stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(int(process.read_text()), 0)


def test_unmasked_padding_is_a_warning_before_the_first_step(corpus: Path, tmp_path: Path) -> None:
    code = write_code(tmp_path / "mine", attention(padding="None"))
    events = to_the_end(client.start_run(preset_for(code), str(corpus), tmp_path / "runs"))
    assert isinstance(events[-1], e.Finished)
    kinds = [type(event) for event in events]
    warned = next(i for i, event in enumerate(events) if isinstance(event, e.Diagnosis) and event.severity == "warning")
    assert "the encoder fails the check 'padding'" in events[warned].finding
    assert "~mask" in events[warned].advice
    assert warned < kinds.index(e.Started)


def test_an_error_in_the_midst_of_training_names_the_line(corpus: Path, tmp_path: Path) -> None:
    text = GOOD.replace(
        "        frames = self.dropout",
        "        if self.training and len(frames) == 8:\n            raise ValueError('a full batch')\n"
        "        frames = self.dropout",
    )
    run = client.start_run(preset_for(write_code(tmp_path / "mine", text)), str(corpus), tmp_path / "runs")
    last = to_the_end(run)[-1]
    assert isinstance(last, e.Failed)
    assert last.cause == "input"
    assert last.message == f"{run.path}/mine.py, line 16, in forward: ValueError: a full batch"
    assert "Traceback" in run.console_path.read_text()


def test_a_killed_run_goes_on_bit_for_bit(corpus: Path, tmp_path: Path) -> None:
    preset = preset_for(write_code(tmp_path / "mine"), "dropout = 0.2")
    whole = client.start_run(preset, str(corpus), tmp_path / "whole")
    to_the_end(whole)
    killed = client.start_run(preset, str(corpus), tmp_path / "killed")
    deadline = time.monotonic() + 60
    while not killed.last_path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    worker = next(event for event in EventReader(killed.events_path).read() if isinstance(event, e.Queued)).process
    os.kill(worker, signal.SIGKILL)
    while killed.alive:
        time.sleep(0.01)
    encoder = killed.preset().encoder
    assert isinstance(encoder, OwnEncoder)
    assert encoder.file == str(killed.path / "mine.py")
    if not killed.state().ended:
        client.resume_run(killed)
        to_the_end(killed)
    one, other = (torch.load(run.last_path, weights_only=True)["model"] for run in (whole, killed))
    assert all(torch.equal(one[name], other[name]) for name in one)
