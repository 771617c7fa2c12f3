"""Choosing from the list of runs: order, filter, marks, labels, several at once, the way to editor and comparison."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from engine.preset import Preset
from engine.preset_library import find_preset
from engine.runs.directory import Labels, RunDirectory
from spk_tui.app import Dashboard
from spk_tui.screens.compare_screen import CompareScreen
from spk_tui.screens.line_dialog import LineDialog
from spk_tui.screens.note_dialog import NoteDialog
from spk_tui.screens.question import Question
from spk_tui.screens.runs_screen import RunsScreen
from spk_tui.widgets.run_cells import MARK
from tests.spk_tui.dashboards import Home, Life, notices, seen, until
from tests.spk_tui.run_directories import BEGAN, finished_run, training_run


@pytest.fixture
def runs(home: Home) -> dict[str, RunDirectory]:
    """Three runs: `old` and `new` are over, `middle` is a better one of another preset."""
    conformer = find_preset("conformer-225k")
    return {
        "old": finished_run(home.runs, until=2000, name="old", created=BEGAN),
        "middle": finished_run(home.runs, until=6000, name="middle", preset=conformer, created=BEGAN + 600),
        "new": finished_run(home.runs, "stopped", until=2000, name="new", created=BEGAN + 1200),
    }


async def open_runs(pilot: Pilot[None]) -> RunsScreen:
    await pilot.press("f3")
    await until(pilot, "3 runs")
    assert isinstance(pilot.app.screen, RunsScreen)
    return pilot.app.screen


def shown(screen: RunsScreen) -> list[str]:
    return [each.row.run.id for each in screen._shown]


async def test_orders_are_gone_through_with_one_key_and_turned_round_with_another(
    home: Home, runs: dict[str, RunDirectory]
) -> None:
    async with home.open((200, 24)) as pilot:
        screen = await open_runs(pilot)
        assert (shown(screen), "begun ▾" in seen(pilot)) == (["new", "middle", "old"], True)
        await pilot.press("o")
        await until(pilot, "Runs, best accuracy first")
        assert "best ▾" in seen(pilot)
        assert shown(screen)[0] == "middle"
        await pilot.press("O")
        await until(pilot, "best ▴")
        assert shown(screen)[-1] == "middle"
        for _ in range(6):
            await pilot.press("o")
        await until(pilot, "Runs, newest first")


async def test_a_filter_works_while_it_is_typed_and_goes_with_escape(home: Home, runs: dict[str, RunDirectory]) -> None:
    async with home.open((80, 24)) as pilot:
        screen = await open_runs(pilot)
        await pilot.press("slash", *"conf")
        await until(pilot, "1 shown")
        assert shown(screen) == ["middle"]
        await pilot.press("enter")
        assert screen.chosen is not None
        assert screen.chosen.run.id == "middle"
        assert "conf" in seen(pilot), "a filter that is kept is seen"
        await pilot.press("slash", "x")
        await until(pilot, "No run is meant by this filter")
        await pilot.press("escape")
        await until(pilot, lambda: len(shown(screen)) == 3)
        await pilot.press("slash", *"tga:x")
        await until(pilot, "did you mean 'tag'?")
        assert len(shown(screen)) == 3


async def test_marks_stay_with_their_runs_and_are_told_by_a_sign(home: Home, runs: dict[str, RunDirectory]) -> None:
    async with home.open((80, 24)) as pilot:
        screen = await open_runs(pilot)
        await pilot.press("m", "m")
        await until(pilot, "2 marked")
        assert list(screen.marked) == ["new", "middle"]
        assert seen(pilot).count(MARK) == 2
        await pilot.press("o", "home", "m")
        assert list(screen.marked) == ["new"]
        await pilot.press("slash", *"preset:conf", "enter", "asterisk")
        assert set(screen.marked) == {"new", "middle"}
        await pilot.press("asterisk")
        assert list(screen.marked) == ["new"]
        runs["new"].delete()
        await until(pilot, lambda: not screen.marked)


async def test_marked_runs_are_compared_and_one_is_not(home: Home, runs: dict[str, RunDirectory]) -> None:
    async with home.open((80, 24)) as pilot:
        await open_runs(pilot)
        await pilot.press("m", "p")
        assert isinstance(pilot.app.screen, RunsScreen)
        await pilot.press("m", "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, "2 runs")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


async def test_several_are_deleted_with_one_question_and_what_trains_stays(
    home: Home, runs: dict[str, RunDirectory], life: Life
) -> None:
    life.give(training_run(home.runs, until=2000, name="live", created=BEGAN + 1800))
    async with home.open((80, 24)) as pilot:
        await pilot.press("f3")
        await until(pilot, "4 runs")
        await pilot.press("m", "m", "m", "d")
        await until(pilot, "Delete these 2 runs?")
        assert "1 of the marked runs is in progress, and not deleted" in seen(pilot)
        await pilot.press("enter")
        assert all(run.path.exists() for run in runs.values())
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("right", "enter")
        await until(pilot, "2 runs, 1 in progress")
        assert {path.name for path in home.runs.iterdir()} == {"live", "old"}


async def test_a_name_stands_in_the_list_and_a_note_of_several_lines_below_it(
    home: Home, runs: dict[str, RunDirectory]
) -> None:
    async with home.open((80, 24)) as pilot:
        await open_runs(pilot)
        await pilot.press("N")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineDialog))
        pilot.app.screen.query_one(Input).value = "x" * 81
        await pilot.press("enter")
        await until(pilot, "a name has at most 80 letters")
        pilot.app.screen.query_one(Input).value = "first try"
        await pilot.press("enter")
        await until(pilot, "■ stopped      first try")
        assert runs["new"].labels().name == "first try"
        await pilot.press("N", "escape", "n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        await pilot.press(*"slow", "enter", *"steady", "tab", "enter")
        await until(pilot, "slow steady")
        assert runs["new"].labels() == Labels(name="first try", notes="slow\nsteady")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NoteDialog))
        assert pilot.app.screen.query_one(TextArea).text == "slow\nsteady"


async def test_tags_of_several_runs_change_only_in_what_they_share(home: Home, runs: dict[str, RunDirectory]) -> None:
    runs["new"].write_labels(Labels(tags=["course", "own"]))
    runs["middle"].write_labels(Labels(tags=["course"], notes="kept"))
    async with home.open((80, 24)) as pilot:
        await open_runs(pilot)
        await until(pilot, "#course #own")
        await pilot.press("m", "m", "number_sign")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineDialog))
        assert pilot.app.screen.query_one(Input).value == "course "
        pilot.app.screen.query_one(Input).value = "good"
        await pilot.press("enter")
        await until(pilot, lambda: runs["middle"].labels().tags == ["good"])
        assert runs["middle"].labels().notes == "kept"
        assert runs["new"].labels().tags == ["own", "good"]


async def test_a_tag_in_use_is_completed(home: Home, runs: dict[str, RunDirectory]) -> None:
    runs["old"].write_labels(Labels(tags=["baseline"]))
    async with home.open((80, 24)) as pilot:
        screen = await open_runs(pilot)
        await until(pilot, lambda: bool(screen.rows["old"].labels.tags))
        await pilot.press("number_sign")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineDialog))
        line = pilot.app.screen.query_one(Input)
        await pilot.press(*"bas")
        await until(pilot, lambda: line._suggestion == "baseline")
        await pilot.press("right", "enter")
        await until(pilot, lambda: runs["new"].labels().tags == ["baseline"])


async def test_labels_that_cannot_be_written_are_told(home: Home, runs: dict[str, RunDirectory]) -> None:
    runs["new"].labels_path.write_text("{")
    async with home.open((80, 24)) as pilot:
        await open_runs(pilot)
        await pilot.press("N")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineDialog))
        await pilot.press("a", "enter")
        await until(pilot, lambda: "can't be read as labels" in notices(pilot))
        assert runs["new"].labels_path.read_text() == "{"


async def test_a_copy_goes_to_the_editor_with_its_corpus(
    home: Home, runs: dict[str, RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[Preset, str | None]] = []

    def edit_preset(dashboard: Dashboard, preset: Preset, corpus: str | None = None) -> None:
        opened.append((preset, corpus))

    monkeypatch.setattr(Dashboard, "edit_preset", edit_preset, raising=False)
    async with home.open((80, 24)) as pilot:
        await open_runs(pilot)
        await pilot.press("down", "e")
        assert opened == [(runs["middle"].preset(), "/corpora/speechocean762")]
