"""The queue as a screen: who waits for what, moving, taking out, waiting again; with real workers where one acts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.devices import DeviceLocks
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.runs.queue import Queue
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.question import Question
from spk_tui.screens.queue_screen import QueueScreen
from spk_tui.screens.training_screen import TrainingScreen
from tests.spk_tui.dashboards import SMALL, Home, Life, dashboard_of, notices, seen, until
from tests.spk_tui.run_directories import BEGAN, new_run, training_run, write


def waiting_run(home: Home, name: str, device: str = "cpu") -> RunDirectory:
    """A run in line whose worker said that it waits, and is gone."""
    run = new_run(home.runs, name, created=BEGAN)
    write(run, e.Queued(process=1, time=BEGAN), e.Waiting(place=1, devices=[device], time=BEGAN))
    Queue(home.runs).enter(run.id, [device], process=1)
    return run


async def open_queue(pilot: Pilot[None], wanted: str) -> QueueScreen:
    await pilot.press("f4")
    await until(pilot, wanted)
    assert isinstance(pilot.app.screen, QueueScreen)
    return pilot.app.screen


def order(home: Home) -> list[str]:
    return [entry.run for entry in Queue(home.runs).read()]


def keys(pilot: Pilot[None]) -> list[str]:
    return [key.description for key in pilot.app.screen.query_one(Footer).query(FooterKey)]


@pytest.fixture
def busy(home: Home) -> Iterator[DeviceLocks]:
    """The CPU, held as by somebody who trains on it."""
    locks = DeviceLocks(["cpu"])
    locks.share()
    yield locks
    locks.release()


async def test_an_empty_queue_says_how_a_run_gets_into_it(home: Home) -> None:
    async with home.open(SMALL) as pilot:
        screen = await open_queue(pilot, "Nobody trains and nobody waits")
        await pilot.press("enter", "K", "J", "d", "r")
        assert pilot.app.screen is screen
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, PresetScreen)


async def test_who_trains_stands_above_who_waits_and_who_is_gone_has_no_place(home: Home, life: Life) -> None:
    life.give(training_run(home.runs, until=4000, name="trains"))
    life.give(waiting_run(home, "one"))
    waiting_run(home, "gone")
    life.give(waiting_run(home, "two"))
    life.give(waiting_run(home, "other", "cuda:0"))
    async with home.open() as pilot:
        screen = await open_queue(pilot, "3 waiting")
        assert [(line.run.id, line.place, line.condition) for line in screen.lines] == [
            ("trains", None, "training"), ("one", 1, "queued"), ("gone", None, "interrupted"), ("two", 2, "queued"),
            ("other", 1, "queued"),
        ]  # fmt: skip
        places = [line.split()[2] for line in seen(pilot).splitlines() if line.startswith(("│ cpu", "│ cuda:0"))]
        assert places == ["now", "next", "–", "2nd", "next"]
        assert "Wait again" not in keys(pilot)
        await pilot.press("down", "down")
        await until(pilot, lambda: "Wait again" in keys(pilot))


async def test_a_run_is_moved_among_those_who_want_the_same_device(home: Home, life: Life) -> None:
    for name, device in (("one", "cpu"), ("far", "cuda:0"), ("two", "cpu"), ("three", "cpu")):
        life.give(waiting_run(home, name, device))
    async with home.open() as pilot:
        screen = await open_queue(pilot, "4 waiting")
        await pilot.press("J")
        await until(pilot, lambda: order(home) == ["two", "one", "far", "three"])
        await until(pilot, lambda: [line.run.id for line in screen.lines] == ["two", "one", "three", "far"])
        assert screen.chosen is not None
        assert screen.chosen.run.id == "one"
        await pilot.press("shift+up")
        await until(pilot, lambda: [line.run.id for line in screen.lines] == ["one", "two", "three", "far"])
        await pilot.press("K")  # nobody is above
        await pilot.press("end", "J", "K")  # nobody else wants that device
        await pilot.pause()
        assert order(home).index("one") < order(home).index("two") < order(home).index("three")
        await pilot.press("home", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))


async def test_help_names_every_key_of_an_action_as_it_is_pressed(home: Home, life: Life) -> None:
    for name in ("one", "two"):
        life.give(waiting_run(home, name))
    async with home.open() as pilot:
        await open_queue(pilot, "2 waiting")
        await pilot.press("f1")
        await until(pilot, "d del ")
        assert "K shift+↑" in seen(pilot)
        assert "J shift+↓" in seen(pilot)


async def test_a_run_that_waits_is_taken_out_and_waits_again_as_a_real_process(home: Home, busy: DeviceLocks) -> None:
    async with home.open() as pilot:
        run = dashboard_of(pilot).queue_run(find_preset("quick-tour"), "demo:4x6")
        await open_queue(pilot, "1 waiting")
        await until(pilot, lambda: run.alive and run.state().waiting is not None)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("right", "enter")
        await until(pilot, "Nobody trains and nobody waits")
        await until(pilot, lambda: not run.alive)
        assert run.state().phase == "stopped"
        assert [row.is_resumable for row in dashboard_of(pilot).read_runs()] == [True]

        again = dashboard_of(pilot).queue_run(find_preset("quick-tour"), "demo:4x6")
        await until(pilot, "1 waiting")
        await until(pilot, lambda: again.alive and again.state().waiting is not None)
        os.kill(EventReader(again.events_path).read()[0].process, signal.SIGKILL)
        await until(pilot, "interrupted")
        await pilot.press("r")
        await until(pilot, lambda: again.alive and again.state().phase == "queued")
        await until(pilot, "1 waiting")
        os.kill(Queue(home.runs).read()[0].process, signal.SIGKILL)


async def test_a_queue_that_cant_be_read_is_told_once_in_words(home: Home, life: Life) -> None:
    life.give(waiting_run(home, "one"))
    async with home.open() as pilot:
        screen = await open_queue(pilot, "1 waiting")
        Queue(home.runs).path.write_text("{")
        await until(pilot, lambda: "The queue can't be read" in notices(pilot))
        screen._refresh()
        await until(pilot, lambda: not screen._reading)
        assert notices(pilot).count("The queue can't be read") == 1


async def test_the_palette_has_what_can_be_done_with_the_chosen_run(home: Home, life: Life) -> None:
    for name in ("one", "two"):
        life.give(waiting_run(home, name))
    async with home.open() as pilot:
        screen = await open_queue(pilot, "2 waiting")
        names = [name for name, _, _ in screen.commands()]
        assert names == ["Open: one", "Move up: one", "Move down: one", "Take out of the queue: one"]
        assert "Queue" in [command.title for command in pilot.app.get_system_commands(screen)]
