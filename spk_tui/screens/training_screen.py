"""The training screen: one run, live or past, as its events tell it, and what one can ask of it.

It reads in a thread, one snapshot a tick, and writes nothing but requests: the run goes on whether it is watched or
not. How the run looks is the widgets' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.reactive import reactive
from textual.widgets import Footer

from engine.errors import InputError
from engine.runs import client
from engine.runs.directory import RunDirectory
from engine.runs.requests import Ask
from spk_tui.follower import Follower, Snapshot
from spk_tui.screens.question import Answer, Question
from spk_tui.screens.room import Room
from spk_tui.screens.save_dialog import SaveDialog
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.event_log import EventLog
from spk_tui.widgets.preparing_bar import PreparingBar
from spk_tui.widgets.run_summary import RunSummary
from spk_tui.widgets.status_panel import StatusPanel
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import accuracy, corpus_words, count

WIDE = 100
TICKS_BETWEEN_READS_WHEN_OVER = 4


class TrainingScreen(Room):
    """One run."""

    HELP_TEXT = (
        "The curves of one run. Accuracy is shown on training batches, on fixed held-out segments and on whole "
        "held-out utterances; the dotted line is what was reported elsewhere. The run lives in a process of its own: "
        "leaving this screen or the program doesn't end it. Stop saves the full state first, so that a stopped run can "
        "be resumed; the best weights are kept whenever a validation improves on them."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("x", "stop", "Stop", tooltip="Stop training and save its state", id="training.stop"),
        Binding("space", "pause", "Pause", tooltip="Let the training wait", id="training.pause"),
        Binding("space", "continue", "Continue", tooltip="Let the training go on", id="training.continue"),
        Binding("s", "save", "Save best", tooltip="Copy the best checkpoint to a path", id="training.save"),
        Binding("r", "resume", "Resume", tooltip="Go on from the saved state", id="training.resume"),
        Binding("l", "log", "Log", tooltip="Summary or log, where only one fits", id="training.log"),
        Binding("escape", "back", "Back", tooltip="Leave this screen; the run goes on", id="training.back"),
        *(
            Binding(
                str(n), f"chart({n - 1})", f"Chart {n}", show=False, tooltip=f"Show chart {n}", id=f"training.chart-{n}"
            )
            for n in range(1, 5)
        ),
    ]

    snapshot: reactive[Snapshot | None] = reactive(None)

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run
        self._follower: Follower | None = None
        self._reading = False
        self._ticks = 0

    def compose(self) -> ComposeResult:
        """Status, charts, log, and the summary once it is over."""
        yield TitleBar(self.run.id)
        yield StatusPanel().data_bind(TrainingScreen.snapshot)
        yield PreparingBar().data_bind(TrainingScreen.snapshot)
        yield ChartBoard()
        with Container(id="below"):
            yield EventLog()
            yield RunSummary().data_bind(TrainingScreen.snapshot)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Reading begins at once and goes on tick by tick."""
        self._lay_out()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The widgets are there: the first reading."""
        self.tick()
        self.set_interval(self.dashboard.seconds_a_frame, self.tick)

    def on_resize(self) -> None:
        """Few columns or few rows: one chart at a time."""
        self._lay_out()
        self.refresh_bindings()

    def _lay_out(self) -> None:
        self.query_one(ChartBoard).set_class(self.app.size.width < WIDE or self.app.size.height < 32, "-one")

    # ------------------------------------------------------------------------------------------------ reading

    def tick(self) -> None:
        """Draws at most one chart and, when the last reading is done, reads what is new."""
        if not self.is_here:
            return
        self.query_one(ChartBoard).advance()
        self._ticks += 1
        over = self.snapshot is not None and self.snapshot.is_over
        if self._reading or (over and self._ticks % TICKS_BETWEEN_READS_WHEN_OVER):
            return
        self._reading = True
        self._read()

    @work(group="read")
    async def _read(self) -> None:
        try:
            self.show(await self.in_thread(self._snapshot))
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
        self.query_one(EventLog).add(snapshot.lines)
        self.query_one(ChartBoard).show(snapshot)
        self.snapshot = snapshot
        self.set_class(snapshot.is_over, "-over")
        if before is None:
            self.query_one(TitleBar).place = f"{snapshot.preset.name}  ›  {corpus_words(snapshot.info.corpus)}"
            self.query_one(TitleBar).news = snapshot.info.id
        if before is None or (before.condition, before.has_best, before.has_last) != (
            snapshot.condition, snapshot.has_best, snapshot.has_last,
        ):  # fmt: skip
            self.refresh_bindings()

    # ------------------------------------------------------------------------------------------------ asking

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        shown = self.snapshot
        if action == "back" or action.startswith("chart"):
            return True
        if shown is None:
            return action not in ("stop", "pause", "continue", "save", "resume", "log")
        live = not shown.is_over and shown.condition != "stopping"
        allowed = {
            "stop": live,
            "pause": live and shown.condition in ("training", "validating"),
            "continue": live and shown.condition == "paused",
            "save": shown.has_best,
            "resume": shown.is_resumable,
            "log": shown.is_over and self.app.size.width < WIDE,
        }
        return allowed.get(action, True)

    @work(group="ask")
    async def action_stop(self) -> None:
        """Stops the run, after saying what that means."""
        shown = self.snapshot
        if shown is None:
            return
        best = f"The best so far, {accuracy(shown.best_accuracy)}, is kept." if shown.best_accuracy is not None else ""
        if shown.condition in ("starting", "preparing"):
            text = "Training has not begun. What is prepared already is kept for the next run."
        else:
            text = (
                f"It stops after the step in hand (now {count(shown.step)} of {count(shown.steps)}) and saves its full "
                f"state, so that it can be resumed. {best}"
            )
        answers = (Answer("stop", "Stop and save", "warning"), Answer("cancel", "Go on training"))
        if await self.app.push_screen_wait(Question("Stop this run?", text.strip(), answers)) == "stop":
            await self._ask("stop", "Asked to stop; the state is saved first.")

    @work(group="ask")
    async def action_pause(self) -> None:
        """Lets the run wait."""
        await self._ask("pause", "Asked to pause.")

    @work(group="ask")
    async def action_continue(self) -> None:
        """Lets a paused run go on."""
        await self._ask("continue", "Asked to go on.")

    async def _ask(self, what: Ask, said: str) -> None:
        try:
            await self.in_thread(client.ask, self.run, what)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify(said, timeout=3)

    @work(group="ask")
    async def action_save(self) -> None:
        """Copies the best checkpoint to a path."""
        shown = self.snapshot
        if shown is None:
            return
        what = f"accuracy {accuracy(shown.best_accuracy)} at step {count(shown.best_step or 0)}, a safetensors file"
        suggested = Path.cwd() / f"{shown.preset.name}-best.safetensors"
        chosen = await self.app.push_screen_wait(SaveDialog(suggested, what))
        if chosen is None:
            return
        try:
            written = await self.in_thread(client.save_best, self.run, chosen)
        except InputError as error:
            self.notify(str(error), title="Not saved", severity="error", timeout=10, markup=False)
        else:
            self.notify(str(written), title="Best checkpoint saved", timeout=8, markup=False)

    @work(group="ask")
    async def action_resume(self) -> None:
        """Starts a new worker that goes on from the saved state."""
        await self.dashboard.resume(self.run)

    def action_back(self) -> None:
        """Leaves; the run goes on."""
        self.app.pop_screen()

    def action_chart(self, place: int) -> None:
        """Shows the chart of that place, counted from 0."""
        self.query_one(ChartBoard).choose(place)

    def action_log(self) -> None:
        """Where only one fits: the log instead of the summary, and back."""
        self.toggle_class("-log")

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be asked of this run now."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.show and self.check_action(binding.action, ()):
                yield binding.description, binding.tooltip, getattr(self, f"action_{binding.action}")
