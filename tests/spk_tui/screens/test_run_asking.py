"""What is asked of a run that is watched: ending it, saving its best, resuming it for longer, and a note on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.preset_file import to_toml
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import Labels, RunDirectory
from engine.runs.requests import Request, append_request
from spk_tui.screens.line_dialog import LineDialog
from spk_tui.screens.note_dialog import NoteDialog
from spk_tui.screens.question import Question
from spk_tui.screens.save_dialog import SaveDialog
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.path_input import PathInput
from tests.spk_tui.dashboards import Home, Life, asked, notices, seen, until
from tests.spk_tui.run_directories import BEGAN, finished_run, training_run, write
from tests.spk_tui.screens.test_run_panes import open_run

LATER = BEGAN + 4000
HOLDER = """
import pathlib, sys, time
from engine.runs.lock import Lock
lock = Lock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def stuck(home: Home) -> Iterator[tuple[RunDirectory, subprocess.Popen[str]]]:
    """A run whose worker is a real process that holds its lock and hears nothing."""
    run = training_run(home.runs)
    command = [sys.executable, "-c", HOLDER, str(run.lock_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    write(run, e.Queued(process=process.pid, time=LATER), e.Resumed(step=42_000, steps=70_000, time=LATER),
          e.Progress(step=42_100, time=LATER, steps=100, steps_per_second=12.0, loss=1.0, accuracy=0.5,
                     learning_rate=1e-3, gradient_norm=1.0))  # fmt: skip
    yield run, process
    process.kill()
    process.wait()


async def test_a_run_that_does_not_stop_is_ended_only_when_one_asks_again(
    home: Home, stuck: tuple[RunDirectory, subprocess.Popen[str]]
) -> None:
    run, process = stuck
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("x")
        await until(pilot, "Stop this run?")
        await pilot.press("enter")
        await until(pilot, lambda: asked(run) == ["stop"])
        await until(pilot, "▸ stopping")
        assert "asked to stop after the step in hand" in seen(pilot)
        await until(pilot, "x End now")
        await pilot.press("x")
        await until(pilot, "End this run now?")
        assert "100 steps are lost" in " ".join(seen(pilot).replace("│", " ").split())
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert process.poll() is None
        await pilot.press("x")
        await until(pilot, "End this run now?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: process.poll() is not None)
        await until(pilot, "◌ interrupted")
        assert asked(run) == ["stop"]


async def test_a_request_of_another_terminal_is_seen_until_it_is_answered(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    append_request(run.requests_path, Request(request="stop", time=BEGAN - 60))  # of an earlier worker
    async with home.open() as pilot:
        await open_run(pilot, run)
        assert "▸ training" in seen(pilot)
        request = client.ask(run, "pause")
        await until(pilot, "▸ pausing")
        write(run, e.Paused(step=42_000, time=LATER), e.Answered(request=request.id, ok=True, message="paused"))
        await until(pilot, "▸ paused")


async def test_a_pause_for_want_of_room_can_not_be_continued_by_a_key(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    full = e.Diagnosis(step=42_000, time=LATER, severity="error", finding="the disk is full: last.pt", advice="free it")
    write(run, full, e.Paused(step=42_000, time=LATER, waits_for="room"))
    async with home.open((80, 24)) as pilot:
        screen = await open_run(pilot, run)
        assert "▸ waiting for room   the disk is full; goes on by itself when there is room" in seen(pilot)
        assert not screen.check_action("continue", ())
        assert screen.check_action("stop", ())


async def test_the_stop_of_a_run_without_a_best_says_that_it_validates(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=1500))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("x")
        await until(pilot, "one validation, since there is no best model yet")


def write_best(run: RunDirectory) -> None:
    """A best checkpoint with the metadata of a real one."""
    metadata = {
        "format": "1", "preset": to_toml(find_preset("conformer-225k")), "features": "{}",
        "speakers": '["a","b","c"]', "step": "1200", "encoder_file": "mine.py",
        "scores": '{"segment_accuracy":0.5,"utterance_accuracy":0.625,"loss":1.0}',
    }  # fmt: skip
    save_file({"encoder.weight": np.zeros((500, 500), np.float32)}, run.best_path, metadata)


async def test_a_save_shows_what_is_in_the_file_and_asks_before_one_is_replaced(home: Home) -> None:
    run = finished_run(home.runs, until=2000)
    write_best(run)
    kept = home.root / "kept.safetensors"
    kept.write_bytes(b"older")
    async with home.open((80, 24)) as pilot:
        screen = await open_run(pilot, run)
        for answer in ("escape", "enter"):
            await pilot.press("s")
            await until(pilot, lambda: isinstance(pilot.app.screen, SaveDialog))
            for fact in ("conformer-225k", "Conformer", "3, by name", "0.5000 by segment, 0.6250 by utterance",
                         "1,200", "1.0 MB", "mine.py, your encoder", "154,880 parameters"):  # fmt: skip
                assert fact in seen(pilot)
            pilot.app.screen.query_one(PathInput).value = str(kept)
            await until(pilot, "it would be replaced")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, Question))
            assert kept.read_bytes() == b"older"
            await pilot.press(answer)
            if answer == "escape":
                await until(pilot, lambda: isinstance(pilot.app.screen, SaveDialog))
                await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen)
        await until(pilot, lambda: "Best checkpoint saved" in notices(pilot))
        assert kept.read_bytes() == run.best_path.read_bytes()


@pytest.mark.parametrize(("reason", "typed", "steps"), [("completed", "3000", 3000), ("stopped", "", None)])
async def test_resuming_asks_for_how_many_steps(
    home: Home, monkeypatch: pytest.MonkeyPatch, reason: str, typed: str, steps: int | None
) -> None:
    run = finished_run(home.runs, reason, until=2000)  # type: ignore[arg-type]
    if reason == "completed":
        write(run, e.Started(steps=2000, device="cpu", device_name="", precision="float32", threads=1, speakers=2,
                             train_utterances=2, validation_utterances=2, encoder_parameters=1, total_parameters=1,
                             seed=0, time=LATER), e.Finished(reason="completed", step=2000, time=LATER,
                                                             best_accuracy=0.5, best_step=2000, run=""))  # fmt: skip
    resumed: list[tuple[str, int | None]] = []
    monkeypatch.setattr(client, "resume_run", lambda run, steps=None, queued=False: resumed.append((run.id, steps)))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineDialog))
        if typed:
            await until(pilot, "4000")
            await pilot.press("ctrl+u", *"1999")
            await until(pilot, "a whole number above 2,000")
            await pilot.press("enter")
            assert isinstance(pilot.app.screen, LineDialog)
            await pilot.press("ctrl+u", *typed)
        await pilot.press("enter")
        await until(pilot, lambda: resumed == [(run.id, steps)])


async def test_a_note_is_kept_and_shown_and_leaves_the_other_labels_alone(home: Home) -> None:
    run = finished_run(home.runs, until=2000)
    run.write_labels(Labels(name="narrow", tags=["report"]))
    async with home.open() as pilot:
        await open_run(pilot, run)
        assert "narrow  ›  speechocean762" in seen(pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        await pilot.press(*"for the report", "tab", "enter")
        await until(pilot, "✎ for the report")
        await until(pilot, "note  for the report")
        assert run.labels() == Labels(name="narrow", notes="for the report", tags=["report"])
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        assert run.labels().notes == "for the report"
