"""The dashboard as its user has set it up: colours, what is remembered, the tour, copying, and help where one is."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.pilot import Pilot
from textual.widgets import Input

from spk_tui.remembered import Remembered, recall, remembered_path
from spk_tui.screens.help_screen import HelpScreen
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.tour import CARDS, Tour
from spk_tui.settings import Settings
from spk_tui.themes import all_themes
from spk_tui.widgets.event_log import EventLog
from tests.spk_tui.dashboards import Home, Life, dashboard_of, notices, seen, until, watch
from tests.spk_tui.run_directories import finished_run

# ------------------------------------------------------------------------------------------------ colours


async def test_the_colours_of_the_settings_are_worn_from_the_start(home: Home) -> None:
    async with home.dashboard(Settings(theme="laboratory-day")).run_test() as pilot:
        assert pilot.app.theme == "laboratory-day"


async def test_a_theme_that_does_not_exist_is_told_with_the_nearest(home: Home) -> None:
    async with home.dashboard(Settings(theme="nrod")).run_test() as pilot:
        await until(pilot, lambda: "did you mean 'nord'" in notices(pilot))
        assert pilot.app.theme == Settings().theme


async def test_a_theme_chosen_in_the_palette_is_there_again_until_the_settings_say_another(home: Home) -> None:
    async with home.open() as pilot:
        pilot.app.theme = "nord"
        await until(pilot, lambda: recall().theme is not None)
    assert home.dashboard(remembered=recall()).theme == "nord"
    assert home.dashboard(Settings(theme="gruvbox"), remembered=recall()).theme == "gruvbox"


async def test_what_is_remembered_may_be_lost_or_broken(home: Home) -> None:
    assert recall() == Remembered()
    remembered_path().parent.mkdir(parents=True)
    remembered_path().write_text("{", encoding="utf-8")
    assert recall() == Remembered()
    async with home.open() as pilot:
        pilot.app.theme = "nord"
        await until(pilot, lambda: recall().theme is not None)


async def test_the_colour_blind_palette_changes_at_once_and_is_remembered(home: Home) -> None:
    async with home.open() as pilot:
        before = pilot.app.theme_variables["success"]
        await pilot.press("ctrl+p")
        await pilot.press(*"colour-blind")
        await until(pilot, "Colours that all can tell apart")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.theme_variables["success"] != before)
        await until(pilot, lambda: recall().palette is not None)
    assert home.dashboard(remembered=recall()).palette == "colour-blind"


@pytest.mark.parametrize("palette", ["standard", "colour-blind"])
@pytest.mark.parametrize("name", ["laboratory-night", "laboratory-day"])
def test_every_colour_with_a_meaning_can_be_read_on_our_themes(name: str, palette: str) -> None:
    theme = all_themes(palette)[name]
    background = Color.parse(theme.background or "")
    for colour in (theme.success, theme.warning, theme.error, theme.secondary, theme.primary):
        assert _contrast(Color.parse(colour or ""), background) >= 4.0, colour


@pytest.mark.parametrize("name", ["laboratory-night", "laboratory-day", "nord", "textual-light"])
def test_the_colour_blind_palette_stays_apart_for_who_lacks_red_or_green(name: str) -> None:
    theme = all_themes("colour-blind")[name]
    colours = [Color.parse(colour or "") for colour in (theme.success, theme.warning, theme.error, theme.secondary)]
    for matrix in (DEUTERANOPIA, PROTANOPIA):
        seen_as = [_seen_as(colour, matrix) for colour in colours]
        for place, one in enumerate(seen_as):
            for other in seen_as[place + 1 :]:
                assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 25


async def test_without_colour_the_chosen_row_and_button_are_told_by_their_letters(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with home.open() as pilot:
        await until(pilot, "29,320")
        assert "quick-tour" in _underlined(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "Train quick-tour" in _underlined(pilot))
        for strip in pilot.app.screen._compositor.render_strips():
            for segment in strip:
                for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    assert colour is None or colour.triplet is None or len(set(colour.triplet)) == 1


def _underlined(pilot: Pilot[None]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "".join(part.text for strip in strips for part in strip if part.style and part.style.underline)


# Viénot, Brettel and Mollon, "Digital video colourmaps for checking the legibility of displays by dichromats", 1999.
DEUTERANOPIA = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))
PROTANOPIA = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))


def _linear(colour: Color) -> tuple[float, ...]:
    return tuple((part / 255) ** 2.2 for part in colour.rgb)


def _seen_as(colour: Color, matrix: tuple[tuple[float, ...], ...]) -> list[float]:
    light = _linear(colour)
    mixed = [sum(weight * part for weight, part in zip(row, light, strict=True)) for row in matrix]
    return [255 * max(0.0, part) ** (1 / 2.2) for part in mixed]


def _contrast(one: Color, other: Color) -> float:
    lights = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05 for r, g, b in (_linear(one), _linear(other)))
    return lights[1] / lights[0]


# ------------------------------------------------------------------------------------------------ tour


async def test_the_tour_has_five_cards_that_lead_on_back_and_out(home: Home) -> None:
    assert len(CARDS) == 5
    async with home.dashboard(tour=True).run_test(size=(80, 24)) as pilot:
        await until(pilot, CARDS[0].title)
        await pilot.press("enter", "right")
        await until(pilot, CARDS[2].title)
        await pilot.press("left")
        await until(pilot, CARDS[1].title)
        await pilot.press("right", "right", "right")
        await until(pilot, "Begin")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        await until(pilot, lambda: recall().tour_seen)


async def test_the_tour_can_be_skipped_and_is_in_the_palette(home: Home) -> None:
    async with home.open() as pilot:
        assert not isinstance(pilot.app.screen, Tour)
        await pilot.press("ctrl+p", *"tour")
        await until(pilot, "Five cards about the dashboard")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Tour))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))


# ------------------------------------------------------------------------------------------------ copying


async def test_ctrl_c_copies_what_is_marked_and_says_so(home: Home) -> None:
    async with home.open() as pilot:
        await until(pilot, "29,320")
        await pilot.press("n")
        field = pilot.app.screen.query_one("#steps", Input)
        await until(pilot, lambda: field.has_focus and field.selected_text)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: f"Copied: {field.value}" in notices(pilot))
        assert pilot.app.clipboard == field.value
        assert pilot.app.is_running


async def test_ctrl_c_with_nothing_marked_says_once_what_leaves_and_never_leaves(home: Home) -> None:
    async with home.open() as pilot:
        await until(pilot, "29,320")
        await pilot.press("ctrl+c", "ctrl+c")
        await until(pilot, lambda: "q leaves" in notices(pilot))
        assert notices(pilot).count("q leaves") == 1
        assert pilot.app.is_running


# ------------------------------------------------------------------------------------------------ help


async def test_help_begins_with_the_widget_that_has_the_keyboard(home: Home, life: Life) -> None:
    run = finished_run(home.runs, until=4000)
    async with home.open() as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await until(pilot, "Where you are: Before the start")
        assert "What to train on, and the numbers" in seen(pilot)
        await pilot.press("escape")
        dashboard_of(pilot).open_run(run)
        screen = await watch(pilot, pilot.app.screen)  # type: ignore[arg-type]
        screen.query_one(EventLog).focus()
        await pilot.press("f1")
        await until(pilot, "Where you are: Log")
        assert "What to train on" not in seen(pilot)
