"""The real `spk-tui` in a real pseudo-terminal: the main job as a person does it, leaving, and being told to leave."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.runs import client
from engine.runs.directory import RunDirectory, list_runs
from engine.use.loading import load_best
from tests.end_to_end.terminal import Terminal, worker_folders

SPK_TUI = [sys.executable, "-m", "spk_tui"]
SMALL_DEMO = "demo:6x8"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user who has trained on a small demo corpus once, from the command line."""
    root = tmp_path_factory.mktemp("home")
    command = ["train", "quick-tour", "--data", SMALL_DEMO, "--steps", "2", "--display", "plain", "--device", "cpu"]
    done = subprocess.run([*SPK_TUI, *command], env=worker_folders(root), capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    yield root
    for run in list_runs(root / "runs"):
        if run.alive:
            client.ask(run, "stop")


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    opened = Terminal(SPK_TUI, worker_folders(home))
    yield opened
    opened.close()


def start_quick_tour(terminal: Terminal) -> None:
    """Picks the preset and the small corpus, and starts a run of many steps."""
    terminal.wait_for("quick-tour")
    terminal.wait_for("fits")
    terminal.press("c")
    terminal.wait_for("A folder…")
    terminal.press("down", "enter")
    terminal.wait_for("6 speakers, 48 utterances")
    terminal.press("n")
    terminal.wait_for(lambda text: "q Quit" not in text)  # the keyboard is in the first number now
    terminal.press("ctrl+u")
    terminal.wait_for("run.steps = ''")
    terminal.press("20000")
    terminal.wait_for("steps         20000")
    terminal.press("f5")
    terminal.wait_for("● training")


def newest(home: Path) -> RunDirectory:
    return list_runs(home / "runs")[0]


def wait_until_dead(run: RunDirectory, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while run.alive:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_pick_a_preset_train_watch_stop_and_hold_the_best_checkpoint(terminal: Terminal, home: Path) -> None:
    start_quick_tour(terminal)
    terminal.wait_for("best model saved", seconds=120)
    screen = terminal.wait_for(lambda text: "step/s" in text and any("⠀" < letter <= "⣿" for letter in text))
    assert "Accuracy" in screen
    assert "Learning rate" in screen
    terminal.press("x")
    terminal.wait_for("Stop and save")
    terminal.press("enter")
    terminal.wait_for("stopped", seconds=120)
    run = newest(home)
    wait_until_dead(run)
    model, saved = load_best(run.best_path)
    assert saved.preset.name == "quick-tour"
    assert len(saved.speakers) == 6
    assert sum(parameter.numel() for parameter in model.encoder.parameters()) == 29_320
    terminal.press("q")
    assert terminal.wait_for_end() == 0
    assert b"\x1b[?1049l" in terminal.raw, "the terminal's own screen is not given back"


def test_the_training_outlives_the_dashboard_and_is_there_when_one_comes_back(terminal: Terminal, home: Path) -> None:
    start_quick_tour(terminal)
    run = newest(home)
    terminal.press("q")
    terminal.wait_for("Keep training")
    terminal.press("enter")
    assert terminal.wait_for_end() == 0
    assert "goes on training" in terminal.text
    assert run.alive
    again = Terminal(SPK_TUI, worker_folders(home), columns=80, rows=24)
    try:
        again.wait_for("quick-tour")
        again.press("f3")
        again.wait_for("● training")
        again.press("enter")
        again.wait_for("step/s")
        again.press("q")
        again.wait_for("Stop and save")
        again.press("right", "enter")
        assert again.wait_for_end() == 0
    finally:
        again.close()
    wait_until_dead(run)
    assert run.condition(run.state()) == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_clean_and_the_training_running(
    terminal: Terminal, home: Path, number: signal.Signals
) -> None:
    start_quick_tour(terminal)
    run = newest(home)
    terminal.process.send_signal(number)
    terminal.wait_for_end()
    assert b"\x1b[?1049l" in terminal.raw
    assert b"\x1b[?25h" in terminal.raw, "the cursor stays hidden"
    assert b"\x1b[?1000l" in terminal.raw, "the mouse stays captured"
    assert run.alive
    client.ask(run, "stop")
    wait_until_dead(run)
