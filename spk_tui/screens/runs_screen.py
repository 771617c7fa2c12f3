"""All runs: what state each is in, how far and how good it is. Sorts, filters and marks them, opens, resumes, labels,
deletes and compares them.

The list follows the runs that are training; what is read anew is only what was appended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer

from engine.errors import InputError
from spk_tui.labelling import Change, label, noted, renamed, tagged, tags_in
from spk_tui.pace import Pace
from spk_tui.run_filter import parse
from spk_tui.run_order import ORDERS, in_order
from spk_tui.run_rows import RunRow
from spk_tui.screens.question import Answer, Question
from spk_tui.screens.room import Room
from spk_tui.widgets.column_list import ColumnList
from spk_tui.widgets.filter_line import FilterLine
from spk_tui.widgets.run_cells import COLUMNS, ShownRun, run_line
from spk_tui.widgets.run_details import RunDetails
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import accuracy, age, count

REFRESH_SECONDS, SELDOM_SECONDS, MOST_OF_A_CORE = 1.0, 5.0, 0.02
LOOKING = "Looking for runs…"
NO_RUN = "No run yet. F2 shows the presets; F5 there starts one."
NONE_MEANT = "No run is meant by this filter. Escape in its line takes it away."
MOST_NAMES = 8


class RunsScreen(Room):
    """All runs, the newest first."""

    HELP_TEXT = (
        "Every run that was ever started. Open one to see its curves, live or past. An interrupted run is one whose "
        "process is gone without a last word (the machine was switched off, or it was killed): it goes on from its "
        "last saved state when you resume it. Mark several to compare, label or delete them together. A filter is made "
        "of words and of tag:, state:, preset:, corpus:, encoder:, device:, name:, note: and run:, all of which have "
        "to hold."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "open", "Open", tooltip="Show the run's curves", id="runs.open"),
        Binding("r", "resume", "Resume", tooltip="Go on from the saved state", id="runs.resume"),
        Binding("d,delete", "delete", "Delete", tooltip="Remove runs with their checkpoints", id="runs.delete"),
        Binding("m", "mark", "Mark", tooltip="Mark the run, or take its mark away", id="runs.mark"),
        Binding("p", "compare", "Compare", tooltip="The marked runs side by side", id="runs.compare"),
        Binding("u", "use", "Use", tooltip="Evaluate its best checkpoint, or ask it who is speaking", id="runs.use"),
        Binding("asterisk", "mark_all", "Mark all", show=False, tooltip="Mark all that are shown", id="runs.mark-all"),
        Binding("e", "edit", "Edit a copy", show=False, tooltip="Its preset in the editor", id="runs.edit"),
        Binding("slash", "filter", "Filter", show=False, tooltip="Show only some of the runs", id="runs.filter"),
        Binding("o", "order", "Order", show=False, tooltip="List the runs in another order", id="runs.order"),
        Binding("O", "reverse", "Reverse", show=False, tooltip="The same order backwards", id="runs.reverse"),
        Binding("n", "note", "Note", show=False, tooltip="Write a note on the run", id="runs.note"),
        Binding("number_sign", "tags", "Tags", show=False, tooltip="Write tags on the run", id="runs.tags"),
        Binding("N", "rename", "Name", show=False, tooltip="Give the run a name of its own", id="runs.rename"),
        Binding("escape", "back", "Back", show=False, tooltip="Where you came from", id="runs.back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, RunRow] = {}
        self.marked: dict[str, None] = {}
        self.order, self.is_reversed = "newest", False
        self._filter = ""
        self._shown: list[ShownRun] = []
        self._reading = False

    def compose(self) -> ComposeResult:
        """The list, the line of its filter, and two lines about the run under the cursor."""
        yield TitleBar("Runs")
        yield ColumnList(COLUMNS, LOOKING, id="runs")
        yield FilterLine("words, tag:baseline  state:finished  preset:conformer  corpus:vox")
        yield RunDetails()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Reading begins at once and goes on every second, of very many runs less often."""
        self._show_order()
        self.query_one(ColumnList).focus_rows()
        self._refresh_again(Pace(REFRESH_SECONDS, MOST_OF_A_CORE, SELDOM_SECONDS))

    def _refresh_again(self, pace: Pace) -> None:
        if self.is_here:
            self._refresh()
            self.set_timer(pace.seconds_to_next(), partial(self._refresh_again, pace))

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
        had_none = not self.rows
        self.rows = {row.run.id: row for row in rows}
        self.marked = {run: None for run in self.marked if run in self.rows}
        self._show()
        if rows and had_none and self.focused is None:
            self.query_one(ColumnList).focus_rows()  # an empty list can't have the keyboard
        if self._chosen_state() != before:
            self.refresh_bindings()

    def _chosen_state(self) -> tuple[object, ...] | None:
        row = self.chosen
        return None if row is None else (row.condition, row.has_best, row.has_last, len(self.marked))

    # ------------------------------------------------------------------------------------------------ showing

    def _show(self) -> None:
        """Puts the rows that the filter means into the list, in their order."""
        try:
            is_meant = parse(self._filter)
            self.query_one(FilterLine).remark("")
        except InputError as error:
            is_meant = parse("")
            self.query_one(FilterLine).remark(str(error))
        rows = in_order(filter(is_meant, self.rows.values()), self.order, reverse=self.is_reversed)
        now = self.dashboard.clock()
        shown = [ShownRun(row, row.run.id in self.marked, age(now - row.info.created)) for row in rows]
        if shown != self._shown or not shown:
            self._shown = shown
            self.query_one(ColumnList).nothing = NONE_MEANT if self.rows else NO_RUN
            self.query_one(ColumnList).show([run_line(each) for each in shown])
        self.query_one(RunDetails).row = self.chosen
        self._show_news()

    def _show_news(self) -> None:
        active = sum(not row.is_over for row in self.rows.values())
        news = [f"{count(len(self.rows))} run{'s' * (len(self.rows) > 1)}", f"{active} in progress"]
        if len(self._shown) < len(self.rows):
            news.append(f"{count(len(self._shown))} shown")
        if self.marked:
            news.append(f"{count(len(self.marked))} marked")
        self.query_one(TitleBar).news = ", ".join(news) if self.rows else ""

    def _show_order(self) -> None:
        order = ORDERS[self.order]
        runs = self.query_one(ColumnList)
        runs.border_title = f"Runs, {order.words}{', backwards' if self.is_reversed else ''}"
        runs.border_subtitle = "/ filter   o order   n note   # tags"
        runs.mark_title(order.column, " ▾" if order.greatest_first != self.is_reversed else " ▴")

    @on(FilterLine.Changed)
    def _filter_changed(self, event: FilterLine.Changed) -> None:
        self._filter = event.text
        self._show()
        self.refresh_bindings()

    @on(FilterLine.Left)
    def _filter_left(self) -> None:
        self.query_one(ColumnList).focus_rows()

    def action_filter(self) -> None:
        """One types what runs should be shown."""
        self.query_one(FilterLine).open()

    def action_order(self) -> None:
        """The next order."""
        names = list(ORDERS)
        self.order, self.is_reversed = names[(names.index(self.order) + 1) % len(names)], False
        self._show_order()
        self._show()

    def action_reverse(self) -> None:
        """The same order the other way round."""
        self.is_reversed = not self.is_reversed
        self._show_order()
        self._show()

    # ------------------------------------------------------------------------------------------------ choosing

    @property
    def chosen(self) -> RunRow | None:
        """The run that the cursor is on."""
        return self.rows.get(self.query_one(ColumnList).key or "")

    @property
    def meant(self) -> list[RunRow]:
        """The marked runs in the order in which they were marked; when there are none, the one under the cursor."""
        if self.marked:
            return [self.rows[run] for run in self.marked]
        return [self.chosen] if self.chosen is not None else []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        needs_run = ("open", "use", "resume", "delete", "mark", "mark_all", "compare", "edit", "note", "tags", "rename")
        if action not in needs_run:
            return True
        row = self.chosen if self.is_mounted else None
        if row is None:
            return False
        return {
            "use": row.has_best and len(self.marked) < 2,
            "resume": row.is_resumable and len(self.marked) < 2,
            "delete": any(each.is_over for each in self.meant),
            "compare": len(self.marked) > 1,
            "edit": row.preset is not None,
        }.get(action, True)

    @on(ColumnList.Highlighted)
    def _moved(self) -> None:
        self.query_one(RunDetails).row = self.chosen
        self.refresh_bindings()

    def action_mark(self) -> None:
        """Marks the run under the cursor or takes its mark away, and goes on to the next one."""
        if self.chosen is None:
            return
        run = self.chosen.run.id
        if run in self.marked:
            del self.marked[run]
        else:
            self.marked[run] = None
        self.query_one(ColumnList).move_by(1)
        self._marked()

    def action_mark_all(self) -> None:
        """Marks all that are shown; when they are all marked, none."""
        shown = [each.row.run.id for each in self._shown]
        if all(run in self.marked for run in shown):
            for run in shown:
                del self.marked[run]
        else:
            self.marked.update(dict.fromkeys(shown))
        self._marked()

    def _marked(self) -> None:
        self._show()
        self.refresh_bindings()

    # ------------------------------------------------------------------------------------------------ acting

    @on(ColumnList.Chosen)
    def action_open(self) -> None:
        """Opens the chosen run."""
        if self.chosen is not None:
            self.dashboard.open_run(self.chosen.run)

    def action_use(self) -> None:
        """Opens the best checkpoint of the chosen run."""
        if self.chosen is not None:
            self.dashboard.use_model(self.chosen.run)

    def action_compare(self) -> None:
        """Opens the marked runs side by side."""
        from spk_tui.screens.compare_screen import CompareScreen

        self.app.push_screen(CompareScreen([row.run for row in self.meant]))

    def action_edit(self) -> None:
        """Opens the run's preset in the editor, for a new run like it."""
        row = self.chosen
        if row is not None and row.preset is not None:
            self.dashboard.edit_preset(row.preset, row.info.corpus)

    @work(group="act")
    async def action_resume(self) -> None:
        """Lets the chosen run go on, and shows it."""
        if self.chosen is not None and await self.dashboard.resume(self.chosen.run):
            self.action_open()

    @work(group="act")
    async def action_delete(self) -> None:
        """Removes the runs that are meant, after asking; one that is training stays."""
        over = [row for row in self.meant if row.is_over]
        if not over:
            return
        kept = len(self.meant) - len(over)
        title = "Delete this run?" if len(over) == 1 else f"Delete these {count(len(over))} runs?"
        text = (
            f"{_listed(over)}\n\nTheir curves and checkpoints, the best ones too, are removed from the disk for good."
            if len(over) > 1
            else f"{_described(over[0])}.\n\nIts curves and checkpoints, the best one too, are removed from the disk "
            "for good."
        )
        if kept:
            text += f"\n{count(kept)} of the marked runs {'is' if kept == 1 else 'are'} in progress, and not deleted."
        answers = (Answer("cancel", "Keep" if len(over) > 1 else "Keep it", "primary"),
                   Answer("delete", "Delete", "error"))  # fmt: skip
        if await self.app.push_screen_wait(Question(title, text, answers)) != "delete":
            return
        for row in over:
            if problem := await self.in_thread(_delete, row):
                self.notify(problem, title="Not deleted", severity="error", markup=False)
        self._refresh()

    @work(group="act")
    async def action_rename(self) -> None:
        """Asks for a name of the chosen run."""
        from spk_tui.screens.line_dialog import LineDialog, complaint

        if (row := self.chosen) is None:
            return
        text = f"{row.run.id}\n\nThe name stands in lists and charts; the run's folder keeps its own. Empty: none."
        dialog = LineDialog("Name this run", text, row.labels.name, "Save", check=complaint(renamed))
        name = await self.app.push_screen_wait(dialog)
        if name is not None:
            await self._label([row], renamed(name))

    @work(group="act")
    async def action_note(self) -> None:
        """Asks for a note on the runs that are meant."""
        from spk_tui.screens.note_dialog import NoteDialog

        if not (rows := self.meant):
            return
        notes = {row.labels.notes for row in rows}
        text = _listed(rows) if len(notes) == 1 else f"{_listed(rows)}\n\nTheir notes differ; this one replaces them."
        note = await self.app.push_screen_wait(NoteDialog(text, notes.pop() if len(notes) == 1 else ""))
        if note is not None:
            await self._label(rows, noted(note))

    @work(group="act")
    async def action_tags(self) -> None:
        """Asks for the tags that the meant runs have in common; the others of each stay."""
        from spk_tui.screens.line_dialog import LineDialog, complaint

        if not (rows := self.meant):
            return
        common = [tag for tag in rows[0].labels.tags if all(tag in row.labels.tags for row in rows)]
        known = {tag for row in self.rows.values() for tag in row.labels.tags}
        in_common = "The tags that all of them have; those that only some have stay. " if len(rows) > 1 else ""
        text = f"{_listed(rows)}\n\n{in_common}Words, with blanks between them; → completes one that is in use."
        line = f"{' '.join(common)} " if common else ""
        dialog = LineDialog("Tags", text, line, "Save", check=complaint(tags_in), known=sorted(known))
        answer = await self.app.push_screen_wait(dialog)
        if answer is not None:
            wanted = tags_in(answer)
            await self._label(rows, tagged(wanted, set(common) - set(wanted)))

    async def _label(self, rows: Sequence[RunRow], change: Change) -> None:
        try:
            await self.in_thread(lambda: [label(row.run, change) for row in rows])
        except InputError as error:
            self.notify(str(error), title="Not written", severity="error", timeout=10, markup=False)
        self._refresh()

    def action_back(self) -> None:
        """To where one came from."""
        self.app.pop_screen()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done with the chosen or the marked runs, then with the list."""
        chosen = [self.chosen] if self.chosen is not None else []
        for action, verb, rows in (
            ("open", "Open", chosen), ("use", "Use", chosen), ("resume", "Resume", chosen),
            ("delete", "Delete", self.meant), ("edit", "Edit a copy of", chosen), ("rename", "Name", chosen),
            ("note", "Note on", self.meant), ("tags", "Tags of", self.meant), ("compare", "Compare", self.meant),
        ):  # fmt: skip
            if rows and self.check_action(action, ()):
                yield f"{verb} {_named(rows)}", self._explanation(action), getattr(self, f"action_{action}")
        for action, verb in (
            ("mark_all", "Mark all runs shown"), ("filter", "Filter the runs"), ("order", "Order the runs differently"),
            ("reverse", "Reverse the order of the runs"),
        ):  # fmt: skip
            if self.check_action(action, ()):
                yield verb, self._explanation(action), getattr(self, f"action_{action}")

    def _explanation(self, action: str) -> str:
        return next(key.tooltip for key in self.BINDINGS if isinstance(key, Binding) and key.action == action)


def _named(rows: Sequence[RunRow]) -> str:
    return rows[0].run.id if len(rows) == 1 else f"{count(len(rows))} marked runs"


def _described(row: RunRow) -> str:
    return f"{row.run.id}: {count(row.step)} steps, best accuracy {accuracy(row.best_accuracy)}"


def _listed(rows: Sequence[RunRow]) -> str:
    """The runs by name, the first few of many."""
    if len(rows) == 1:
        return rows[0].run.id
    more = [f"and {count(len(rows) - MOST_NAMES)} more"] if len(rows) > MOST_NAMES else []
    return "\n".join([_described(row) for row in rows[:MOST_NAMES]] + more)


def _delete(row: RunRow) -> str:
    """In a thread: removes a run; returns why it couldn't, else ""."""
    try:
        row.run.delete()
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{row.run.path}: {error.strerror}"
    return ""
