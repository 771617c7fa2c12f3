"""The editor: every key of a preset, what it costs while one types, and the preset as text beside it.

What was typed is the business of `drafts.py`, what it costs that of the meter's child, and what is allowed that of
`engine.preset_file`. Nothing is written before one saves or starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Footer, Input, OptionList, Static

from engine.cost import Cost
from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import help_of_kind
from spk_tui.drafts import Draft, Field
from spk_tui.estimating import Estimate, best_plan, estimate
from spk_tui.live_meter import LiveMeter
from spk_tui.run_index import RunRow
from spk_tui.saving_presets import save_as
from spk_tui.screens.choice_dialog import ChoiceDialog
from spk_tui.screens.launching import Launching
from spk_tui.screens.question import Answer, Question
from spk_tui.widgets.budget_bar import BudgetBar
from spk_tui.widgets.draft_views import ChangesView, TomlView
from spk_tui.widgets.field_form import FieldForm
from spk_tui.widgets.field_list import FieldList
from spk_tui.widgets.preset_details import PresetDetails
from spk_tui.widgets.search_line import SearchLine
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import encoder_words

TRYING = "trying it: two seconds of training, and a few to load PyTorch…"
OWN_CLASS = "file.py:Class"
VIEWS = ("fields", "details", "changes", "toml")


class EditorScreen(Launching):
    """Every key of one preset."""

    HELP_TEXT = (
        "Every key of the preset, by section. Enter changes the one that the cursor is on; a number can be typed at "
        "once. Where there are only a few values, left and right go through them, and Enter lists them. What is "
        "changed has a dot and says what it was, what can't be has a cross and says why. The meter counts at every "
        "key. Nothing is written until you save it under a name, or start it. Escape goes back; opened from the list "
        "of presets, your changes are kept there for this session."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "edit", "Edit", tooltip="Change this key", id="editor.edit"),
        Binding("left", "step(-1)", "Value before", show=False, tooltip="The value before, of a few", id="editor.left"),
        Binding("right", "step(1)", "Next value", show=False, tooltip="The next value, of a few", id="editor.right"),
        Binding("slash", "search", "Search", tooltip="Find a key by its meaning", priority=True, id="editor.search"),
        Binding("backspace,delete", "take_back", "Undo", tooltip="This key as it was", id="editor.take_back"),
        Binding("u", "take_back_all", "Undo all", show=False, tooltip="All keys as they were", id="editor.undo_all"),
        Binding("b", "fit", "Fit", tooltip="The largest sizes that fit the budget", id="editor.fit"),
        Binding("v", "view", "View", tooltip="Keys, parameters, changes, TOML", id="editor.view"),
        Binding("s", "save", "Save as", tooltip="A preset of your own", id="editor.save"),
        Binding("escape", "back", "Back", tooltip="Out of what is open, then to where you came from", id="editor.back"),
        # As everywhere, but not without what becomes of the changes; the footer has no room for them here.
        Binding("f2", "leave_for('presets')", "Presets", show=False, tooltip="The first screen", id="editor.presets"),
        Binding("f3", "leave_for('runs')", "Runs", show=False, tooltip="All runs", id="editor.runs"),
        Binding(
            "f4", "leave_for('queue')", "Queue", show=False, tooltip="Runs that wait for a device", id="editor.queue"
        ),
    ]

    def __init__(
        self,
        original: Preset,
        corpus: str,
        edited: Preset | None = None,
        speakers: int | None = None,
        keep: Callable[[Preset], None] | None = None,
    ) -> None:
        """edited: the original as it was changed before. speakers: of the corpus, when known.

        keep: who takes the changes when the editor is left; without one it is asked what shall become of them.
        """
        super().__init__()
        self.draft = Draft(original, edited)
        self.cost: Cost | None = None
        self._saved = original  # what need not be asked about
        self._corpus = corpus
        self._speakers = speakers
        self._keep = keep
        self._rows: tuple[RunRow, ...] = ()
        self._meter = LiveMeter(self, self._counted)
        self._before_typing = ""

    def compose(self) -> ComposeResult:
        """Keys and form; parameters; changes and TOML."""
        yield TitleBar(f"Presets › {self.draft.original.name}")
        yield BudgetBar(id="budget")
        with Container(id="body"):
            with Vertical(id="fields") as fields:
                fields.border_title = "Keys"
                yield SearchLine("find a key")
                yield FieldList(self._begin_with, id="keys")
                yield FieldForm()
            yield PresetDetails(id="details")
            yield ChangesView(id="changes")
            yield TomlView(id="toml")
        yield Static(id="plan")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """The lines at once; what is known of earlier runs when it was read."""
        self._show_view("fields")
        self._show()
        self.query_one(FieldList).focus()
        self._look_at_runs()

    @work(exclusive=True, group="runs")
    async def _look_at_runs(self) -> None:
        self._rows = await self.in_thread(self.dashboard.read_runs)
        self._show_plan()

    # ------------------------------------------------------------------------------------------------ showing

    @property
    def field(self) -> Field | None:
        """The key that the cursor is on."""
        return self.query_one(FieldList).field

    def _show(self) -> None:
        """All of the draft, after any change; what is only looked at waits for the next refresh."""
        self.query_one(FieldList).show(self.draft, self.query_one(SearchLine).wanted)
        self._show_field()
        changes = len(self.draft.changes())
        news = f"{changes} change{'s' * (changes != 1)}" if changes else "as it was"
        wrong = f"{len(self.draft.problems)} to be mended, " if self.draft.problems else ""
        self.query_one(TitleBar).news = f"{wrong}{news}"
        self.query_one(ChangesView).show(self.draft)
        if self.draft.preset is not None:
            self.query_one(PresetDetails).preset = self.draft.preset
            self._meter.ask(self.draft.preset, self._speakers)
        self._show_plan()
        self.refresh_bindings()

    def _show_field(self) -> None:
        if self.field is not None:
            self.query_one(FieldForm).show(self.field, self.draft)
            self.query_one(TomlView).show(self.draft, self.field.key)

    def _show_plan(self) -> None:
        """What F5 would do, and how long it would take."""
        line, preset = self.query_one("#plan", Static), self.draft.preset
        if self.is_trying or preset is None:
            line.update(
                Content.styled(TRYING if self.is_trying else "F5 starts it once nothing is wrong", "$foreground-muted")
            )
            return
        known = self._estimate(preset)
        how = "time: not known yet; t tries it for two seconds" if known is None else known.known
        plan = best_plan(preset, self._corpus, known, max(20, self.size.width - 8))
        line.update(Content.assemble(("F5  ", "bold $primary"), plan, "\n    ", (how, "$foreground-muted")))

    def _estimate(self, preset: Preset) -> Estimate | None:
        return estimate(preset, self._rows, self.dashboard.trials.find(preset), self.cost, self.dashboard.clock())

    def _counted(self, preset: Preset, answer: Cost | InputError) -> None:
        """The meter's answer; one to an older question is shown too, since the newest is on its way."""
        details, bar = self.query_one(PresetDetails), self.query_one("#budget", BudgetBar)
        if isinstance(answer, InputError):
            self.cost = None
            bar.used, bar.budget = None, preset.budget.encoder_parameters
            if preset == self.draft.preset:
                self.query_one("#plan", Static).update(Content.styled(str(answer), "$error"))
            return
        self.cost = answer
        details.cost = answer
        bar.used, bar.budget = answer.encoder, preset.budget.encoder_parameters
        self._show_plan()

    def on_resize(self) -> None:
        """The plan fits the width."""
        self._show_plan()

    @on(OptionList.OptionHighlighted, "#keys")
    def _moved(self) -> None:
        self._show_field()
        self.refresh_bindings()

    def _show_view(self, view: str) -> None:
        """Which of the four is in sight where not all of them are."""
        for name in VIEWS:
            self.set_class(name == view, f"-{name}")

    def action_view(self) -> None:
        """The next of keys, parameters, changes and TOML; where keys are always in sight, of the others."""
        wide = not self.has_class("-narrow")
        views = VIEWS[2:] if wide else VIEWS
        shown = next((place for place, name in enumerate(views) if self.has_class(f"-{name}")), len(views) - 1 - wide)
        view = views[(shown + 1) % len(views)]
        self._show_view(view)
        if not wide:
            self.query_one("#keys" if view == "fields" else f"#{view}").focus()

    # ------------------------------------------------------------------------------------------------ typing

    @on(FieldForm.Typed)
    def _typed(self, event: FieldForm.Typed) -> None:
        self.draft.set(event.key, event.text)
        self._show()

    def _begin_with(self, character: str) -> None:
        """A number was begun on a line: it is the new value's first character."""
        if self.field is not None:
            self._begin()
            entry = self.query_one(FieldForm).input
            entry.value = character
            entry.action_end()

    @on(FieldForm.Done)
    def _done(self) -> None:
        self.query_one(FieldList).focus()

    def _begin(self) -> None:
        """The keyboard into the input, everything selected, so that a digit replaces it."""
        assert self.field is not None
        self._before_typing = self.draft.text(self.field.key)
        entry = self.query_one(FieldForm).input
        self.set_focus(entry)  # at once: the next key is meant for it
        entry.action_select_all()

    @on(OptionList.OptionSelected, "#keys")
    def action_edit(self) -> None:
        """Types another value, or chooses one where there are a few."""
        field = self.field
        if field is None:
            return
        if field.choices:
            self._choose(field)
        else:
            self._begin()

    @work(exclusive=True, group="choose")
    async def _choose(self, field: Field) -> None:
        words = {name: help_of_kind(field.section, name) if field.is_kind else "" for name in field.choices}
        if field.key == "encoder.kind":
            words = {name: encoder_words(name) for name in field.choices} | {OWN_CLASS: "a class of your own"}
        dialog = ChoiceDialog(field.key, list(words.items()), self.draft.text(field.key))
        chosen = await self.app.push_screen_wait(dialog)
        if chosen == OWN_CLASS and field.is_kind:
            self._begin()
        elif chosen is not None:
            self._set(field, chosen)

    def action_step(self, by: int) -> None:
        """The next of a few values, or the one before."""
        field = self.field
        if field is not None and field.choices:
            now = self.draft.text(field.key)
            place = field.choices.index(now) + by if now in field.choices else 0
            self._set(field, field.choices[place % len(field.choices)])

    def _set(self, field: Field, text: str) -> None:
        self.draft.set(field.key, text)
        self._show()

    def action_previous(self) -> None:
        """From the input to the key above."""
        self._done()
        self.query_one(FieldList).action_cursor_up()

    def action_next(self) -> None:
        """From the input to the key below."""
        self._done()
        self.query_one(FieldList).action_cursor_down()

    def action_take_back(self) -> None:
        """This key as it was."""
        if self.field is not None:
            self.draft.take_back(self.field.key)
            self._show()

    @work(exclusive=True, group="take-back")
    async def action_take_back_all(self) -> None:
        """All keys as they were, after asking."""
        number = len(self.draft.changes())
        answers = (Answer("cancel", "Keep them", "primary"), Answer("undo", "Undo all", "warning"))
        text = f"{number} change{'s' * (number > 1)} to {self.draft.original.name} would be gone."
        if await self.app.push_screen_wait(Question("Undo all changes?", text, answers)) == "undo":
            self.draft.take_back_all()
            self._show()

    # ------------------------------------------------------------------------------------------------ searching

    def action_search(self) -> None:
        """Opens the line in which one types what to look for."""
        self.query_one(SearchLine).open()

    @on(SearchLine.Changed)
    def _search(self) -> None:
        self._show()

    @on(SearchLine.Done)
    def _found(self) -> None:
        self.query_one(FieldList).focus()

    # ------------------------------------------------------------------------------------------------ acting

    @work(exclusive=True, group="fit")
    async def action_fit(self) -> None:
        """Proposes the largest sizes of the encoder that fit the budget; they are changes like any others."""
        preset = self.draft.preset
        if preset is None:
            return
        try:
            fitted = await self.in_thread(self.dashboard.meter.fit, preset, preset.budget.encoder_parameters)
        except InputError as error:
            self.notify(str(error), title="Not fitted", severity="warning", timeout=10, markup=False)
            return
        if self.draft.preset == preset:
            self.draft.take_over(fitted)
            self._show()

    @work(exclusive=True, group="save")
    async def action_save(self) -> None:
        """Saves the preset under a name of one's own."""
        await self._save()

    async def _save(self) -> bool:
        """Whether it was saved."""
        if self.draft.preset is None:
            self._say_wrong("Not saved")
            return False
        preset = await save_as(self, self.draft.preset, self.cost.encoder if self.cost is not None else None)
        if preset is None:
            return False
        self.draft = Draft(preset)
        self._saved = preset
        self.query_one(TitleBar).place = f"Presets › {preset.name}"
        self._show()
        return True

    def to_launch(self) -> tuple[Preset, str, int | None]:
        """The preset as it stands here."""
        if self.draft.preset is None:
            raise InputError("\n".join(self.draft.problems))
        return self.draft.preset, self._corpus, self._speakers

    def show_launching(self) -> None:
        """The plan says what is measured."""
        self._show_plan()

    def _say_wrong(self, title: str) -> None:
        self.notify("\n".join(self.draft.problems), title=title, severity="error", timeout=10, markup=False)

    def action_back(self) -> None:
        """Out of the input, with the value as it was; out of the search; out of the editor."""
        search, form = self.query_one(SearchLine), self.query_one(FieldForm)
        if form.input.has_focus and form.field is not None:
            self.draft.set(form.field.key, self._before_typing)
            self._show()
            self.query_one(FieldList).focus()
        elif search.is_open:
            search.close()
        elif self.has_class("-narrow") and not self.has_class("-fields"):
            self._show_view("fields")
            self.query_one(FieldList).focus()
        else:
            self.action_leave_for("")

    @work(exclusive=True, group="leave")
    async def action_leave_for(self, place: str) -> None:
        """Hands the changes on, or asks what shall become of them; then to another screen, or back."""
        preset = self.draft.preset
        if preset is not None and self._keep is not None:
            self._keep(preset)
        elif preset != self._saved and not await self._may_go():
            return
        if place:
            await self.app.run_action(f"app.{place}")
        else:
            self.app.pop_screen()

    async def _may_go(self) -> bool:
        wrong = self.draft.preset is None
        text = (
            f"Something is wrong with it still:\n{self.draft.problems[0]}"
            if wrong
            else f"What you changed in {self.draft.original.name} is in no file yet."
        )
        answers = [Answer("cancel", "Go on editing", "primary"), Answer("drop", "Discard", "warning")]
        if not wrong:
            answers.insert(1, Answer("save", "Save as…"))
        answer = await self.app.push_screen_wait(Question("Leave the editor?", text, answers))
        return answer == "drop" or (answer == "save" and await self._save())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where one types, letters are letters."""
        if not self.is_mounted or action in ("back", "start", "leave_for"):
            return True
        if isinstance(self.focused, Input):
            return action in ("previous", "next")
        if action == "take_back":
            return self.field is not None and self.draft.is_changed(self.field.key)
        if action == "take_back_all":
            return bool(self.draft.changes())
        if action == "step":
            return self.field is not None and bool(self.field.choices)
        return self.field is not None if action == "edit" else True

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """All that can be done with the draft, and every key by name."""
        yield from super().commands()
        preset = self.draft.preset
        if preset is not None:
            yield "Save as a preset of your own", "Under a name, into your folder of presets", self.action_save
            yield "Fit to the budget", "The largest sizes of the encoder that fit", self.action_fit
        yield "Find a key", "By its name or meaning", self.action_search
        yield "Show the next view", "Keys, parameters, changes, TOML", self.action_view
        if self.draft.changes():
            yield "Undo all changes", f"{self.draft.original.name} as it was", self.action_take_back_all
        for field in self.draft.fields():
            yield f"Edit {field.key}", field.help, partial(self._edit_key, field.key)

    def _edit_key(self, key: str) -> None:
        self.query_one(SearchLine).close()
        self.query_one(FieldList).move_to(key)
        self.set_focus(self.query_one(FieldList))
        self.call_later(self.action_edit)
