"""Charts side by side where there is room, one at a time under numbered tabs where there is not, or one over all else.

All of them are looked at in one way: one axis, one window, one cursor. What there is to draw is worked out in a thread
(`arranging.py`), and drawn at a calm pace: at most one chart a tick, and only one that can be seen; what somebody asked
for with a key or the mouse is drawn at once. Whose curves they are the board doesn't know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Vertical
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.arranging import Arranger, Plot
from spk_tui.background import in_thread
from spk_tui.charts import Chart, View
from spk_tui.follower import Snapshot
from spk_tui.palettes import Palette
from spk_tui.run_charts import KINDS, charts_of
from spk_tui.series import AXES
from spk_tui.smoothing import STRENGTHS, USUAL_STRENGTH
from spk_tui.widgets.chart_keys import KEYS
from spk_tui.widgets.chart_tabs import ChartTabs
from spk_tui.widgets.curve_chart import CurveChart

if TYPE_CHECKING:
    from spk_tui.dot_canvas import Marker

WIDE, TALL = 98, 14
BROAD, ROOMY = 158, 24
ZOOM = 0.6
PAGE = 0.5
LEAP = 10
AXIS_WORDS = {"step": "by step", "time": "by time trained", "epoch": "by epoch"}


class ChartBoard(Vertical, can_focus=True):
    """Charts of any number; those of a run, unless other titles are given, by name."""

    DEFAULT_CSS = """
    ChartBoard {
        height: 1fr;
        & > Grid { grid-gutter: 0 1; height: 1fr; }
        & CurveChart { display: none; }
        & CurveChart.-seen { display: block; }
        & > ChartTabs { display: none; }
        &.-one > ChartTabs { display: block; }
        &:focus CurveChart.-chosen { border: round $primary; }
    }
    """
    BINDINGS = [*KEYS]  # noqa: RUF012

    marker: reactive[Marker] = reactive("braille")
    palette: reactive[Palette] = reactive("theme")
    smoothing: reactive[float] = reactive(USUAL_STRENGTH)
    cursor: reactive[float | None] = reactive(None)
    chosen: reactive[str] = reactive("")
    is_full: reactive[bool] = reactive(False)

    def __init__(self, titles: Mapping[str, str] | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.titles = dict(titles) if titles else {name: kind.title for name, kind in KINDS.items()}
        self.charts: dict[str, Chart] = {name: Chart(title) for name, title in self.titles.items()}
        self.events_path: Path | None = None
        self.view = View(smoothing=USUAL_STRENGTH)
        self.whole = (0.0, 1.0)
        self._arranger = Arranger()
        self._ready: dict[str, Plot] = {}
        self._arranged: dict[str, object] = {}
        self._is_arranging = self._has_news = False
        self._turn = 0
        self._together = 1

    def compose(self) -> ComposeResult:
        """Tabs and charts; the size decides which are seen."""
        yield ChartTabs(self.titles)
        with Grid():
            for name, title in self.titles.items():
                yield CurveChart(name, title).data_bind(ChartBoard.marker, ChartBoard.palette, ChartBoard.cursor)

    def on_mount(self) -> None:
        """The first chart is the chosen one."""
        self.chosen = next(iter(self.titles))
        self.watch(self.screen, "maximized", self._maximized, init=False)

    # ------------------------------------------------------------------------------------------------ what is shown

    def show(self, snapshot: Snapshot) -> None:
        """Takes in what there is to draw of a run; `advance` draws it."""
        self.events_path = snapshot.events_path
        self.show_charts(charts_of(snapshot))

    def show_charts(self, charts: Mapping[str, Chart]) -> None:
        """Takes in charts, one for each of the board's names."""
        self.charts = dict(charts)
        self._arrange()

    def advance(self) -> bool:
        """Draws the next visible chart that is out of date; returns whether there was one."""
        names = list(self.titles)
        for place in range(len(names)):
            name = names[(self._turn + place) % len(names)]
            if name in self.seen and self._draw(name):
                self._turn = names.index(name) + 1
                return True
        return False

    @property
    def is_drawn(self) -> bool:
        """Whether every chart that can be seen shows the newest there is."""
        charts = {name: self._chart(name) for name in self.seen}
        return not self._is_arranging and all(chart.plot is self._ready.get(name) for name, chart in charts.items())

    @property
    def seen(self) -> list[str]:
        """The names of the charts that can be seen; the chosen one is always among them."""
        if self._together == 1 or self.is_full:
            return [self.chosen] if self.chosen else []
        names = list(self.titles)[: self._together]
        return names if self.chosen in names else [*names[:-1], self.chosen]

    def _chart(self, name: str) -> CurveChart:
        return self.query_one(f"#chart-{name}", CurveChart)

    def _draw(self, name: str) -> bool:
        """Gives a chart its newest plot; returns whether it had another one."""
        chart, plot = self._chart(name), self._ready.get(name)
        if plot is None or chart.plot is plot:
            return False
        chart.plot = plot
        chart.border_subtitle = self._view_words(plot)
        return True

    def _view_words(self, plot: Plot) -> str:
        """How a chart is looked at, as far as it isn't plain."""
        view = plot.view
        noisy = any(line.noisy and line.label in plot.newest for line in plot.chart.lines)
        words = (
            f"smoothed {view.smoothing:g}" if noisy and view.smoothing else "",
            "logarithmic" if plot.logarithmic else "",
            "zoomed" if view.window else "",
            AXIS_WORDS[view.axis] if view.axis != "step" else "",
        )
        return "" if plot.chart.is_empty else "  ".join(word for word in words if word)

    # ------------------------------------------------------------------------------------------------ arranging

    def _arrange(self) -> None:
        """Has the visible charts arranged in a thread, once more if that goes on already."""
        self._has_news = True
        if not self._is_arranging and self.is_mounted:
            self._is_arranging = True
            self._arrange_in_thread()

    @work(group="arrange")
    async def _arrange_in_thread(self) -> None:
        try:
            while self._has_news:
                self._has_news = False
                view = self.view
                columns = {name: 2 * max(8, self._chart(name).size.width) for name in self.seen}
                self._take(view, *await in_thread(self._arrange_all, dict(self.charts), view, self.whole, columns))
        finally:
            self._is_arranging = False

    def _arrange_all(
        self, charts: dict[str, Chart], view: View, before: tuple[float, float], columns: dict[str, int]
    ) -> tuple[View, tuple[float, float], dict[str, Plot]]:
        """In the thread: the charts of these names, as far as anything about them is new."""
        whole = self._arranger.whole(charts, view.axis)
        if view.window is not None and view.window[1] >= before[1] and whole != before:
            view = view.panned(whole[1] - before[1], whole)  # who looks at the newest end goes on doing so
        plots = {}
        for name, width in columns.items():
            wanted = (charts[name], view, whole, width)
            if self._arranged.get(name) != wanted:
                plots[name] = self._arranger.arrange(name, charts[name], view, whole, width)
                self._arranged[name] = wanted
        return view, whole, plots

    def _take(self, asked: View, view: View, whole: tuple[float, float], plots: dict[str, Plot]) -> None:
        """What is arranged waits for its turn, unless somebody waits for it."""
        self.whole = whole
        if self.view == asked:
            self.view = view
        self._ready.update(plots)
        for name, plot in plots.items():
            shown = self._chart(name).plot
            if shown.is_blank or shown.view != plot.view:
                self._draw(name)

    def look(self, view: View) -> None:
        """Looks at all charts in another way, at once."""
        if view != self.view:
            self.view = view
            self._arrange()

    def watch_smoothing(self, strength: float) -> None:
        """As strongly as was asked, from now on."""
        self.look(replace(self.view, smoothing=strength))

    # ------------------------------------------------------------------------------------------------ layout

    def on_resize(self, event: events.Resize) -> None:
        """As many charts as there is room for."""
        width, height = event.size
        self._together = 6 if width >= BROAD and height >= ROOMY else 4 if width >= WIDE and height >= TALL else 1
        self._lay_out()

    def watch_chosen(self) -> None:
        """It is always seen."""
        self._lay_out()

    def watch_is_full(self, is_full: bool) -> None:
        """Over everything else, or back among it."""
        if is_full:
            self.screen.maximize(self, container=False)
        elif self.is_mounted and self.screen.maximized is self:
            self.screen.minimize()
        self._lay_out()

    def _maximized(self, widget: Widget | None) -> None:
        """The screen has a way back of its own."""
        self.is_full = widget is self

    def _lay_out(self) -> None:
        if not self.is_mounted or not self.chosen:
            return
        seen = self.seen
        columns = 1 if len(seen) == 1 else 3 if len(seen) > 4 else 2
        grid = self.query_one(Grid)
        grid.styles.grid_size_columns, grid.styles.grid_size_rows = columns, -(-len(seen) // columns)
        self.set_class(len(seen) == 1, "-one")
        for name in self.titles:
            chart = self._chart(name)
            chart.set_class(name in seen, "-seen")
            chart.chosen = name == self.chosen and len(seen) > 1
            chart.set_class(chart.chosen, "-chosen")
        self.query_one(ChartTabs).chosen = self.chosen
        self.call_after_refresh(self._arrange)

    # ------------------------------------------------------------------------------------------------ keys and mouse

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's unless there is something here to leave."""
        if action == "leave":
            return self.is_full or self.cursor is not None
        return action != "choose" or int(str(parameters[0])) < len(self.titles)

    def choose(self, place: int) -> None:
        """Chooses the chart of that place, counted from 0."""
        self.chosen = list(self.titles)[place]

    action_choose = choose

    def action_full(self) -> None:
        """The chosen chart over everything, and back."""
        self.is_full = not self.is_full

    def action_leave(self) -> None:
        """First without cursor, then out of full screen."""
        if self.cursor is not None:
            self.cursor = None
        else:
            self.is_full = False

    def action_zoom(self, inwards: bool) -> None:
        """Around the cursor, else around the newest end."""
        around = self.whole[1] if self.cursor is None else self.cursor
        self.look(self.view.zoomed(ZOOM if inwards else 1 / ZOOM, self.whole, around))

    def action_whole(self) -> None:
        """All of the axis."""
        self.look(replace(self.view, window=None))

    def action_pan(self, direction: int) -> None:
        """Half a window; where all is seen the cursor leaps instead."""
        if self.view.window is None:
            self.action_cursor(LEAP * direction)
        else:
            low, high = self.view.window
            self.look(self.view.panned(direction * PAGE * (high - low), self.whole))

    def action_cursor(self, columns: int) -> None:
        """So many columns on; a window goes along at its edges. The first time it appears at the newest end."""
        low, high = self.view.window or self.whole
        if self.cursor is None:
            self.cursor = high
            return
        place = self.cursor + columns * (high - low) / self._chart(self.chosen).columns
        self.cursor = min(max(place, self.whole[0]), self.whole[1])
        beyond = min(0.0, self.cursor - low) + max(0.0, self.cursor - high)
        if beyond:
            self.look(self.view.panned(beyond, self.whole))

    def action_axis(self) -> None:
        """The next axis on which the curves can be placed."""
        clocks = [line.clock for chart in self.charts.values() for line in chart.lines if len(line.series)]
        axes = [axis for axis in AXES if axis == "step" or any(clock.knows(axis) for clock in clocks)]
        following = axes[(axes.index(self.view.axis) + 1) % len(axes)]
        self.cursor = None
        self.look(replace(self.view, axis=following, window=None))

    def action_logarithmic(self) -> None:
        """The chosen chart's vertical axis."""
        self.look(replace(self.view, logarithmic=self.view.logarithmic ^ {self.chosen}))

    def action_smooth(self, direction: int) -> None:
        """The next strength."""
        nearest = min(range(len(STRENGTHS)), key=lambda place: abs(STRENGTHS[place] - self.smoothing))
        self.smoothing = STRENGTHS[min(max(0, nearest + direction), len(STRENGTHS) - 1)]

    def toggle(self, label: str) -> None:
        """Shows or hides the curves of that label, in all charts."""
        self.look(replace(self.view, hidden=self.view.hidden ^ {label}))

    @property
    def labels(self) -> list[str]:
        """The labels of all curves that have points, each once."""
        return list(
            dict.fromkeys(line.label for chart in self.charts.values() for line in chart.lines if len(line.series))
        )

    def action_series(self) -> None:
        """Asks which curves are shown."""
        from spk_tui.screens.curves_dialog import CurvesDialog

        self.app.push_screen(CurvesDialog(self.labels, self.view.hidden, self.toggle))

    @work(group="export")
    async def action_export(self) -> None:
        """Asks for a path and writes what its ending says."""
        from spk_tui.screens.export_dialog import export

        shown = {name: self.charts[name] for name in self.seen}
        await export(self.app, shown, self.charts, self.view, self.events_path)

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done with the charts, for the command palette: name, explanation, action."""
        for binding in self.BINDINGS:
            if not isinstance(binding, Binding) or binding.action == "leave":
                continue
            name, explanation = binding.description, binding.tooltip
            if binding.action.startswith("choose"):
                place = int(binding.key) - 1
                if place >= len(self.titles):
                    continue
                name, explanation = f"Chart: {list(self.titles.values())[place]}", "Show or choose this chart"
            yield name, explanation, partial(self.run_action, binding.action)

    @on(ChartTabs.Chosen)
    def _tab_chosen(self, event: ChartTabs.Chosen) -> None:
        event.stop()
        self.chosen = event.chart

    @on(CurveChart.Pointed)
    def _pointed(self, event: CurveChart.Pointed) -> None:
        event.stop()
        self.cursor = event.place

    @on(CurveChart.Pulled)
    def _pulled(self, event: CurveChart.Pulled) -> None:
        event.stop()
        self.look(self.view.panned(event.distance, self.whole))

    @on(CurveChart.Wheeled)
    def _wheeled(self, event: CurveChart.Wheeled) -> None:
        event.stop()
        self.look(self.view.zoomed(ZOOM if event.inwards else 1 / ZOOM, self.whole, event.place))

    @on(CurveChart.Pressed)
    def _pressed(self, event: CurveChart.Pressed) -> None:
        event.stop()
        self.focus()
        if event.label is not None:
            self.toggle(event.label)
        elif event.times == 2:
            self.action_full()
        else:
            self.chosen = event.chart.name or self.chosen
