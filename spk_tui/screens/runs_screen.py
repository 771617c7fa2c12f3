"""All runs: what state each is in, how far and how good it is. Opens, resumes and deletes them.

The list follows the runs that are training; what is read anew is only what was appended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Footer

from engine.errors import InputError
from spk_tui.run_index import RunRow
from spk_tui.screens.question import Answer, Question
from spk_tui.screens.room import Room
from spk_tui.widgets.column_list import Column, ColumnList, Row, text_cell
from spk_tui.widgets.pieces import CONDITIONS, bar, condition
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import accuracy, age, corpus_words, count, rate

COLUMNS = (
    Column("state", 13),
    Column("preset", 16, share=1),
    Column("corpus", 16, share=1, dispensable=2),
    Column("step", 17, share=2, right=True),
    Column("best", 6, right=True),
    Column("at step", 7, right=True, dispensable=4),
    Column("rate", 12, right=True, dispensable=3),
    Column("device", 6, dispensable=5),
    Column("begun", 11, right=True, dispensable=1),
    Column("run", 32, share=1, dispensable=6),
)
REFRESH_SECONDS = 1.0


class RunsScreen(Room):
    """All runs, the newest first."""

    HELP_TEXT = (
        "Every run that was ever started, the newest first. Open one to see its curves, live or past. An interrupted "
        "run is one whose process is gone without a last word (the machine was switched off, or it was killed): it "
        "goes on from its last saved state when you resume it."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "open", "Open", tooltip="Show the run's curves", id="runs.open"),
        Binding("r", "resume", "Resume", tooltip="Go on from the saved state", id="runs.resume"),
        Binding("d,delete", "delete", "Delete", tooltip="Remove the run with its checkpoints", id="runs.delete"),
        Binding("escape", "back", "Back", tooltip="Leave this screen", id="runs.back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, RunRow] = {}
        self._reading = False

    def compose(self) -> ComposeResult:
        """The list."""
        yield TitleBar("Runs")
        runs = ColumnList(COLUMNS, "No run yet. F2 shows the presets; F5 there starts one.", id="runs")
        runs.border_title = "Runs"
        yield runs
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
            rows = await self.in_thread(self.dashboard.read_runs)
        finally:
            self._reading = False
        before = self._chosen_state()
        self.rows = {row.run.id: row for row in rows}
        self.query_one(ColumnList).show([self._row(row) for row in rows])
        if rows and self.focused is None:
            self.query_one(ColumnList).focus_rows()  # an empty list can't have the keyboard
        active = sum(not row.is_over for row in rows)
        self.query_one(TitleBar).news = (
            f"{count(len(rows))} run{'s' * (len(rows) > 1)}, {active} in progress" if rows else ""
        )
        if self._chosen_state() != before:
            self.refresh_bindings()

    def _chosen_state(self) -> tuple[str, bool] | None:
        row = self.chosen
        return None if row is None else (row.condition, row.has_last)

    def _row(self, row: RunRow) -> Row:
        muted = "$foreground-muted"
        steps = Content.assemble(count(row.step), (f" / {count(row.steps)}", muted))
        speed = rate(row.steps_per_second) if row.steps_per_second and not row.is_over else ""

        def progress(width: int) -> Content:
            room = width - steps.cell_length - 2
            if room < 8 or not row.steps:
                return steps
            return Content.assemble(bar(row.step / row.steps, min(room, 24), CONDITIONS[row.condition][1]), "  ", steps)

        return Row(
            row.run.id,
            (
                text_cell(condition(row.condition)),
                text_cell(row.info.preset),
                text_cell(corpus_words(row.info.corpus)),
                progress,
                text_cell(Content.styled(accuracy(row.best_accuracy), "bold" if row.best_accuracy else muted)),
                text_cell(Content.styled(count(row.best_step) if row.best_step is not None else "–", muted)),
                text_cell(speed),
                text_cell(Content.styled(row.info.device, muted)),
                text_cell(Content.styled(age(self.dashboard.clock() - row.info.created), muted)),
                text_cell(Content.styled(row.run.id, muted)),
            ),
        )

    # ------------------------------------------------------------------------------------------------ acting

    @property
    def chosen(self) -> RunRow | None:
        """The run that the cursor is on."""
        return self.rows.get(self.query_one(ColumnList).key or "")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        if action in ("open", "resume", "delete"):
            row = self.chosen if self.is_mounted else None
            return row is not None and (action == "open" or (row.is_resumable if action == "resume" else row.is_over))
        return True

    @on(ColumnList.Highlighted)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(ColumnList.Chosen)
    def action_open(self) -> None:
        """Opens the chosen run."""
        if self.chosen is not None:
            self.dashboard.open_run(self.chosen.run)

    @work(group="act")
    async def action_resume(self) -> None:
        """Lets the chosen run go on, and shows it."""
        if self.chosen is not None and await self.dashboard.resume(self.chosen.run):
            self.action_open()

    @work(group="act")
    async def action_delete(self) -> None:
        """Removes the chosen run, after asking."""
        row = self.chosen
        if row is None:
            return
        text = (
            f"{row.run.id}: {count(row.step)} steps, best accuracy {accuracy(row.best_accuracy)}.\n\n"
            "Its curves and checkpoints, the best one too, are removed from the disk for good."
        )
        answers = (Answer("cancel", "Keep it", "primary"), Answer("delete", "Delete", "error"))
        if await self.app.push_screen_wait(Question("Delete this run?", text, answers)) != "delete":
            return
        try:
            await self.in_thread(row.run.delete)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        except OSError as error:
            self.notify(f"{row.run.path}: {error.strerror}", title="Not deleted", severity="error", markup=False)
        self._refresh()

    def action_back(self) -> None:
        """To where one came from."""
        self.app.pop_screen()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done with the chosen run."""
        for action, text in (("open", "Open"), ("resume", "Resume"), ("delete", "Delete")):
            if self.chosen is not None and self.check_action(action, ()):
                yield f"{text} {self.chosen.run.id}", f"{text} this run", getattr(self, f"action_{action}")
