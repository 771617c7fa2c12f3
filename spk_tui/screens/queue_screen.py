"""Who trains and who waits on which device: the line in its order, which can be changed here.

The order is a file (`engine.runs.queue`), so the screen can be closed at any time; it is read again every second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Footer

from engine.errors import InputError
from engine.runs.client import take_out_of_line
from engine.runs.queue import Queue
from spk_tui.queue_lines import QueueLine, queue_lines
from spk_tui.queue_words import place_word
from spk_tui.screens.question import Answer, Question
from spk_tui.screens.room import Room
from spk_tui.widgets.column_list import Column, ColumnList, Row, text_cell
from spk_tui.widgets.pieces import condition
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import accuracy, age, corpus_words, count

COLUMNS = (
    Column("device", 6),
    Column("place", 5, right=True),
    Column("state", 13),
    Column("run", 32, share=1),
    Column("variant", 18, share=2, dispensable=2),
    Column("corpus", 14, share=1, dispensable=4),
    Column("step", 17, right=True, dispensable=3),
    Column("best", 6, right=True, dispensable=5),
    Column("since", 11, right=True, dispensable=1),
)
REFRESH_SECONDS = 1.0


class QueueScreen(Room):
    """The line of each device, the one that trains on top."""

    HELP_TEXT = (
        "Runs that wait for a device, in the order in which they will train; above them the ones that train on it now. "
        "A run that waits is a process of its own: the line goes on when you leave this screen, and when you close the "
        "terminal. A run that was started without the queue never waits, and the others wait for it, too. An "
        "interrupted run is one whose process is gone, as after a restart of the machine: it keeps its place and "
        "blocks nobody, and r lets it wait again."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "open", "Open", tooltip="Show the run", id="queue.open"),
        Binding("K,shift+up", "move_up", "Move", key_display="K J", tooltip="Train it before the one above",
                id="queue.move_up"),
        Binding("J,shift+down", "move_down", "Move down", show=False, tooltip="Train it after the one below",
                id="queue.move_down"),
        Binding("d,delete", "remove", "Remove", tooltip="Take the run out of the line", id="queue.remove"),
        Binding("r", "requeue", "Wait again", tooltip="Let an interrupted run wait again", id="queue.requeue"),
        Binding("escape", "back", "Back", tooltip="To where one came from", id="queue.back"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[QueueLine, ...] = ()
        self._names: dict[str, str] = {}
        self._reading = False
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """The list."""
        yield TitleBar("Queue")
        nothing = "Nobody trains and nobody waits. 'spk-tui train PRESET --queue' puts a run in line."
        line = ColumnList(COLUMNS, nothing, id="line")
        line.border_title = "Queue"
        yield line
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Reading begins at once and goes on every second."""
        self.query_one(ColumnList).focus_rows()
        self._refresh()
        self.set_interval(REFRESH_SECONDS, self._refresh)

    def on_screen_resume(self) -> None:
        """Back from a run: its line is out of date."""
        self._refresh()

    def _refresh(self) -> None:
        if not self._reading and self.is_current:
            self._reading = True
            self._read()

    @work(group="read")
    async def _read(self) -> None:
        try:
            self.lines = await self.in_thread(self._look)
            self._trouble = ""
        except InputError as error:
            self._tell_once(str(error))
            return
        finally:
            self._reading = False
        lines = self.query_one(ColumnList)
        lines.show([self._row(line) for line in self.lines])
        if self.lines and self.focused is None:
            lines.focus_rows()  # an empty list can't have the keyboard
        waiting = sum(line.place is not None for line in self.lines)
        self.query_one(TitleBar).news = f"{count(waiting)} waiting" if self.lines else ""
        self.refresh_bindings()

    def _look(self) -> tuple[QueueLine, ...]:
        lines = queue_lines(self._queue, self.dashboard.read_runs())
        self._names = {line.run.id: line.run.labels().name for line in lines}
        return lines

    def _tell_once(self, trouble: str) -> None:
        """The file is read every second; what is wrong with it is said when that changes."""
        if trouble != self._trouble:
            self._trouble = trouble
            self.notify(trouble, title="The queue can't be read", severity="error", timeout=10, markup=False)

    @property
    def _queue(self) -> Queue:
        return Queue(self.dashboard.runs)

    def _row(self, line: QueueLine) -> Row:
        muted, row = "$foreground-muted", line.row
        place = place_word(line.place) if line.place else "now" if line.entry is None else "–"
        steps = Content.assemble(count(row.step), (f" / {count(row.steps)}", muted))
        return Row(
            line.run.id,
            (
                text_cell(" ".join(line.devices)),
                text_cell(Content.styled(place, "bold" if line.place == 1 else "")),
                text_cell(condition(line.condition)),
                text_cell(line.run.id),
                text_cell(Content.styled(self._names.get(line.run.id, ""), muted)),
                text_cell(corpus_words(row.info.corpus)),
                text_cell(steps),
                text_cell(Content.styled(accuracy(row.best_accuracy), muted)),
                text_cell(Content.styled(age(self.dashboard.clock() - line.since), muted)),
            ),
        )

    # ------------------------------------------------------------------------------------------------ acting

    @property
    def chosen(self) -> QueueLine | None:
        """The line that the cursor is on."""
        key = self.query_one(ColumnList).key
        return next((line for line in self.lines if line.run.id == key), None)

    def _neighbour(self, step: int) -> QueueLine | None:
        """Who stands before (-1) or after (1) the chosen run for the same device."""
        chosen = self.chosen
        if chosen is None or chosen.entry is None:
            return None
        rivals = [line for line in self.lines if line.entry is not None and line.entry.wants_what(chosen.entry)]
        place = rivals.index(chosen) + step
        return rivals[place] if 0 <= place < len(rivals) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        line = self.chosen if self.is_mounted else None
        waits = line is not None and line.entry is not None
        if action in ("move_up", "move_down"):
            return self.is_mounted and any(self._neighbour(step) is not None for step in (-1, 1))
        if action == "requeue":
            return waits and line is not None and line.place is None
        return {"open": line is not None, "remove": waits}.get(action, True)

    @on(ColumnList.Highlighted)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(ColumnList.Chosen)
    def action_open(self) -> None:
        """Opens the chosen run."""
        if self.chosen is not None:
            self.dashboard.open_run(self.chosen.run)

    def action_move_up(self) -> None:
        """The chosen run trains before the one above it."""
        above = self._neighbour(-1)
        if above is not None and self.chosen is not None:
            self._change(self._queue.move, self.chosen.run.id, above.run.id)

    def action_move_down(self) -> None:
        """The chosen run trains after the one below it."""
        below = self._neighbour(1)
        if below is not None and self.chosen is not None:
            self._change(self._queue.move, below.run.id, self.chosen.run.id)

    @work(group="act")
    async def action_remove(self) -> None:
        """Takes the chosen run out of the line, after asking."""
        line = self.chosen
        if line is None or line.entry is None:
            return
        text = f"{line.run.id} ends without having trained. Its folder stays, and it can be resumed or deleted in F3."
        answers = (Answer("cancel", "Let it wait", "primary"), Answer("remove", "Take it out", "warning"))
        if await self.app.push_screen_wait(Question("Take this run out of the line?", text, answers)) == "remove":
            self._change(take_out_of_line, self._queue, line.run.id)

    @work(group="act")
    async def action_requeue(self) -> None:
        """Lets a run whose process is gone wait again, in its old place."""
        if self.chosen is not None and await self.dashboard.resume(self.chosen.run, queued=True):
            self._refresh()

    @work(group="change")
    async def _change(self, change: Callable[..., object], *arguments: object) -> None:
        try:
            await self.in_thread(change, *arguments)
        except InputError as error:
            self.notify(str(error), title="Not changed", severity="error", timeout=10, markup=False)
        self._refresh()

    def action_back(self) -> None:
        """To where one came from."""
        self.app.pop_screen()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done with the chosen run."""
        chosen = self.chosen
        for action, text in (
            ("open", "Open"), ("move_up", "Move up"), ("move_down", "Move down"), ("remove", "Take out of the queue"),
            ("requeue", "Wait again"),
        ):  # fmt: skip
            if chosen is not None and self.check_action(action, ()):
                yield f"{text}: {chosen.run.id}", f"{text} in the queue", getattr(self, f"action_{action}")
