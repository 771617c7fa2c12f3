"""The panes of the training screen: the log looked through, the configuration, the console, and copying from them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.configuration_pane import ConfigurationPane
from spk_tui.widgets.console_pane import ConsolePane
from spk_tui.widgets.event_log import EventLog
from spk_tui.widgets.find_bar import FindBar
from tests.spk_tui.dashboards import Home, Life, dashboard_of, notices, seen, until, watch
from tests.spk_tui.run_directories import BEGAN, training_run, write

DIAGNOSIS = e.Diagnosis(
    step=42_000, time=BEGAN + 4000, severity="warning", finding="the gradients are often cut",
    advice="try a smaller learning rate",
)  # fmt: skip


async def open_run(pilot: Pilot[None], run: RunDirectory) -> TrainingScreen:
    dashboard_of(pilot).open_run(run)
    await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
    assert isinstance(pilot.app.screen, TrainingScreen)
    return await watch(pilot, pilot.app.screen)


async def test_the_log_shows_the_lines_that_are_looked_for_alone_or_among_the_others(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    write(run, DIAGNOSIS)
    async with home.open((80, 24)) as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("slash", *"diagnosis")
        await until(pilot, "1 of 1")
        assert "▶ ▲ step 42000: the gradients are often cut" in seen(pilot)
        assert "→ try a smaller learning rate" in seen(pilot)
        assert "validation loss" not in seen(pilot)
        await pilot.press("ctrl+u", *"best saved")
        await until(pilot, "best model saved (accuracy 0.6393)")
        total = sum("best model saved" in line for line in screen.query_one(EventLog).texts)
        await until(pilot, f"{total} of {total}")
        await pilot.press("up", "up")
        await until(pilot, f"{total - 2} of {total}")
        await pilot.press("down", "down", "down")
        await until(pilot, f"1 of {total}")
        await pilot.press("enter")
        await until(pilot, "validation loss")
        assert "▶ step 2000: best model saved" in seen(pilot)
        await pilot.press("ctrl+u", *"nowhere")
        await until(pilot, "no line has it")
        write(run, e.Failed(step=42_000, time=BEGAN + 4001, cause="error", message="nowhere to be found"))
        await until(pilot, "1 of 1")
        await pilot.press("escape")
        await until(pilot, "step 42000: the gradients are often cut")
        assert not screen.query_one(FindBar).is_open
        await until(pilot, lambda: screen.focused is screen.query_one(EventLog))
        await pilot.press("escape")
        await until(pilot, lambda: screen.query_one(ChartBoard).display)
        assert pilot.app.screen is screen


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_configuration_says_what_differs_from_the_library(
    home: Home, life: Life, size: tuple[int, int]
) -> None:
    preset = with_overrides(find_preset("transformer-154k"), ["encoder.ffn=700"])
    run = life.give(training_run(home.runs, preset=preset))
    async with home.open(size) as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("c")
        await until(pilot, "1 key differs from the library's 'transformer-154k'")
        assert "encoder.ffn  800 → 700" in seen(pilot)
        assert 'name = "transformer-154k"' in seen(pilot)
        assert screen.query_one(ChartBoard).display == (size[0] >= 160), "beside the charts only where there is room"
        await pilot.press("end")
        await until(pilot, "[front_end]")
        await pilot.press("y")
        assert "ffn = 700" in pilot.app.clipboard
        await pilot.press("c")
        await until(pilot, lambda: not screen.query_one(ConfigurationPane).display)
        assert screen.query_one(ChartBoard).display


async def test_the_console_is_followed_while_it_is_open(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=2000))
    run.console_path.write_bytes(b"warm\n\x1b[31mred\x1b[0m [bold] \xff\n")
    async with home.open((80, 24)) as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("o")
        await until(pilot, "red [bold] �")
        with run.console_path.open("ab") as file:
            file.write(b"ValueError: no\n")
        await until(pilot, "ValueError: no")
        await pilot.press("y")
        assert pilot.app.clipboard == "warm\nred [bold] �\nValueError: no"
        await pilot.press("l")
        await until(pilot, lambda: screen.query_one(EventLog).display and not screen.query_one(ConsolePane).display)


async def test_what_the_mouse_marks_is_copied_and_y_copies_what_has_the_keyboard(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=2000))
    write(run, DIAGNOSIS)
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("y")
        assert pilot.app.clipboard == str(run.path)
        await until(pilot, lambda: notices(pilot).count("Copied") == 1)
        await pilot.press("l", "y")
        await until(pilot, lambda: "the gradients" in pilot.app.clipboard)
        assert pilot.app.clipboard == f"step 42000: {DIAGNOSIS.finding}\n{DIAGNOSIS.advice}"
        text = screen.query_one(EventLog).query_one("Static")
        await pilot.mouse_down(text, offset=(10, 0))
        await pilot.hover(text, offset=(15, 0))
        await pilot.mouse_up(text, offset=(15, 0))
        await until(pilot, lambda: screen.get_selected_text() == "worker")
        await pilot.press("ctrl+c")
        assert pilot.app.clipboard == "worker"


async def test_resizing_with_anything_open_breaks_nothing(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        for key, size in (("c", (20, 8)), ("o", (170, 30)), ("slash", (1, 1)), ("end", (80, 24))):
            await pilot.press(key)
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await pilot.press("escape", "escape")
        await until(pilot, lambda: screen.query_one(ChartBoard).display)
        assert "▸ training" in seen(pilot)
