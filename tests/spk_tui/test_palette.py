"""Every action is in the palette, and every key has an id, so that it can be changed, and a text that explains it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen

from spk_tui import keymap
from spk_tui.app import Dashboard
from spk_tui.palette import bindings_in
from spk_tui.screens.runs_screen import RunsScreen
from spk_tui.widgets.field_list import BEGINS_A_VALUE
from tests.made_corpora import audio_folder
from tests.spk_tui.dashboards import Home, Life, dashboard_of, inspect, until, watch
from tests.spk_tui.run_directories import finished_run, training_run

UNNAMED = {"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "ctrl+q", *BEGINS_A_VALUE}
"""Keys that move a cursor: nobody looks for them by name, nor for those with which a value begins."""


def test_every_key_of_a_screen_has_an_id_and_says_what_it_does() -> None:
    owners = [Dashboard, *(owner for owner in keymap.classes_with_keys() if not issubclass(owner, ModalScreen))]
    without = [
        f"{owner.__name__}: {binding.key}"
        for owner in owners
        for binding in keymap.bindings_of(owner)
        if not (binding.id and binding.tooltip) and not set(binding.key.split(",")) <= UNNAMED
    ]
    assert without == []


def test_no_two_actions_have_the_same_id() -> None:
    ids = [binding.id for owner in keymap.classes_with_keys() for binding in keymap.bindings_of(owner) if binding.id]
    assert sorted(set(ids)) == sorted(ids)


async def presets(pilot: Pilot[None], home: Home, life: Life) -> None:
    await until(pilot, "29,320")


async def training(pilot: Pilot[None], home: Home, life: Life) -> None:
    dashboard_of(pilot).open_run(life.give(training_run(home.runs, until=4000)))
    await watch(pilot, pilot.app.screen)  # type: ignore[arg-type]  # the screen that was just opened


async def over(pilot: Pilot[None], home: Home, life: Life) -> None:
    dashboard_of(pilot).open_run(finished_run(home.runs, "stopped", until=4000))
    await watch(pilot, pilot.app.screen)  # type: ignore[arg-type]  # the screen that was just opened


async def runs(pilot: Pilot[None], home: Home, life: Life) -> None:
    finished_run(home.runs, "stopped", until=4000)
    await pilot.press("f3")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and pilot.app.screen.chosen)


async def corpus(pilot: Pilot[None], home: Home, life: Life) -> None:
    await inspect(pilot, audio_folder(home.root / "speech", speakers=3, each=4))


@pytest.mark.parametrize("place", [presets, training, over, runs, corpus])
async def test_whatever_a_key_does_here_the_palette_does_too(
    home: Home, life: Life, place: Callable[[Pilot[None], Home, Life], Awaitable[None]]
) -> None:
    async with home.open() as pilot:
        await place(pilot, home, life)
        app, screen = pilot.app, pilot.app.screen
        entries = list(app.get_system_commands(screen))
        told = {entry.help for entry in entries}
        actions = {getattr(entry.callback, "__name__", "") for entry in entries}
        missing = [
            binding.id
            for node in (app, screen, *screen.walk_children())
            for binding in bindings_in(node)
            if (node is app or node.display) and app._check_action_state(binding.action, node)
            if binding.tooltip not in told and f"action_{binding.action}" not in actions
        ]
        assert missing == []
        assert len(entries) > len(list(app.get_system_commands(Screen())))


async def test_a_key_of_a_widget_works_from_the_palette_wherever_the_keyboard_is(home: Home, life: Life) -> None:
    async with home.open() as pilot:
        await training(pilot, home, life)
        await pilot.press("ctrl+p", *"back")
        await until(pilot, "Leave this screen; the run goes on")
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
