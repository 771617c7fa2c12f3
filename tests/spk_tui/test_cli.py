"""The commands that train nothing: help, presets, budgets, corpora, lists of runs, and what bad input is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import run_directories as made
import soundfile

from engine.runs import events as e
from engine.runs.lock import Lock
from spk_tui.cli import main
from spk_tui.commands.overview import COMMANDS


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{name}", str(tmp_path / name.lower()))


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    """What a command answers in JSON."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def write_corpus(root: Path, speakers: int = 3, utterances: int = 4, seconds: float = 0.5) -> Path:
    chance = np.random.default_rng(0)
    for speaker in range(speakers):
        folder = root / f"speaker-{speaker}"
        folder.mkdir(parents=True)
        for number in range(utterances):
            soundfile.write(folder / f"{number}.wav", 0.1 * chance.standard_normal(round(16_000 * seconds)), 16_000)
    return root


# ----------------------------------------------------------------------------------------------------------- help


def test_help_answers_within_three_tenths_of_a_second() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "spk_tui", "--help"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.3


def test_the_first_page_of_help_tells_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name}" in page
        assert command.summary in page
    assert max(map(len, page.splitlines())) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_speaks_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    page = capsys.readouterr().out
    assert f"Usage: spk-tui {name}" in page
    assert "--json" in page


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trian", "quick-tour"], "there is no command 'trian', did you mean 'train'?"),
        (["train"], "PRESET"),
        (["train", "quick-tuor"], "no preset is called 'quick-tuor', did you mean 'quick-tour'?"),
        (["train", "quick-tour", "--stesp", "5"], "Did you mean --steps?"),
        (["train", "quick-tour", "--steps", "many"], "--steps"),
        (["train", "quick-tour", "--steps", "0"], "--steps: run.steps = 0 is not allowed"),
        (["train", "quick-tour", "--steps", "-5"], "--steps: run.steps = -5 is not allowed"),
        (["train", "quick-tour", "--device", "tpu"], "--device: run.device = 'tpu' is not allowed"),
        (["train", "quick-tour", "--devices", "0"], "--devices: run.devices = 0 is not allowed"),
        (["train", "quick-tour", "--devices", "999"], "--devices: run.devices = 999 is more than segments.batch_size"),
        (["train", "quick-tour", "--machines", "2"], "--machines and --rendezvous go together"),
        (["train", "quick-tour", "--machines", "2", "--rendezvous", "node1"], "takes HOST:PORT, such as node1:29500"),
        (["train", "quick-tour", "--set", "encoder.layesr=2"], "--set: unknown key encoder.layesr = 2, did you mean"),
        (["train", "quick-tour", "--set", "encoder.heads=3"], "--set: encoder.d_model = 40 is not divisible"),
        (["train", "quick-tour", "--display", "bras"], "bars"),
        (["train", "quick-tour", "--data", "/no/such/folder"], "/no/such/folder: there is no such folder"),
        (["train", "quick-tour", "--data", "demo:1x1"], "demo:1x1"),
        (["train", "/no/such/preset.toml"], "/no/such/preset.toml"),
        (["budget", "quick-tour", "--set", "encoder.layers"], "is not of the form section.key=value"),
        (["data", "/no/such/folder"], "/no/such/folder: there is no such folder"),
        (["attach", "nothing"], "no run is called 'nothing'"),
        (["stop", "last"], "no run is called 'last'"),
        (["runs", "--unknown"], "--unknown"),
    ],
)  # fmt: skip
def test_bad_input_is_one_message_with_exit_code_2_and_nothing_written(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("spk-tui: ")
    assert told in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["pause", "continue", "stop"])
def test_a_run_without_a_worker_cannot_be_asked(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made.finished_run(tmp_path)
    assert main([command, "last", "--runs", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"spk-tui: {run.id} is not running (finished)")
    assert not run.requests_path.exists()


def test_a_finished_run_is_resumed_only_for_more_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made.finished_run(tmp_path)
    before = run.events_path.read_bytes()
    assert main(["resume", "last", "--runs", str(tmp_path)]) == 2
    assert "say --steps N (more than 70000)" in capsys.readouterr().err
    assert main(["resume", "last", "--runs", str(tmp_path), "--steps", "100"]) == 2
    assert main(["resume", "last", "--runs", str(tmp_path), "--steps", "80000", "--devices", "999"]) == 2
    assert "--devices: run.devices = 999 is more than segments.batch_size" in capsys.readouterr().err
    assert run.events_path.read_bytes() == before


def test_our_own_faults_have_exit_code_1_and_leave_the_details_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("seven by nothing")

    monkeypatch.setattr("engine.preset_library.list_presets", broken)
    assert main(["presets"]) == 1
    told = capsys.readouterr().err
    assert "our fault" in told
    assert "ZeroDivisionError: seven by nothing" in told
    assert "Traceback" not in told
    (details,) = (tmp_path / "cache" / "crashes").iterdir()
    assert str(details) in told
    assert "in broken" in details.read_text()
    monkeypatch.setenv("SPK_TUI_DEBUG", "1")
    assert main(["presets"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed_pipe:
        ended = subprocess.run(
            [sys.executable, "-m", "spk_tui", "presets"], stdout=closed_pipe, stderr=subprocess.PIPE, check=False
        )
    assert (ended.returncode, ended.stderr) == (0, b"")


# -------------------------------------------------------------------------------------------------------- looking


def test_presets_lists_the_built_in_ones_and_ones_own_and_says_what_is_wrong_with_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "config" / "presets"
    own.mkdir(parents=True)
    (own / "broken.toml").write_text("[preset]\nname = 'broken'\n[encoder]\nkind = 'transfromer'\n")
    found = {entry["name"]: entry for entry in answer(capsys, "presets")}  # type: ignore[attr-defined]
    assert found["transformer-154k"]["encoder_parameters"] == 154_880
    assert found["conformer-225k"]["encoder_parameters"] == 225_720
    assert found["conformer-225k"]["budget"] == 300_000
    assert not found["quick-tour"]["own"]
    assert found["broken"]["own"]
    assert "encoder.kind = 'transfromer' is unknown" in found["broken"]["problem"]
    assert main(["presets"]) == 0
    text = capsys.readouterr().out
    assert "154,880" in text
    assert "encoder.kind = 'transfromer' is unknown" in text


def test_budget_counts_the_parts_and_follows_changed_keys(capsys: pytest.CaptureFixture[str]) -> None:
    cost = answer(capsys, "budget", "transformer-154k")
    assert isinstance(cost, dict)
    assert (cost["preset"], cost["budget"]) == ("transformer-154k", 300_000)
    assert set(cost["parts"]) == {"front_end", "encoder", "pooling", "head"}
    assert cost["parts"]["encoder"] == 154_880
    assert cost["total"] == sum(cost["parts"].values())
    assert main(["budget", "transformer-154k", "--set", "encoder.share_layers=false"]) == 0
    assert "464,640 parameters, OVER the budget of 300,000 (155 %)" in capsys.readouterr().out


def test_data_tells_what_is_in_a_corpus_and_what_is_wrong_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    (corpus / "speaker-0" / "empty.wav").touch()
    (corpus / "speaker-1" / "broken.flac").write_bytes(b"no audio")
    summary = answer(capsys, "data", str(corpus))
    assert isinstance(summary, dict)
    assert (summary["layout"], summary["speakers"], summary["utterances"]) == ("audio_folder", 3, 12)
    assert summary["hours"] == pytest.approx(12 * 0.5 / 3600)
    problems = {problem["where"]: problem["kind"] for problem in summary["problems"]}
    assert set(problems) == {"speaker-0/empty.wav", "speaker-1/broken.flac"}
    assert main(["data", str(corpus)]) == 0
    text = capsys.readouterr().out
    assert "2 problems" in text
    assert "speaker-1/broken.flac" in text


def test_runs_tells_the_state_of_every_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made.finished_run(tmp_path, name="20250101-000000-one")
    made.finished_run(tmp_path, "stopped", 10_000, name="20250102-000000-two")
    made.training_run(tmp_path, name="20250103-000000-three")
    live = made.training_run(tmp_path, name="20250104-000000-four")
    failed = made.training_run(tmp_path, name="20250105-000000-five")
    made.write(failed, e.Failed(step=42_000, cause="diverged", message="the loss is not a number"))
    lock = Lock(live.lock_path)
    try:
        found = answer(capsys, "runs", "--runs", str(tmp_path))
    finally:
        lock.release()
    states = {entry["id"][-5:].strip("-0"): entry["state"] for entry in found}  # type: ignore[attr-defined]
    assert states == {
        "one": "finished", "two": "stopped", "three": "interrupted", "four": "training", "five": "failed",
    }  # fmt: skip
    newest = next(entry for entry in found if entry["id"] == live.id)  # type: ignore[attr-defined]
    assert (newest["step"], newest["steps"], newest["preset"]) == (42_000, 70_000, "transformer-154k")
    assert newest["best_accuracy"] == live.state().best_accuracy
    assert newest["best_checkpoint"] == str(live.best_path)


def test_runs_of_an_empty_folder_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "runs") == []
    assert main(["runs"]) == 0
    assert f"no runs in {tmp_path / 'runs'} yet" in capsys.readouterr().out


def test_save_copies_the_best_checkpoint_of_a_run_that_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made.finished_run(tmp_path)
    saved = answer(capsys, "save", "last", str(tmp_path / "kept" / "best.safetensors"), "--runs", str(tmp_path))
    assert saved == {"id": run.id, "run": str(run.path), "saved": str(tmp_path / "kept" / "best.safetensors")}
    assert (tmp_path / "kept" / "best.safetensors").read_bytes() == run.best_path.read_bytes()


@pytest.mark.parametrize(
    ("last_event", "code"),
    [
        (e.Finished(step=42_000, reason="stopped", best_accuracy=None, best_step=None, run=""), 0),
        (e.Failed(step=42_000, cause="diverged", message="the loss is not a number"), 3),
        (e.Failed(step=0, cause="error", message="no space is left"), 3),
        (e.Failed(step=0, cause="input", message="run.device = cuda: there is none here"), 2),
        (None, 3),
    ],
)
def test_attach_ends_with_the_outcome_of_the_run(
    last_event: e.AnyEvent | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made.training_run(tmp_path)
    if last_event is not None:
        made.write(run, last_event)
    assert main(["attach", run.id, "--runs", str(tmp_path)]) == code
    told = capsys.readouterr().err
    if isinstance(last_event, e.Failed):
        assert last_event.message in told
    if last_event is None:
        assert "gone without a last word" in told
