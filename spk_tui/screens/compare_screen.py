"""Several runs side by side: their curves laid over each other, the settings in which they differ beside what came of
them, and what each encoder costs against what it reaches.

It reads the runs in a thread, those that train again every second. Where there is no room for all three parts, keys
bring one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widgets import DataTable, Footer, Tab, Tabs

from engine.runs.directory import RunDirectory
from spk_tui.compared_runs import ComparedRun, ComparedRuns
from spk_tui.overlay import OVERLAYS, overlaid
from spk_tui.screens.room import Room
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.comparison_table import ComparisonTable
from spk_tui.widgets.run_legend import RunLegend
from spk_tui.widgets.scatter_plot import ScatterPlot
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import count

TICKS_BETWEEN_READS = 4
PARTS = {"curves": "Curves", "settings": "Settings and results", "scatter": "Parameters"}
WIDE, TALL, BROAD, HIGH = 100, 32, 160, 45


class CompareScreen(Room):
    """The runs in the order in which they are given, at most as many as there are letters. `title`: what they are."""

    HELP_TEXT = (
        "Each run has a letter, a colour and a mark, the same everywhere. The curves are looked at as those of a single"
        " run: zoom, axes and the cursor have the same keys. The table shows the settings in which the runs differ and "
        "the accuracies of each one's best checkpoint; the time trained counts neither pauses nor validations. The "
        "scatter shows which encoder is worth its parameters: the further up and to the left, the better."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("c", "part", "Next part", tooltip="Curves, table, scatter, where not all fit", id="compare.part"),
        Binding("o", "order", "Order", tooltip="Sort the table by its next column", id="compare.order"),
        Binding("O", "reverse", "Reverse", show=False, tooltip="The same order backwards", id="compare.reverse"),
        Binding("escape", "back", "Back", tooltip="Where you came from", id="compare.back"),
    ]

    part: reactive[str] = reactive("curves")

    def __init__(self, runs: Sequence[RunDirectory], title: str = "") -> None:
        super().__init__()
        self.compared: tuple[ComparedRun, ...] = ()
        self._title = title
        self._given = len(runs)
        self._runs = ComparedRuns(runs)
        self._reading = self._is_shown = False
        self._ticks = 0

    def compose(self) -> ComposeResult:
        """All three parts; the layout decides which are seen."""
        yield TitleBar("Comparison" + (f"  ›  {self._title}" if self._title else ""))
        yield Tabs(*(Tab(words, id=f"tab-{name}") for name, words in PARTS.items()))
        yield RunLegend()
        with Horizontal(id="pictures"):
            yield ChartBoard({name: overlay.title for name, overlay in OVERLAYS.items()}, id="curves")
            yield ScatterPlot(id="scatter")
        with Vertical(id="settings") as settings:
            settings.border_title = "Differing settings and results"
            yield ComparisonTable()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Reading begins at once and goes on every second."""
        self.query_one(Tabs).can_focus = False
        board = self.query_one(ChartBoard)
        self.dashboard.dress(board)
        for widget in (self.query_one(RunLegend), self.query_one(ScatterPlot), self.query_one(ComparisonTable)):
            self.watch(board, "palette", partial(setattr, widget, "palette"))
        self.watch(board, "marker", partial(setattr, self.query_one(RunLegend), "marker"))
        self._lay_out()
        board.focus()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The widgets are there: the first reading."""
        self.tick()
        self.set_interval(self.dashboard.seconds_a_frame, self.tick)

    # ------------------------------------------------------------------------------------------------ reading

    def tick(self) -> None:
        """Draws at most one chart; every so often reads what is new."""
        if not self.is_current:
            return
        self.query_one(ChartBoard).advance()
        if not self._reading and self._ticks % TICKS_BETWEEN_READS == 0:
            self._reading = True
            self._read()
        self._ticks += 1

    @work(group="read")
    async def _read(self) -> None:
        try:
            self.show(await self.in_thread(self._runs.read))
        finally:
            self._reading = False

    def show(self, compared: tuple[ComparedRun, ...]) -> None:
        """Hands the runs to the widgets, if anything is new."""
        if compared == self.compared and self._is_shown:
            return
        self.compared, self._is_shown = compared, True
        entries = tuple(run.entry for run in compared)
        self.query_one(RunLegend).entries = entries
        self.query_one(ScatterPlot).entries = entries
        self.query_one(ComparisonTable).show_entries(entries)
        self.query_one(ChartBoard).show_charts(overlaid(compared))
        left_out = self._given - len(compared)
        news = f"{count(len(compared))} run{'s' * (len(compared) != 1)}"
        self.query_one(TitleBar).news = f"{news}, {count(left_out)} can't be shown" if left_out else news

    # ------------------------------------------------------------------------------------------------ layout

    def on_resize(self) -> None:
        """As many parts as there is room for."""
        self._lay_out()

    def watch_part(self) -> None:
        """Another part is wanted."""
        if self.is_mounted:
            self._lay_out()

    @property
    def parts_together(self) -> int:
        """How many parts are seen at once."""
        width, height = self.app.size
        return 3 if width >= BROAD and height >= HIGH else 2 if width >= WIDE and height >= TALL else 1

    @property
    def seen(self) -> set[str]:
        """The parts that are seen: the table is always among two."""
        if self.parts_together == 3:
            return set(PARTS)
        if self.parts_together == 2:
            return {"settings", "scatter" if self.part == "scatter" else "curves"}
        return {self.part}

    def _lay_out(self) -> None:
        seen = self.seen
        for name in PARTS:
            self.query_one(f"#{name}").display = name in seen
        self.query_one("#pictures").display = seen != {"settings"}
        tabs = self.query_one(Tabs)
        tabs.display = len(seen) == 1
        tabs.active = f"tab-{self.part}"
        self.set_class(len(seen) == 1, "-one")
        self.query_one(ComparisonTable if self.part == "settings" or "curves" not in seen else ChartBoard).focus()
        self.refresh_bindings()

    @on(Tabs.TabActivated)
    def _tab_activated(self, event: Tabs.TabActivated) -> None:
        event.stop()
        if event.tab.id and self.query_one(Tabs).display:
            self.part = event.tab.id.removeprefix("tab-")

    # ------------------------------------------------------------------------------------------------ acting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        if action == "part":
            return self.parts_together < 3
        if action in ("order", "reverse"):
            return self.is_mounted and "settings" in self.seen
        return True

    def action_part(self) -> None:
        """The next part; where the table stands anyway, the other picture."""
        parts = list(PARTS) if self.parts_together == 1 else ["curves", "scatter"]
        self.part = parts[(parts.index(self.part) + 1) % len(parts)] if self.part in parts else parts[-1]

    def action_order(self) -> None:
        """By the next column."""
        self.query_one(ComparisonTable).order_by_next()

    def action_reverse(self) -> None:
        """The other way round."""
        table = self.query_one(ComparisonTable)
        table.order_by(table.order)

    @on(DataTable.HeaderSelected)
    def _header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        if event.column_key.value is not None:
            self.query_one(ComparisonTable).order_by(event.column_key.value)

    @on(DataTable.RowSelected)
    def action_open(self) -> None:
        """Opens the run under the table's cursor."""
        if (entry := self.query_one(ComparisonTable).chosen) is not None:
            self.dashboard.open_run(entry.row.run)

    def action_back(self) -> None:
        """To where one came from."""
        self.app.pop_screen()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done here, then what can be done with the charts."""
        if self.check_action("part", ()):
            yield "Next part", "Curves, table, scatter", self.action_part
        if self.check_action("order", ()):
            yield "Sort the table by the next column", "Run, accuracies, settings, results", self.action_order
            yield "Sort the table the other way round", "The same column backwards", self.action_reverse
        if (entry := self.query_one(ComparisonTable).chosen) is not None:
            yield f"Open {entry.row.run.id}", "Show this run's own charts", self.action_open
        yield from self.query_one(ChartBoard).commands()
