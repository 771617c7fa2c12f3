"""The list of runs: the state of each, opening, resuming and deleting, and the keys that are offered for it."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.question import Question
from spk_tui.screens.runs_screen import RunsScreen
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.column_list import ColumnList
from tests.spk_tui.dashboards import Home, Life, notices, seen, until
from tests.spk_tui.run_directories import BEGAN, Birth, beginning, finished_run, new_run, training_run, write


def named(hour: int, name: str = "transformer-154k") -> Birth:
    """The name and the birth of a run: the later the hour, the higher it stands in the list."""
    return Birth(name=f"20251009-{hour:02d}0000-{name}", created=BEGAN + 600 * hour)


async def open_runs(pilot: Pilot[None], wanted: str) -> RunsScreen:
    await pilot.press("f3")
    await until(pilot, wanted)
    assert isinstance(pilot.app.screen, RunsScreen)
    return pilot.app.screen


def keys(pilot: Pilot[None]) -> list[str]:
    """What the footer offers, by its words."""
    return [key.description for key in pilot.app.screen.query_one(Footer).query(FooterKey)]


def line_of(pilot: Pilot[None], word: str) -> str:
    return next(line for line in seen(pilot).splitlines() if word in line)


async def test_without_runs_it_says_how_to_get_one(home: Home) -> None:
    async with home.open() as pilot:
        screen = await open_runs(pilot, "No run yet. F2 shows the presets")
        assert screen.chosen is None
        assert "Open" not in keys(pilot)
        await pilot.press("enter", "r", "d")
        assert pilot.app.screen is screen


async def test_every_run_stands_there_with_its_state_the_newest_first(home: Home, life: Life) -> None:
    finished_run(home.runs, until=4000, **named(1))
    finished_run(home.runs, "stopped", until=4000, **named(2))
    failed = training_run(home.runs, until=4000, **named(3))
    write(failed, e.Failed(step=4000, time=BEGAN + 2500, cause="diverged", message="the loss is not a number"))
    training_run(home.runs, until=4000, **named(4))
    life.give(training_run(home.runs, until=4000, **named(5)))
    async with home.open() as pilot:
        screen = await open_runs(pilot, "5 runs, 1 in progress")
        states = [row.condition for row in screen.rows.values()]
        assert states == ["training", "interrupted", "failed", "stopped", "finished"]
        shown = [word for line in seen(pilot).splitlines() for word in line.split() if word in states]
        assert shown == states


async def test_a_run_that_trains_moves_in_the_list(home: Home, life: Life) -> None:
    run = life.give(new_run(home.runs, **named(1)))
    write(run, *beginning())
    async with home.open() as pilot:
        await open_runs(pilot, "0 / 70,000")
        write(run, e.Progress(step=1234, time=BEGAN + 60, steps=10, steps_per_second=12.3, loss=3.0, accuracy=0.1,
                              learning_rate=1e-3, gradient_norm=1.0))  # fmt: skip
        await until(pilot, "1,234 / 70,000")
        write(run, e.Finished(step=1234, time=BEGAN + 61, reason="stopped", best_accuracy=None, best_step=None, run=""))
        life.end(run)
        await until(pilot, "■ stopped")
        await until(pilot, lambda: "Delete" in keys(pilot))


async def test_enter_opens_a_past_run_and_escape_comes_back(home: Home) -> None:
    run = finished_run(home.runs, until=4000, **named(1))
    async with home.open() as pilot:
        await open_runs(pilot, "✓ finished")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        assert isinstance(pilot.app.screen, TrainingScreen)
        assert pilot.app.screen.run.id == run.id
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))


async def test_a_double_click_opens_and_a_click_only_moves_the_cursor(home: Home) -> None:
    finished_run(home.runs, until=2000, **named(1))
    finished_run(home.runs, until=2000, **named(2))
    async with home.open() as pilot:
        screen = await open_runs(pilot, "2 runs")
        await pilot.click("#runs Rows", offset=(5, 1))
        await until(pilot, lambda: screen.chosen is not None and "010000" in screen.chosen.run.id)
        assert pilot.app.screen is screen
        await pilot.click("#runs Rows", offset=(5, 1), times=2)
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_footer_offers_what_can_be_done_with_the_run_under_the_cursor(
    home: Home, life: Life, size: tuple[int, int]
) -> None:
    finished_run(home.runs, until=2000, **named(1))
    training_run(home.runs, until=2000, **named(2))
    life.give(training_run(home.runs, until=2000, **named(3)))
    async with home.open(size) as pilot:
        await open_runs(pilot, "3 runs, 1 in progress")
        await until(pilot, lambda: {"Open", "Resume", "Delete"} & set(keys(pilot)) == {"Open"})
        await pilot.press("down")
        await until(pilot, lambda: {"Open", "Resume", "Delete"} & set(keys(pilot)) == {"Open", "Resume", "Delete"})
        assert "Open" in seen(pilot).splitlines()[-1]
        assert "q Quit" in seen(pilot).splitlines()[-1]
        await pilot.press("down")
        await until(pilot, lambda: {"Open", "Resume", "Delete"} & set(keys(pilot)) == {"Open", "Delete"})


async def test_at_no_width_is_a_column_cut_off(home: Home) -> None:
    training_run(home.runs, **named(1))
    conformer = find_preset("conformer-225k")
    training_run(home.runs, name="20251009-020000-conformer-225k", preset=conformer, created=BEGAN + 1200)
    async with home.open((80, 24)) as pilot:
        await open_runs(pilot, "2 runs")
        for width in (80, 100, 120, 160, 200):
            await pilot.resize_terminal(width, 24)
            await until(pilot, lambda width=width: len(line_of(pilot, "│    ◌")) == width)  # type: ignore[misc]
            await pilot.pause()
            line = line_of(pilot, "◌ interrupted  transformer-154k")
            for word in ("interrupted", "transformer-154k", "42,000 / 70,000", "0.6393", "ago"):
                assert word in line, (width, word)
            assert "…" not in line, width
            assert len(line) == width
            assert ("parameters" in line_of(pilot, " state ")) == (width >= 120)


async def test_deleting_asks_first_and_keeps_by_default(home: Home) -> None:
    run = finished_run(home.runs, until=2000, **named(1))
    async with home.open() as pilot:
        await open_runs(pilot, "✓ finished")
        for answer in (["enter"], ["escape"], ["right", "right", "enter"]):
            await pilot.press("d")
            await until(pilot, "Delete this run?")
            assert run.id in seen(pilot)
            await pilot.press(*answer)
            await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
            assert run.best_path.is_file()


async def test_a_deletion_that_is_confirmed_removes_the_run(home: Home) -> None:
    gone = finished_run(home.runs, until=2000, **named(2))
    kept = finished_run(home.runs, until=2000, **named(1))
    async with home.open() as pilot:
        screen = await open_runs(pilot, "2 runs")
        await pilot.press("delete")
        await until(pilot, "Delete this run?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: list(screen.rows) == [kept.id])
        assert not gone.path.exists()
        assert screen.query_one(ColumnList).key == kept.id


async def test_a_live_run_is_not_deleted(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=2000, **named(1)))
    async with home.open() as pilot:
        screen = await open_runs(pilot, "● training")
        await pilot.press("d")
        await pilot.pause()
        assert pilot.app.screen is screen
        assert run.best_path.is_file()


async def test_a_run_that_has_come_to_life_since_the_question_is_not_deleted(home: Home, life: Life) -> None:
    run = training_run(home.runs, until=2000, **named(1))
    async with home.open() as pilot:
        await open_runs(pilot, "interrupted")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        life.give(run)
        await pilot.press("right", "enter")
        await until(pilot, lambda: "still training; stop it first" in notices(pilot))
        assert run.best_path.is_file()


async def test_resume_starts_a_worker_that_says_what_it_finds_in_the_saved_state(home: Home) -> None:
    run = training_run(home.runs, until=2000, **named(1))  # its "full state" is none, and the worker says so
    async with home.open() as pilot:
        await open_runs(pilot, "interrupted")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        await until(pilot, "✗ failed")
        assert sum(isinstance(event, e.Queued) for event in events_of(run)) == 2


async def test_a_run_deleted_by_someone_else_leaves_the_list(home: Home) -> None:
    run = finished_run(home.runs, until=2000, **named(1))
    async with home.open() as pilot:
        await open_runs(pilot, "✓ finished")
        run.delete()
        await until(pilot, "No run yet")
        await until(pilot, lambda: "Open" not in keys(pilot))


async def test_the_first_run_that_comes_can_be_reached_with_the_keyboard(home: Home) -> None:
    async with home.open() as pilot:
        screen = await open_runs(pilot, "No run yet")
        training_run(home.runs, until=2000, **named(1))
        training_run(home.runs, until=2000, **named(2))
        await until(pilot, lambda: len(screen.rows) == 2)
        await until(pilot, lambda: screen.query_one(ColumnList).has_focus_within)
        await pilot.press("end")
        assert screen.chosen is not None
        assert "010000" in screen.chosen.run.id


async def test_the_palette_names_what_can_be_done_with_the_run(home: Home) -> None:
    run = training_run(home.runs, until=2000, **named(1))
    async with home.open() as pilot:
        screen = await open_runs(pilot, "interrupted")
        verbs = ("Open", "Use", "Resume", "Delete", "Edit a copy of", "Name", "Note on", "Tags of")
        names = [name for name, _, _ in screen.commands()]
        assert names[: len(verbs)] == [f"{verb} {run.id}" for verb in verbs]
        assert {"Filter the runs", "Order the runs differently", "Mark all runs shown"} <= set(names)


def events_of(run: RunDirectory) -> list[e.AnyEvent]:
    return EventReader(run.events_path).read()
