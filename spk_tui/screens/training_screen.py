"""The training screen: one run, live or past, as its events tell it, and what one can ask of it.

It reads in a thread, one snapshot a tick, and writes nothing but requests and a note: the run goes on whether it is
watched or not. How the run looks is the widgets' business; what one can ask of it is in `run_asking.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, TypeAlias

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.reactive import reactive
from textual.widgets import Footer

from engine.errors import InputError
from engine.runs.directory import RunDirectory
from spk_tui.follower import Follower, Snapshot
from spk_tui.log_filter import LogFilter
from spk_tui.pace import Pace
from spk_tui.screens.run_asking import RunAsking, askable
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.configuration_pane import ConfigurationPane
from spk_tui.widgets.console_pane import ConsolePane
from spk_tui.widgets.event_log import EventLog
from spk_tui.widgets.find_bar import FindBar
from spk_tui.widgets.run_summary import RunSummary
from spk_tui.widgets.status_panel import StatusPanel
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import corpus_words

WIDE = 100
TICKS_BETWEEN_READS_WHEN_OVER = 4

Pane: TypeAlias = Literal["log", "configuration", "console"]
PANES: dict[Pane, type[EventLog] | type[ConfigurationPane] | type[ConsolePane]] = {
    "log": EventLog, "configuration": ConfigurationPane, "console": ConsolePane,
}  # fmt: skip


class TrainingScreen(RunAsking):
    """One run."""

    HELP_TEXT = (
        "The curves of one run. Accuracy is shown on training batches, on fixed held-out segments and on whole "
        "held-out utterances; the dotted line is what was reported elsewhere. The run lives in a process of its own: "
        "leaving this screen or the program doesn't end it. Stop saves the full state first, so that a stopped run can "
        "be resumed; the best weights are kept whenever a validation improves on them.\n\n"
        "What the mouse has marked, Ctrl+C copies. A filter of the log takes words, and kinds of lines: diagnosis, "
        "validation, best, phase, answer."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("l", "log", "Log", show=False, tooltip="The log in large, and back", id="training.log"),
        Binding("slash", "filter", "Filter", show=False, tooltip="Look for words in the log", id="training.filter"),
        Binding("c", "configuration", "Configuration", show=False,
                tooltip="The preset as resolved, and what differs from the library's", id="training.configuration"),
        Binding("o", "console", "Console output", show=False,
                tooltip="What the worker printed", id="training.console"),
        Binding("y", "copy", "Copy", show=False,
                tooltip="Copy what has the keyboard: a line of the log, a pane, the run's path", id="training.copy"),
        Binding("escape", "back", "Back", show=False, tooltip="Leave this screen; the run goes on",
                id="training.back"),
    ]  # fmt: skip

    pane: reactive[Pane | None] = reactive(None)

    def __init__(self, run: RunDirectory) -> None:
        super().__init__(run)
        self._follower: Follower | None = None
        self._reading = False
        self._ticks = 0

    def compose(self) -> ComposeResult:
        """Status, charts, log, and the summary once it is over; the other panes when they are opened."""
        yield TitleBar(self.run.id)
        yield StatusPanel().data_bind(TrainingScreen.snapshot)
        with Container(id="middle"):
            yield ChartBoard()
            with Container(id="below"):
                yield ConfigurationPane()
                yield ConsolePane(self.run.console_path)
                yield RunSummary().data_bind(TrainingScreen.snapshot)
                yield EventLog()
        yield FindBar()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Reading begins at once and goes on tick by tick."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The widgets are there: the first reading."""
        self.dashboard.dress(self.query_one(ChartBoard))
        self.query_one(ChartBoard).focus()
        self._frame(Pace(self.dashboard.seconds_a_frame))

    def _frame(self, pace: Pace) -> None:
        """A tick, and when the next one is due."""
        if self.is_here:
            self.tick()
            self.set_timer(pace.seconds_to_next(), partial(self._frame, pace))

    def on_resize(self) -> None:
        """Whether log and summary fit beside each other is new."""
        self.refresh_bindings()

    # ------------------------------------------------------------------------------------------------ reading

    def tick(self) -> None:
        """Reads what is new, when the last reading is done, and draws at most one chart with it, in one painting."""
        if not (self.is_here and self.is_current):
            return
        self._ticks += 1
        over = self.snapshot is not None and self.snapshot.is_over
        if self._reading or (over and self._ticks % TICKS_BETWEEN_READS_WHEN_OVER):
            self.query_one(ChartBoard).advance()
            return
        self._reading = True
        self._read()

    @work(group="read")
    async def _read(self) -> None:
        try:
            self.show(await self.in_thread(self._snapshot))
            self.query_one(ChartBoard).advance()
            await self._fill_pane()
        except InputError as error:
            self.notify(str(error), title="This run can't be read", severity="error", timeout=30, markup=False)
            self.dismiss_later()
        finally:
            self._reading = False

    def _snapshot(self) -> Snapshot:
        """In a thread: the run as it is now."""
        try:
            if self._follower is None:
                self._follower = Follower(self.run)
            return self._follower.read()
        except OSError as error:
            raise InputError(f"{self.run.path}: {error.strerror}") from None

    def dismiss_later(self) -> None:
        """Goes back to where one came from: there is nothing to show."""
        if self.is_current:
            self.app.pop_screen()

    def show(self, snapshot: Snapshot) -> None:
        """Hands a snapshot to the widgets; each watches what is its own."""
        before = self.snapshot
        log, title = self.query_one(EventLog), self.query_one(TitleBar)
        log.add(snapshot.lines)
        self.query_one(FindBar).show_count(log.counted)
        self.query_one(ChartBoard).show(snapshot)
        self.snapshot = snapshot
        self.set_class(snapshot.is_over, "-over")
        title.place = f"{snapshot.labels.name or snapshot.preset.name}  ›  {corpus_words(snapshot.info.corpus)}"
        title.news, title.note = snapshot.info.id, snapshot.labels.notes
        if before is None or askable(before) != askable(snapshot):
            self.refresh_bindings()

    # ------------------------------------------------------------------------------------------------ panes

    @work(group="pane", exclusive=True)
    async def watch_pane(self) -> None:
        """One of the panes takes the room, and the keyboard; or the charts have both again."""
        for name in PANES:
            self.set_class(name == self.pane, f"-{name}")
        self.set_class(self.pane is not None, "-reading")
        if not self.is_mounted:
            return
        await self._fill_pane()
        if not self.query_one(FindBar).is_open:
            self.query_one(ChartBoard if self.pane is None else PANES[self.pane]).focus()

    async def _fill_pane(self) -> None:
        """What only an open pane needs to know."""
        if self.pane == "console":
            await self.query_one(ConsolePane).follow()
        elif self.pane == "configuration" and self.snapshot is not None:
            await self.query_one(ConfigurationPane).show(self.snapshot.preset)

    def _toggle(self, pane: Pane) -> None:
        self.pane = None if self.pane == pane else pane

    def action_log(self) -> None:
        """The log in large, and back."""
        self._toggle("log")

    def action_configuration(self) -> None:
        """The preset as resolved, and what differs from the library's."""
        self._toggle("configuration")

    def action_console(self) -> None:
        """What the worker printed."""
        self._toggle("console")

    def action_filter(self) -> None:
        """Opens the log with a line in which one types what is looked for."""
        self.pane = "log"
        self.query_one(FindBar).open()

    @on(FindBar.Changed)
    def _look_for(self, event: FindBar.Changed) -> None:
        self.query_one(EventLog).look_for(LogFilter.of(event.typed))
        self._count_hits()

    @on(FindBar.Go)
    def _go_to_hit(self, event: FindBar.Go) -> None:
        self.query_one(EventLog).go(event.way)
        self._count_hits()

    @on(FindBar.Alone)
    def _hits_alone(self) -> None:
        self.query_one(EventLog).toggle_hits_alone()

    @on(FindBar.Closed)
    def _found(self) -> None:
        self.query_one(EventLog).look_for(LogFilter())
        self.query_one(EventLog).focus()

    def _count_hits(self) -> None:
        self.query_one(FindBar).show_count(self.query_one(EventLog).counted)

    def action_copy(self) -> None:
        """Copies what has the keyboard, by the terminal's own clipboard (OSC 52)."""
        here = [*self.focused.ancestors_with_self] if self.focused is not None else []
        if self.query_one(FindBar) in here:
            here = [self.query_one(EventLog)]
        text = next((node.copyable for node in here if isinstance(node, COPYABLE)), "") or str(self.run.path)
        self.app.copy_to_clipboard(text)

    # ------------------------------------------------------------------------------------------------ going about

    def action_back(self) -> None:
        """Closes what is open; else leaves, and the run goes on."""
        if self.query_one(FindBar).is_open:
            self.query_one(FindBar).action_close()
        elif self.pane is not None:
            self.pane = None
        else:
            self.app.pop_screen()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be asked of this run now."""
        for binding in (*RunAsking.BINDINGS, *self.BINDINGS):
            if isinstance(binding, Binding) and binding.tooltip and self.check_action(binding.action, ()):
                yield binding.description, binding.tooltip, getattr(self, f"action_{binding.action}")
        yield from self.query_one(ChartBoard).commands()


COPYABLE = (EventLog, ConfigurationPane, ConsolePane, RunSummary)
