"""The comparison: its parts at each size, its keys, and runs that go on or go away while they are compared."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs.directory import Labels, RunDirectory
from spk_tui.screens.compare_screen import CompareScreen
from spk_tui.screens.runs_screen import RunsScreen
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.comparison_table import ComparisonTable
from tests.spk_tui.dashboards import Home, Life, seen, until
from tests.spk_tui.run_directories import finished_run, training, training_run, write


@pytest.fixture
def runs(home: Home) -> list[RunDirectory]:
    """Two that are over and one that looks as if it went on; the second has a name and another width."""
    narrow = with_overrides(find_preset("transformer-154k"), ["encoder.ffn=400"])
    made = [
        finished_run(home.runs, until=6000, name="wide"),
        finished_run(home.runs, until=4000, name="narrow", preset=narrow),
        training_run(home.runs, until=2000, name="young"),
    ]
    made[1].write_labels(Labels(name="half as wide"))
    return made


async def compare(pilot: Pilot[None], runs: list[RunDirectory], title: str = "") -> CompareScreen:
    screen = CompareScreen(runs, title)
    pilot.app.push_screen(screen)
    await until(pilot, f"{len(runs)} runs")
    await until(pilot, lambda: screen.query_one(ChartBoard).is_drawn)
    return screen


@pytest.mark.parametrize(
    ("size", "parts"),
    [((80, 24), {"curves"}), ((120, 40), {"curves", "settings"}), ((200, 60), {"curves", "settings", "scatter"})],
)
async def test_as_many_parts_as_there_is_room_for(
    home: Home, runs: list[RunDirectory], size: tuple[int, int], parts: set[str]
) -> None:
    async with home.open(size) as pilot:
        screen = await compare(pilot, runs, "sweep of widths")
        assert screen.seen == parts
        assert {part for part in ("curves", "settings", "scatter") if screen.query_one(f"#{part}").size.height} == parts
        page = seen(pilot)
        assert all(len(line) == size[0] for line in page.splitlines())
        assert "Comparison  ›  sweep of widths" in page
        for words in ("● A transformer-154k", "▲ B half as wide", "■ C transformer-154k"):
            assert words in page
        assert ("ffn" in page) == ("settings" in parts)
        assert ("budget 300,000" in page) == ("scatter" in parts)


async def test_one_key_goes_through_the_parts_and_charts_have_their_own(home: Home, runs: list[RunDirectory]) -> None:
    async with home.open((80, 24)) as pilot:
        screen = await compare(pilot, runs)
        await pilot.press("c")
        await until(pilot, "ffn")
        assert "▲ B half as wide" in seen(pilot)
        await pilot.press("c")
        await until(pilot, "budget 300,000")
        assert "B half as wide" in seen(pilot)
        await pilot.press("c")
        await until(pilot, "Segment accuracy")
        assert "ffn" not in seen(pilot)
        board = screen.query_one(ChartBoard)
        await pilot.press("3")
        await until(pilot, lambda: board.chosen == "train_loss" and board.is_drawn)
        await pilot.press("t")
        await until(pilot, "by time trained")


async def test_the_table_is_sorted_by_key_and_opens_a_run(home: Home, runs: list[RunDirectory]) -> None:
    async with home.open((120, 40)) as pilot:
        screen = await compare(pilot, runs)
        table = screen.query_one(ComparisonTable)

        def letters() -> str:
            return "".join(str(table.get_row_at(row)[0])[0] for row in range(table.row_count))

        assert letters() == "ABC"
        await pilot.press("o")
        assert (letters(), table.order) == ("ABC", "segment")
        await pilot.press("O")
        assert letters() == "CBA"
        await until(pilot, "segment ▴")
        table.focus()
        await pilot.press("up", "enter")  # the cursor is still on A, which stands last now
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        assert isinstance(pilot.app.screen, TrainingScreen)
        assert pilot.app.screen.run.id == "narrow"
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_a_run_that_trains_moves_and_one_that_is_deleted_goes(
    home: Home, runs: list[RunDirectory], life: Life
) -> None:
    life.give(runs[2])
    async with home.open((120, 40)) as pilot:
        screen = await compare(pilot, runs)
        assert screen.compared[2].entry.row.best_step == 2000
        write(runs[2], *training(8000, start=2000))
        await until(pilot, lambda: screen.compared[2].entry.row.step == 8000)
        await until(pilot, lambda: "8,000" in seen(pilot))
        runs[0].delete()
        await until(pilot, "2 runs, 1 can't be shown")
        assert [run.entry.letter for run in screen.compared] == ["B", "C"]


async def test_escape_goes_back_and_the_palette_has_every_action(home: Home, runs: list[RunDirectory]) -> None:
    async with home.open((80, 24)) as pilot:
        await pilot.press("f3")
        await until(pilot, "3 runs")
        screen = await compare(pilot, runs)
        names = [name for name, _, _ in screen.commands()]
        assert {"Next part", "Zoom in", "Axis"} <= set(names)
        screen.part = "settings"
        await until(pilot, "ffn")
        assert {"Sort the table by the next column", "Open wide"} <= {name for name, _, _ in screen.commands()}
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
