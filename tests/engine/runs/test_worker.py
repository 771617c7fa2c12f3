"""The real worker process on a real folder of audio: whole runs, requests, signals."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import soundfile
import torch
from safetensors.torch import load_file

from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs import events as e
from engine.use.loading import load_best
from tests.engine.runs.workers import wait_for, wait_for_end, worker_of
from tests.made_corpora import RATE, voice

TINY = [
    "encoder.d_model=16", "encoder.ffn=24", "segments.batch_size=8", "segments.frames=32", "run.threads=1",
    "run.device=cpu",
]  # fmt: skip


def tiny(*overrides: str) -> Preset:
    return with_overrides(find_preset("conformer-225k", TINY), ["run.steps=40", "validation.every=10", *overrides])


def test_a_run_from_a_folder_of_audio_to_the_best_checkpoint(corpus: Path, tmp_path: Path) -> None:
    run = client.start_run(tiny(), str(corpus), tmp_path)
    events = wait_for_end(run)
    kinds = [type(event).__name__ for event in events]
    assert kinds[0] == "Queued"
    assert kinds.index("Preparing") < kinds.index("Started") < kinds.index("Progress") < kinds.index("Validated")
    assert isinstance(events[-1], e.Finished), run.console_path.read_text()
    assert events[-1].reason == "completed"
    state = run.state()
    assert run.condition(state) == "finished"
    assert state.started is not None
    assert state.started.speakers == 4
    assert state.started.train_utterances + state.started.validation_utterances == 40
    assert load_file(run.best_path)
    info = run.info()
    assert info.fingerprint
    assert info.device == "cpu"
    assert "torch" in info.versions
    with pytest.raises(InputError, match="--steps"):
        client.resume_run(run)


def test_a_run_packs_the_changed_copies_that_its_preset_asks_for_from_a_folder_named_from_here(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "hum.wav", voice(50, 1.0, 0), RATE)
    (tmp_path / "noise" / "broken.wav").write_bytes(b"RIFF nothing")
    monkeypatch.chdir(tmp_path)
    changes = ["augment.noise=noise", "augment.speeds=[1.1]", "augment.speeds_are_speakers=true"]
    run = client.start_run(tiny(*changes), str(corpus), tmp_path / "runs")
    assert run.preset().augment.noise == str((tmp_path / "noise").resolve())
    events = wait_for_end(run)
    stages = list(dict.fromkeys(event.stage for event in events if isinstance(event, e.Preparing)))
    assert stages[-3:] == ["packing copy 1 of 2 (speed 1.1)", "packing copy 2 of 2 (noise)", "loading PyTorch"]
    findings = [event.finding for event in events if isinstance(event, e.Diagnosis)]
    assert any("as changed copies: speed 1.1, noise" in finding for finding in findings)
    assert any("broken.wav" in finding and "1 unusable noise" in finding for finding in findings)
    assert isinstance(events[-1], e.Finished), run.console_path.read_text()
    assert run.state().started.speakers == 4
    assert load_best(run.best_path)[1].speakers == [f"speaker0{number}" for number in range(4)]


def test_pause_continue_save_and_stop_from_another_process(corpus: Path, tmp_path: Path) -> None:
    run = client.start_run(tiny("run.steps=100000", "validation.every=50000"), str(corpus), tmp_path)
    wait_for(run, lambda event: isinstance(event, e.Progress))
    assert client.ask_and_wait(run, "pause").ok
    assert run.condition(run.state()) == "paused"
    assert client.ask_and_wait(run, "continue").ok
    saved = client.save_best(run, tmp_path / "out" / "mine.safetensors")
    assert load_file(saved).keys() == load_file(run.best_path).keys()
    with pytest.raises(InputError, match="still training"):
        run.delete()
    with pytest.raises(InputError, match="training already"):
        client.resume_run(run)
    assert client.ask_and_wait(run, "stop").ok
    events = wait_for_end(run)
    assert isinstance(events[-1], e.Finished)
    assert events[-1].reason == "stopped"
    assert run.condition(run.state()) == "stopped"


def test_sigterm_means_stop_and_save_and_a_closed_terminal_means_nothing(corpus: Path, tmp_path: Path) -> None:
    run = client.start_run(tiny("run.steps=100000", "validation.every=50000"), str(corpus), tmp_path)
    wait_for(run, lambda event: isinstance(event, e.Progress))
    process = worker_of(run)
    os.kill(process, signal.SIGHUP)
    after = run.state().step
    wait_for(run, lambda event: isinstance(event, e.Progress) and event.step > after)
    os.kill(process, signal.SIGTERM)
    assert wait_for_end(run)[-1].reason == "stopped"
    assert run.last_path.exists()


def test_a_stop_while_the_corpus_is_prepared_ends_the_run(corpus: Path, tmp_path: Path) -> None:
    run = client.start_run(tiny(), str(corpus), tmp_path)
    wait_for(run, lambda event: isinstance(event, e.Preparing))
    client.ask(run, "stop")
    assert wait_for_end(run)[-1].reason == "stopped"


@pytest.mark.parametrize(
    ("break_it", "cause", "said"),
    [("no speech", "input", "no speaker is left"), ("bad device", "input", "no CUDA device")],
)
def test_bad_input_is_a_last_word_that_a_person_can_read(
    tmp_path: Path, corpus: Path, break_it: str, cause: str, said: str
) -> None:
    if break_it == "no speech":
        folder = tmp_path / "silence"
        for speaker in ("a", "b"):
            (folder / speaker).mkdir(parents=True)
            (folder / speaker / "1.wav").write_bytes(b"not audio")
        run = client.start_run(tiny(), str(folder), tmp_path / "runs")
    else:
        if torch.cuda.is_available():
            pytest.skip("this machine has a CUDA device")
        run = client.start_run(tiny("run.device=cuda"), str(corpus), tmp_path / "runs")
    last = wait_for_end(run)[-1]
    assert isinstance(last, e.Failed)
    assert last.cause == cause
    assert said in last.message
    assert run.console_path.read_text() == ""
