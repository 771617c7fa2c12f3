"""The charts of a run as a person uses them: keys and mouse, what is read at the cursor, what lands in a file."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from textual.events import MouseScrollUp
from textual.geometry import Offset
from textual.pilot import Pilot

from engine.runs import events as e
from spk_tui.screens.curves_dialog import CurvesDialog
from spk_tui.screens.export_dialog import ExportDialog
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.smoothing import STRENGTHS, USUAL_STRENGTH
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.chart_keys import KEYS
from spk_tui.widgets.curve_chart import CurveChart
from spk_tui.widgets.path_input import PathInput
from tests.spk_tui.dashboards import MEDIUM, SMALL, Home, Life, dashboard_of, notices, seen, until, watch
from tests.spk_tui.run_directories import BEGAN, new_run, training_run, write

UNTIL = 8000
LATER = BEGAN + 4000


class Watched:
    """A run's charts on a screen, and what one does with them."""

    def __init__(self, pilot: Pilot[None], screen: TrainingScreen) -> None:
        self.pilot, self.screen = pilot, screen
        self.board = screen.query_one(ChartBoard)

    def chart(self, name: str) -> CurveChart:
        """One of the charts."""
        return self.screen.query_one(f"#chart-{name}", CurveChart)

    async def press(self, *keys: str) -> None:
        """Presses keys and waits until what they ask for is drawn."""
        await self.pilot.press(*keys)
        await until(
            self.pilot, lambda: self.board.is_drawn and self.chart(self.board.chosen).plot.view == self.board.view
        )
        await self.pilot.pause()

    @property
    def names(self) -> list[str]:
        """The charts that can be seen."""
        return [chart.name or "" for chart in self.screen.query(CurveChart) if chart.display]


@asynccontextmanager
async def watched(home: Home, life: Life, size: tuple[int, int] = SMALL) -> AsyncIterator[Watched]:
    """A run in the middle of its training, opened and drawn."""
    run = life.give(training_run(home.runs, until=UNTIL))
    async with home.open(size) as pilot:
        dashboard_of(pilot).open_run(run)
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        screen = pilot.app.screen
        assert isinstance(screen, TrainingScreen)
        yield Watched(pilot, await watch(pilot, screen))


# ------------------------------------------------------------------------------------------------ what is shown


async def test_the_charts_get_their_curves_and_the_board_the_keys(home: Home, life: Life) -> None:
    async with watched(home, life, (280, 60)) as it:
        assert it.names == ["loss", "accuracy", "rate", "learning-rate", "gradient", "device"]
        labels = {name: [trace.line.label for trace in it.chart(name).plot.traces] for name in it.names}
        assert labels["loss"] == ["train", "validation"]
        assert labels["accuracy"] == ["train", "segments", "utterances"]
        assert labels["device"] == ["CPU"]
        assert "reported elsewhere 0.66" in seen(it.pilot)
        best = it.chart("accuracy").plot.traces[1].best
        assert best is not None
        assert f"{best[1]:.4f}" in seen(it.pilot)
        assert "★" in seen(it.pilot)
        assert it.pilot.app.focused is it.board


async def test_new_points_are_drawn_one_chart_a_tick_and_hidden_charts_never(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        assert it.names == ["loss", "accuracy", "rate", "learning-rate"]
        it.screen._reading = True  # the screen's own clock stands still
        follower = it.screen._follower
        assert follower is not None
        write(it.screen.run, e.Progress(step=UNTIL + 10, time=LATER, steps=10, steps_per_second=12.0, loss=9.0,
                                        accuracy=0.5, learning_rate=1e-3, gradient_norm=1.0))  # fmt: skip
        it.board.show(follower.read())
        await it.pilot.app.workers.wait_for_complete(list(it.board.workers))
        plots = {name: it.chart(name).plot for name in it.board.titles}
        drawn = [
            name
            for _ in range(6)
            if it.board.advance()
            for name in it.board.titles
            if plots[name] is not it.chart(name).plot
        ]
        assert len(set(drawn)) == 4
        assert len(drawn) == 1 + 2 + 3 + 4, "each time one more"
        assert it.chart("loss").plot.traces[0].raw_y.max() == 9.0
        assert it.chart("device").drawings == 0


async def test_a_chart_is_drawn_again_only_when_something_changed(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        drawings = {name: it.chart(name).drawings for name in it.names}
        for _ in range(3):
            it.screen.tick()
            await it.pilot.pause(0.05)
        assert {name: it.chart(name).drawings for name in it.names} == drawings


async def test_where_one_chart_fits_the_number_keys_and_the_tabs_choose_it(home: Home, life: Life) -> None:
    async with watched(home, life) as it:
        for key, name, title in (("2", "accuracy", "Accuracy"), ("6", "device", "Device"), ("3", "rate", "Step rate")):
            await it.press(key)
            assert it.names == [name]
            assert f"╭─ {title}" in seen(it.pilot)
        tabs = seen(it.pilot).splitlines()[5]
        assert tabs.split("  ")[0].strip() == "1 Loss"
        assert tabs.rstrip().endswith("6 Device")
        await it.pilot.click("ChartTabs", offset=(tabs.index("2 Acc") + 1, 0))
        await until(it.pilot, lambda: it.names == ["accuracy"])


async def test_where_four_fit_another_one_takes_the_last_place(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        await it.press("6")
        assert it.names == ["loss", "accuracy", "rate", "device"]
        assert "▸ Device" in seen(it.pilot)
        await it.press("1")
        assert it.names == ["loss", "accuracy", "rate", "learning-rate"]


async def test_any_size_has_as_many_charts_as_fit(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        for size, together in (((200, 60), 4), ((280, 60), 6), ((3, 2), 1), ((100, 34), 4)):
            await it.pilot.resize_terminal(*size)
            await until(it.pilot, lambda together=together: len(it.names) == together)  # type: ignore[misc]
            await it.pilot.pause()


# ------------------------------------------------------------------------------------------------ how it is looked at


async def test_one_chart_fills_the_screen_and_goes_back(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        await it.press("2", "enter")
        assert it.names == ["accuracy"]
        assert it.chart("accuracy").size.height > 30
        await it.press("3")
        assert it.names == ["rate"]
        await it.press("escape")
        assert len(it.names) == 4
        assert it.pilot.app.screen is it.screen
        await it.pilot.press("escape")
        await until(it.pilot, lambda: it.pilot.app.screen is not it.screen)


async def test_zoom_and_pan_move_all_charts_and_0_shows_the_whole(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        await it.press("plus")
        windows = {it.chart(name).plot.across for name in it.names}
        assert windows == {it.board.view.window}
        low, high = windows.pop()
        assert high == UNTIL
        assert low > 0
        assert "zoomed" in seen(it.pilot)
        await it.press("down")
        assert it.chart("loss").plot.across[1] < UNTIL
        await it.press("up", "minus")
        assert it.board.view.window is None
        await it.press("plus", "plus", "0")
        assert it.chart("loss").plot.across == it.board.whole


async def test_who_looks_at_the_newest_end_goes_on_doing_so(home: Home, life: Life) -> None:
    async with watched(home, life) as it:
        await it.press("plus")
        before = it.board.view.window
        assert before is not None
        write(it.screen.run, e.Progress(step=UNTIL + 1000, time=LATER, steps=1000, steps_per_second=12.0, loss=1.0,
                                        accuracy=0.5, learning_rate=1e-3, gradient_norm=1.0))  # fmt: skip
        await until(it.pilot, lambda: it.board.view.window != before)
        assert it.board.view.window == pytest.approx((before[0] + 1000, before[1] + 1000))


async def test_the_cursor_reads_every_curve_at_its_place(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        await it.press("left")
        await it.press("down", "down", "left")
        place = it.board.cursor
        assert place is not None
        assert 0 < place < UNTIL
        for name in it.names:
            legend = str(it.chart(name).border_title)
            assert f"step {place:,.0f}" in legend
            for trace in it.chart(name).plot.traces:
                value = trace.at(place, "step")
                assert value is not None
                assert trace.line.say(value) in legend
        await it.press("escape")
        assert it.board.cursor is None
        assert f"step {place:,.0f}" not in seen(it.pilot)


async def test_a_cursor_at_the_edge_takes_the_window_along(home: Home, life: Life) -> None:
    async with watched(home, life) as it:
        await it.press("plus", "plus", "down", "down", "left")
        await it.press(*["right"] * 3)
        assert it.board.view.window is not None
        assert it.board.cursor == pytest.approx(it.board.view.window[1])


async def test_the_axis_goes_by_step_time_and_epoch(home: Home, life: Life) -> None:
    async with watched(home, life) as it:
        await it.press("t")
        assert "by time trained" in seen(it.pilot)
        assert it.board.whole[1] == pytest.approx(UNTIL / 12.3, rel=0.01)
        assert "min" in seen(it.pilot)
        await it.press("t")
        assert "by epoch" in seen(it.pilot)
        assert it.board.whole[1] == pytest.approx(UNTIL * 32 / 2250)
        await it.press("t")
        assert it.board.whole[1] == UNTIL


async def test_smoothing_has_strengths_and_says_its_own(home: Home, life: Life) -> None:
    async with watched(home, life) as it:
        assert f"smoothed {USUAL_STRENGTH:g}" in seen(it.pilot)

        def roughness() -> float:
            y = it.chart("loss").plot.traces[0].y
            return float(sum(abs(later - earlier) for earlier, later in pairwise(y)))

        rough = roughness()
        await it.press("right_square_bracket")
        assert roughness() < rough
        assert "smoothed 0.98" in seen(it.pilot)
        await it.press(*["left_square_bracket"] * len(STRENGTHS))
        assert roughness() > rough
        assert "smoothed" not in seen(it.pilot)


async def test_a_logarithmic_axis_is_the_chosen_charts_own(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        await it.press("4", "g")
        assert it.chart("learning-rate").plot.logarithmic
        assert not it.chart("loss").plot.logarithmic
        assert "logarithmic" in seen(it.pilot)
        await it.press("g")
        assert "logarithmic" not in seen(it.pilot)


async def test_curves_are_hidden_and_shown_in_the_list_and_by_the_legend(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        await it.pilot.press("v")
        await until(it.pilot, lambda: isinstance(it.pilot.app.screen, CurvesDialog))
        await it.pilot.press("space")
        await until(it.pilot, "□ train")
        assert "■ validation" in seen(it.pilot)
        await it.pilot.press("escape")
        await until(it.pilot, lambda: it.pilot.app.screen is it.screen)
        await until(it.pilot, lambda: [t.line.label for t in it.chart("loss").plot.traces] == ["validation"])
        assert "(━ train)" in seen(it.pilot)
        column = seen(it.pilot).splitlines()[5].index("(━ train)")
        await it.pilot.click(offset=Offset(column + 3, 5))
        await until(it.pilot, lambda: len(it.chart("loss").plot.traces) == 2)


async def test_the_mouse_zooms_pulls_reads_and_opens(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        loss = it.chart("loss")
        await it.pilot.hover(loss, offset=(30, 4))
        await until(it.pilot, lambda: it.board.cursor is not None)
        assert it.board.cursor == pytest.approx(UNTIL / 2, rel=0.1)
        await it.pilot._post_mouse_events([MouseScrollUp], loss, offset=(30, 4))
        await until(it.pilot, lambda: loss.plot.view.window is not None)
        low, high = loss.plot.across
        assert low < UNTIL / 2 < high
        await it.pilot.mouse_down(loss, offset=(30, 4))
        await it.pilot.hover(loss, offset=(40, 4))
        await it.pilot.mouse_up(loss, offset=(40, 4))
        await until(it.pilot, lambda: loss.plot.across[0] < low)
        await it.pilot.click(loss, offset=(30, 4), times=2)
        await until(it.pilot, lambda: it.names == ["loss"])


async def test_fonts_without_braille_and_other_colours_are_served(home: Home, life: Life) -> None:
    async with watched(home, life) as it:
        it.board.marker = "ascii"
        await it.pilot.pause()
        assert not any("⠀" < letter <= "⣿" for letter in seen(it.pilot))
        before = it.chart("loss").drawings
        it.board.palette = "okabe-ito"
        await it.pilot.pause()
        assert it.chart("loss").drawings > before
        assert "#56b4e9" in it.pilot.app.export_screenshot()


async def test_every_key_stands_in_the_help_and_every_action_in_the_palette(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        assert all(key.id and key.tooltip for key in KEYS)
        names = [name for name, _, _ in it.screen.commands()]
        for name in ("Chart: Loss", "Full screen", "Zoom in", "Axis", "Smooth more", "Curves", "Export"):
            assert name in names
        axis = next(action for name, _, action in it.screen.commands() if name == "Axis")
        await axis()  # type: ignore[misc]
        await until(it.pilot, "by time trained")
        await it.pilot.press("f1")
        await until(it.pilot, "Smooths noisy curves more")


# ------------------------------------------------------------------------------------------------ into a file


async def export(it: Watched, path: str) -> None:
    await it.pilot.press("w")
    await until(it.pilot, lambda: isinstance(it.pilot.app.screen, ExportDialog))
    it.pilot.app.screen.query_one(PathInput).value = path
    await it.pilot.pause()
    await it.pilot.press("enter")


async def test_charts_curves_and_events_are_exported(home: Home, life: Life) -> None:
    async with watched(home, life, MEDIUM) as it:
        for name in ("charts.svg", "curves.csv", "told.jsonl"):
            await export(it, str(home.root / "kept" / name))
            await until(it.pilot, lambda name=name: f"kept/{name}" in notices(it.pilot))  # type: ignore[misc]
        words = "".join(ElementTree.parse(home.root / "kept" / "charts.svg").getroot().itertext())
        assert "reported elsewhere 0.66" in words
        assert "Gradient norm" not in words, "what isn't seen isn't in the image"
        rows = list(csv.DictReader((home.root / "kept" / "curves.csv").open()))
        state = it.screen.run.state()
        assert [float(row["step"]) for row in rows] == list(state.train_loss.steps)
        assert [float(row["loss train"]) for row in rows] == list(state.train_loss.values)
        told = (home.root / "kept" / "told.jsonl").read_bytes()
        assert told == it.screen.run.events_path.read_bytes()


async def test_a_place_where_nothing_can_be_written_is_named(home: Home, life: Life) -> None:
    async with watched(home, life) as it:
        (home.root / "file").write_text("in the way")
        await export(it, str(home.root / "file" / "charts.svg"))
        await until(it.pilot, lambda: "Not exported" in notices(it.pilot))
        await export(it, str(home.root / "charts.png"))
        await until(it.pilot, "the name should end in .svg, .csv, .jsonl")
        await it.pilot.press("escape")
        await until(it.pilot, lambda: it.pilot.app.screen is it.screen)
        assert not (home.root / "charts.png").exists()


async def test_a_run_without_points_says_so(home: Home, life: Life) -> None:
    run = life.give(new_run(home.runs))
    async with home.open() as pilot:
        dashboard_of(pilot).open_run(run)
        await until(pilot, "no points yet")
        await pilot.press("plus", "left", "t", "g", "right_square_bracket", "enter", "enter")
        await until(pilot, "no points yet")
