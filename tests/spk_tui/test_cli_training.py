"""The commands that train, with the real worker on a few synthetic voices: events, bars, Ctrl+C, steering, resuming."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.preset_file import to_toml, with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory, find_run, list_runs
from engine.runs.event_log import EventReader
from spk_tui import notebook

SMALL = ["--data", "demo:4x6", "--set", "validation.every=20", "--set", "run.threads=1"]
WITHOUT_END = [*SMALL, "--steps", "1000000"]
PATIENCE = 120.0


class Home:
    """Folders of its own for runs, cache and presets, and the program started in them as a process."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self.environment = {
            **os.environ,
            **{f"SPK_TUI_{name}": str(folder / name.lower()) for name in ("RUNS", "CACHE", "CONFIG")},
        }

    def run(self, *arguments: str, patience: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """One command to its end, without a terminal."""
        return subprocess.run(
            self._command(arguments), env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=patience, check=False,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """One command that goes on; its stdout can be read line by line."""
        return subprocess.Popen(
            self._command(arguments), env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "spk_tui", *arguments]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"))
    yield made
    for run in list_runs(made.runs):  # a test that failed midway leaves no worker behind
        queued = [event for event in EventReader(run.events_path).read() if isinstance(event, e.Queued)]
        if run.alive and queued:
            os.kill(queued[-1].process, signal.SIGKILL)


@pytest.fixture(scope="module")
def finished(home: Home) -> tuple[RunDirectory, subprocess.CompletedProcess[str]]:
    """A run of 40 steps that was followed as JSON to its end."""
    ended = home.run("train", "quick-tour", *SMALL, "--steps", "40", "--display", "json")
    return list_runs(home.runs)[0], ended


def wait_for(run: RunDirectory, kind: type[e.Event], after: int = 0) -> e.AnyEvent:
    """The first event of that kind behind a number of events; fails when the worker dies or is silent for long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        alive = run.alive
        for event in EventReader(run.events_path).read()[after:]:
            if isinstance(event, kind):
                return event
        assert alive or time.monotonic() < deadline - PATIENCE + 20, run.console_path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"no {kind.__name__} in {PATIENCE:.0f} s")


def wait_for_end(run: RunDirectory) -> None:
    deadline = time.monotonic() + PATIENCE
    while run.alive:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What the process wrote on stdout up to the line with the word."""
    assert process.stdout is not None
    written = ""
    for line in process.stdout:
        written += line
        if word in line:
            return written
    raise AssertionError(f"'{word}' never came after: {written}")


def test_each_event_is_a_line_on_stdout_as_it_is_in_the_log(
    finished: tuple[RunDirectory, subprocess.CompletedProcess[str]],
) -> None:
    run, ended = finished
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == run.events_path.read_text()
    assert ended.stderr == ""


def test_the_events_keep_their_promise_to_scripts(
    finished: tuple[RunDirectory, subprocess.CompletedProcess[str]],
) -> None:
    run, ended = finished
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert all({"event", "time", "step"} <= set(event) for event in events)
    promised = {
        "progress": {"steps_per_second", "loss", "accuracy", "learning_rate"},
        "validated": {"loss", "segment_accuracy", "utterance_accuracy", "utterances_per_second"},
        "checkpoint": {"kind", "path", "accuracy"},
        "finished": {"reason", "best_accuracy", "best_step", "run"},
    }
    for kind, fields in promised.items():
        of_kind = [event for event in events if event["event"] == kind]
        assert of_kind, kind
        assert all(fields <= set(event) for event in of_kind)
    last = events[-1]
    assert (last["event"], last["reason"], last["step"], last["run"]) == ("finished", "completed", 40, str(run.path))
    best = [event for event in events if event["event"] == "checkpoint" and event["kind"] == "best"][-1]
    assert (best["accuracy"], best["step"]) == (last["best_accuracy"], last["best_step"])


def test_attach_to_a_finished_run_ends_with_its_accuracy_and_best_checkpoint(
    home: Home, finished: tuple[RunDirectory, subprocess.CompletedProcess[str]]
) -> None:
    run, _ = finished
    ended = home.run("attach", run.id)
    assert ended.returncode == 0
    best, path = ended.stdout.splitlines()[-2:]
    assert best.startswith("best accuracy ")
    assert path == f"best checkpoint {run.best_path}"
    assert run.best_path.is_file()
    replayed = home.run("attach", run.id, "--json")
    assert replayed.stdout == run.events_path.read_text()


def test_a_finished_run_goes_on_for_more_steps(
    home: Home, finished: tuple[RunDirectory, subprocess.CompletedProcess[str]]
) -> None:
    run, _ = finished
    before = len(EventReader(run.events_path).read())
    ended = home.run("resume", run.id, "--steps", "60", "--display", "json")
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(EventReader(run.events_path).read()) == before + len(events)
    assert [event["step"] for event in events if event["event"] == "resumed"] == [40]
    assert (events[-1]["event"], events[-1]["step"]) == ("finished", 60)


def test_a_run_is_steered_from_other_processes(home: Home, tmp_path: Path) -> None:
    started = home.run("train", "quick-tour", *WITHOUT_END, "--detach", "--json")
    assert started.returncode == 0, started.stderr
    run = RunDirectory(Path(json.loads(started.stdout)["run"]))
    wait_for(run, e.Progress)

    paused = json.loads(home.run("pause", "last", "--json").stdout)
    assert (paused["id"], paused["request"], paused["ok"]) == (run.id, "pause", True)
    assert json.loads(home.run("runs", "--json").stdout)[0]["state"] == "paused"
    step = run.state().step

    continued = json.loads(home.run("continue", run.id, "--json").stdout)
    assert continued["ok"]
    wait_for(run, e.Validated)

    saved = json.loads(home.run("save", "last", str(tmp_path / "kept.safetensors"), "--json").stdout)
    assert Path(saved["saved"]).read_bytes()[:1] != b""

    stopped = home.run("stop", "last", "--json")
    assert stopped.returncode == 0, stopped.stderr
    told = json.loads(stopped.stdout)
    assert (told["id"], told["state"]) == (run.id, "stopped")
    assert told["step"] > step
    assert Path(told["best_checkpoint"]).is_file()
    assert Path(told["last_checkpoint"]).is_file()
    assert not run.alive
    assert home.run("stop", "last").returncode == 2


def test_the_first_ctrl_c_stops_and_saves_and_waits(home: Home) -> None:
    process = home.start("train", "quick-tour", *WITHOUT_END, "--display", "plain")
    read_until(process, "step 20: best model saved")
    process.send_signal(signal.SIGINT)
    written, wrong = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, wrong
    assert "Ctrl+C again leaves it to the background" in written
    run = list_runs(home.runs)[0]
    state = run.state()
    assert state.phase == "stopped"
    assert not run.alive
    assert state.last_saved_step == state.step
    assert written.splitlines()[-1] == f"best checkpoint {run.best_path}"


def test_a_second_ctrl_c_leaves_the_run_to_the_background(home: Home) -> None:
    process = home.start("train", "quick-tour", *WITHOUT_END, "--display", "plain")
    read_until(process, "run ")
    run = list_runs(home.runs)[0]
    process.send_signal(signal.SIGINT)
    read_until(process, "Ctrl+C again leaves it")
    process.send_signal(signal.SIGINT)
    written, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert f"'spk-tui attach {run.id}' shows it again" in written
    if run.alive:
        subprocess.run([*process.args[:3], "stop", run.id], env=home.environment, check=False, capture_output=True)  # type: ignore[index]
    wait_for_end(run)


def test_ctrl_c_while_attached_leaves_the_run_training(home: Home) -> None:
    started = json.loads(home.run("train", "quick-tour", *WITHOUT_END, "--detach", "--json").stdout)
    run = RunDirectory(Path(started["run"]))
    process = home.start("attach", "last", "--display", "plain")
    read_until(process, "best model saved")
    process.send_signal(signal.SIGINT)
    written, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "it goes on in the background" in written
    seen = len(EventReader(run.events_path).read())
    wait_for(run, e.Progress, after=seen)
    assert home.run("stop", run.id).returncode == 0


def test_a_killed_worker_is_told_with_exit_code_3_and_the_run_can_be_resumed(home: Home) -> None:
    process = home.start("train", "quick-tour", *SMALL, "--steps", "100", "--display", "plain")
    read_until(process, "step 20: best model saved")
    run = list_runs(home.runs)[0]
    queued = wait_for(run, e.Queued)
    assert isinstance(queued, e.Queued)
    deadline = time.monotonic() + PATIENCE
    while not run.last_path.is_file():  # the best is saved first; without this one there is nothing to resume from
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(queued.process, signal.SIGKILL)
    written, wrong = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert "gone without a last word" in wrong
    assert f"'spk-tui resume {run.id}' goes on" in written
    resumed = home.run("resume", run.id)
    assert resumed.returncode == 0, resumed.stderr
    assert find_run(run.id, home.runs).state().step == 100


def test_a_diverged_run_has_exit_code_3(home: Home) -> None:
    # Each step multiplies all weights by 1 - 10 x 1, whatever the gradients: infinite after some forty.
    wild = [
        "optimizer.learning_rate=10",
        "optimizer.weight_decay=1",
        "schedule.kind=constant",
        "schedule.warmup_steps=0",
        "divergence.policy=stop",
    ]
    ended = home.run("train", "quick-tour", *SMALL, *[f"--set={key}" for key in wild], "--steps", "2000")
    state = list_runs(home.runs)[0].state()
    assert state.failed is not None
    assert state.failed.cause == "diverged"
    assert ended.returncode == 3
    assert state.failed.message in ended.stderr


def test_noise_that_is_not_there_is_bad_input_and_makes_no_run(home: Home) -> None:
    before = len(list_runs(home.runs))
    ended = home.run("train", "quick-tour", *SMALL, "--set", "augment.noise=nowhere/musan")
    assert ended.returncode == 2
    assert "augment.noise = 'nowhere/musan': there is no such folder" in ended.stderr
    assert len(list_runs(home.runs)) == before


def test_a_device_that_is_not_there_is_bad_input(home: Home) -> None:
    ended = home.run("train", "quick-tour", *SMALL, "--steps", "20", "--device", "cuda:63")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "cuda" in ended.stderr


def test_in_a_terminal_the_bars_move(home: Home) -> None:
    shown = in_terminal(home, "train", "quick-tour", *SMALL, "--steps", "40")
    frames = shown.replace("\r\n", "\n").replace("\r", "\n").splitlines()
    assert any(frame.startswith("Train: 100% 20/20 [") and "step=20]" in frame for frame in frames)
    assert any(re.match(r"Valid: 100% (\d+)/\1 \[.* uttr/s, accuracy=", frame) for frame in frames)
    assert any("best model saved (accuracy " in frame for frame in frames)
    assert frames[-1].startswith("best checkpoint ")


@pytest.mark.timeout(400)
def test_without_a_terminal_the_bare_program_trains_the_quick_tour(home: Home) -> None:
    own = Path(home.environment["SPK_TUI_CONFIG"]) / "presets"
    own.mkdir(parents=True)
    quick_tour = with_overrides(find_preset("quick-tour"), ["run.steps=30", "validation.every=15"])
    (own / "quick-tour.toml").write_text(to_toml(quick_tour))
    ended = home.run(patience=380.0)
    assert ended.returncode == 0, ended.stderr
    best, path = ended.stdout.splitlines()[-2:]
    assert re.match(r"best accuracy 0\.\d{4} by segment, 0\.\d{4} on whole utterances, at step \d+", best)
    run = list_runs(home.runs)[0]
    assert path == f"best checkpoint {run.best_path}"
    assert (run.info().preset, run.info().corpus) == ("quick-tour", "demo")


def test_a_notebook_cell_that_is_run_again_takes_up_the_run_it_began(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)
    settings = {"overrides": ["validation.every=20", "run.threads=1"], "steps": 40, "runs": tmp_path, "go_on": True}
    first = notebook.train("quick-tour", "demo:4x6", **settings)  # type: ignore[arg-type]
    assert first.state().phase == "finished"
    assert first.best_path.is_file()
    assert notebook.train("quick-tour", "demo:4x6", **settings).path.samefile(first.path)  # type: ignore[arg-type]
    assert len(list_runs(tmp_path)) == 1
    assert notebook.resume(steps=50, runs=tmp_path).state().step == 50


def in_terminal(home: Home, *arguments: str) -> str:
    """Everything the program draws in a pseudo-terminal of 120 columns until it ends well."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = {**home.environment, "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "spk_tui", *arguments], env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    drawn = b""
    try:
        while chunk := os.read(leader, 65_536):
            drawn += chunk
    except OSError:
        pass  # Linux reports a closed pseudo-terminal as an error
    finally:
        os.close(leader)
    assert process.wait(PATIENCE) == 0, drawn.decode()
    return drawn.decode()
