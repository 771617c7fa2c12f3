"""One run that real dashboards watch, whatever happens to terminals and processes: the run goes on, and so do they.

The steps of one test share a run, since each run has to be trained; the ways of a single dashboard are in
`test_dashboard.py`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from engine.runs import client
from engine.runs.directory import RunDirectory, list_runs
from tests.end_to_end.terminal import Terminal, worker_folders

SPK_TUI = [sys.executable, "-m", "spk_tui"]
STEP = re.compile(r"step ([\d,]+) of")
SIZES = ((200, 60), (60, 15), (80, 24), (120, 40))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunDirectory]:
    """A run that trains for longer than all tests of this file take."""
    root = tmp_path_factory.mktemp("home")
    started = subprocess.run(
        [*SPK_TUI, "train", "quick-tour", "--data", "demo:6x8", "--steps", "1000000", "--device", "cpu", "--detach"],
        env=worker_folders(root), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert started.returncode == 0, started.stdout + started.stderr
    (only,) = list_runs(root / "runs")
    yield only
    if only.alive:
        client.ask(only, "stop")


@pytest.fixture
def watching(run: RunDirectory) -> Iterator[Callable[..., Terminal]]:
    """Opens dashboards on the run's training screen; closed afterwards."""
    terminals: list[Terminal] = []

    def watch(columns: int = 120, rows: int = 40) -> Terminal:
        one = Terminal(SPK_TUI, worker_folders(run.path.parent.parent), columns, rows)
        terminals.append(one)
        one.wait_for("quick-tour")
        one.press("f3")
        one.wait_for("● training")
        one.press("enter")
        one.wait_for(lambda text: STEP.search(text) is not None and "step/s" in text)
        return one

    yield watch
    for one in terminals:
        one.close()


def step_on(text: str) -> int:
    """The step that a training screen shows."""
    found = STEP.search(text)
    return int(found.group(1).replace(",", "")) if found else -1


def wait_for_steps(one: Terminal, more: int = 1) -> None:
    """Until the screen shows a later step than now."""
    now = step_on(one.text)
    one.wait_for(lambda text: step_on(text) >= now + more)


def test_a_terminal_may_take_any_size_at_any_time(run: RunDirectory, watching: Callable[..., Terminal]) -> None:
    one = watching(80, 24)
    for columns, rows in SIZES:
        one.resize(columns, rows)
        one.wait_for(lambda text, last=rows - 1: "x Stop" in text.splitlines()[last] and step_on(text) > 0)  # type: ignore[misc]
        wait_for_steps(one)
        assert "Traceback" not in one.text
    for columns, rows in SIZES * 3:  # as a window that is pulled, with nobody waiting
        one.resize(columns, rows)
    wait_for_steps(one)
    assert "Loss" in one.text
    assert "Traceback" not in run.console_path.read_text(encoding="utf-8")


def test_two_dashboards_on_one_run_agree(run: RunDirectory, watching: Callable[..., Terminal]) -> None:
    one, other = watching(), watching(80, 24)
    one.press("space")
    for terminal in (one, other):
        terminal.wait_for("▸ paused")
    assert step_on(one.text) == step_on(other.text) == run.state().step
    other.press("space")
    for terminal in (one, other):
        terminal.wait_for(lambda text: "▸ paused" not in text)
        wait_for_steps(terminal)


def test_a_killed_dashboard_leaves_the_run_which_another_one_finds(
    run: RunDirectory, watching: Callable[..., Terminal]
) -> None:
    killed = watching()
    before = step_on(killed.text)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait(timeout=5)
    assert run.alive
    again = watching(80, 24)
    assert step_on(again.text) >= before
    wait_for_steps(again)
    assert len(list_runs(run.path.parent)) == 1


def test_a_lost_terminal_ends_the_dashboard_within_five_seconds_without_spinning_and_not_the_training(
    run: RunDirectory, watching: Callable[..., Terminal]
) -> None:
    one = watching()
    before, ended = psutil.Process(one.process.pid).cpu_times(), os.times().children_user
    one.hang_up()
    assert one.process.wait(timeout=5) is not None
    assert os.times().children_user - ended - before.user < 1.0, "it computed while there was nobody to see it"
    assert run.alive


def test_a_killed_worker_is_told_and_its_run_resumed(run: RunDirectory, watching: Callable[..., Terminal]) -> None:
    one = watching()
    one.wait_for("best model saved", seconds=120)
    queued = run.state().queued
    assert queued is not None
    os.kill(queued.process, signal.SIGKILL)
    one.wait_for("interrupted")
    assert "its worker is gone" in one.text
    one.press("r")
    one.wait_for("It goes on from step")
    one.press("enter")
    one.wait_for("resumed towards 1,000,000", seconds=120)
    wait_for_steps(one)
    again = run.state().queued
    assert again is not None
    assert again.process != queued.process
