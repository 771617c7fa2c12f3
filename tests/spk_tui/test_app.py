"""The app around the screens: going about, help, the palette, the last question before leaving."""

from __future__ import annotations

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from engine.runs.directory import RunDirectory
from spk_tui.screens.help_screen import HelpScreen
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.question import Question
from spk_tui.screens.runs_screen import RunsScreen
from spk_tui.screens.training_screen import TrainingScreen
from tests.spk_tui.dashboards import Home, Life, asked, dashboard_of, seen, until
from tests.spk_tui.run_directories import BEGAN, finished_run, training_run


async def open_run(pilot: Pilot[None], run: RunDirectory) -> None:
    dashboard_of(pilot).open_run(run)
    await until(pilot, "step 4,000")


async def test_the_function_keys_lead_from_anywhere_to_presets_and_runs(home: Home) -> None:
    run = finished_run(home.runs, until=4000)
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await until(pilot, "✓ finished")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        assert len(pilot.app.screen_stack) == 1


# ------------------------------------------------------------------------------------------------ help and palette


@pytest.mark.parametrize(
    ("key", "words"),
    [("f2", ["held against its budget", "F5", "Train it now, on the chosen corpus", "ctrl+p"]),
     ("f3", ["interrupted run is one whose process is gone", "Show the run's curves", "Remove runs with their"])],
)  # fmt: skip
async def test_help_tells_about_the_screen_one_is_on_and_its_keys(home: Home, key: str, words: list[str]) -> None:
    finished_run(home.runs, until=4000)
    async with home.open() as pilot:
        await pilot.press(key)
        await until(pilot, "finished" if key == "f3" else "quick-tour")
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.pause()
        text = " ".join(seen(pilot).replace("│", " ").split())
        for word in words:
            assert word in text
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, HelpScreen))


async def test_help_on_a_run_names_only_the_keys_that_work_now(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=4000))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.resize_terminal(120, 90)  # all of it at once
        await pilot.press("question_mark")
        await until(pilot, "Stop training and save its state")
        assert "Let the training wait" in seen(pilot)
        assert "Go on from the saved state" not in seen(pilot)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))


async def test_the_palette_leads_to_every_screen_and_to_what_can_be_done_here(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=4000))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        told = {entry.help for entry in pilot.app.get_system_commands(pilot.app.screen_stack[-2])}
        assert {"Stop training and save its state", "Go to the list of runs", "Change the colours"} <= told
        await pilot.press(*"stop", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("enter")
        await until(pilot, lambda: asked(run) == ["stop"])


async def test_both_themes_have_all_the_colours(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=4000))
    async with home.open() as pilot:
        await open_run(pilot, run)
        for theme in ("laboratory-day", "laboratory-night"):
            pilot.app.theme = theme
            await pilot.pause()
            assert "● training" in seen(pilot)


# ------------------------------------------------------------------------------------------------ leaving


async def test_without_a_run_that_trains_quitting_asks_nothing(home: Home, life: Life) -> None:
    finished = finished_run(home.runs, until=4000)
    life.give(
        training_run(home.runs, until=4000, name="20251009-080000-other", created=BEGAN - 3600)
    )  # never looked at
    async with home.open() as pilot:
        await open_run(pilot, finished)
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)
        assert dashboard_of(pilot).left_running == []


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_keep_training_is_what_enter_means(home: Home, life: Life, key: str) -> None:
    run = life.give(training_run(home.runs, until=4000))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press(key)
        await until(pilot, "Leave spk-tui?")
        assert run.id in seen(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: not pilot.app.is_running)
        assert dashboard_of(pilot).left_running == [run.id]
        assert asked(run) == []


async def test_stop_and_save_asks_every_run_that_was_shown_and_still_trains(home: Home, life: Life) -> None:
    one = life.give(training_run(home.runs, until=4000))
    other = life.give(training_run(home.runs, until=4000, name="20251009-100000-quick-tour", created=BEGAN + 3600))
    over = finished_run(home.runs, until=4000, name="20251009-110000-quick-tour", created=BEGAN + 7200)
    async with home.open() as pilot:
        for run in (one, other, over):
            await open_run(pilot, run)
            await pilot.press("f2")
        await pilot.press("q")
        await until(pilot, "Leave spk-tui?")
        assert one.id in seen(pilot)
        assert other.id in seen(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: not pilot.app.is_running)
        assert (asked(one), asked(other), asked(over)) == (["stop"], ["stop"], [])
        assert dashboard_of(pilot).left_running == []


@pytest.mark.parametrize("answer", [["escape"], ["right", "right", "enter"]])
async def test_cancel_stays(home: Home, life: Life, answer: list[str]) -> None:
    run = life.give(training_run(home.runs, until=4000))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("q")
        await until(pilot, "Leave spk-tui?")
        await pilot.press("q")  # a question is open already: nothing happens
        await pilot.press(*answer)
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        assert pilot.app.is_running
        assert asked(run) == []
