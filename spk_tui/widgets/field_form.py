"""One key of a draft while it is edited: its name, an input, what it means and takes, its default, and what is wrong.

It tells each text that is typed; what becomes of it is the screen's business.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from spk_tui.drafts import Draft, Field


class ValueInput(Input):
    """An input for one value; up and down go on to another key, as on the lines themselves."""

    BINDINGS = [  # noqa: RUF012  # Textual's own way of declaring keys
        Binding("up", "screen.previous", "Key above", show=False, id="editor.above"),
        Binding("down", "screen.next", "Key below", show=False, id="editor.below"),
    ]


class FieldForm(Vertical):
    """The form for one key."""

    DEFAULT_CSS = """
    FieldForm {
        height: 5; border-top: solid $panel-lighten-1; padding: 0 1;
        & > Horizontal { height: 1; }
        & Label { width: auto; margin-right: 2; text-style: bold; color: $primary; }
        & ValueInput { width: 1fr; background: $surface; }
        & ValueInput:focus { background: $panel; }
        & ValueInput.-wrong { color: $error; }
        & > Static { height: 3; }
    }
    """

    class Typed(Message):
        """Another text stands in the input."""

        def __init__(self, key: str, text: str) -> None:
            super().__init__()
            self.key = key
            self.text = text

    class Done(Message):
        """Enter was pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.field: Field | None = None

    def compose(self) -> ComposeResult:
        """Name and input in a line, the words below."""
        with Horizontal():
            yield Label("", markup=False)
            yield ValueInput(id="value", compact=True, select_on_focus=False)
        yield Static(markup=False)

    @property
    def input(self) -> ValueInput:
        """Where one types."""
        return self.query_one(ValueInput)

    def show(self, field: Field, draft: Draft) -> None:
        """Shows a key as it stands in the draft; what is being typed in it stays."""
        moved = self.field is None or field.key != self.field.key
        self.field = field
        self.query_one(Label).update(field.key)
        text = draft.text(field.key)
        if moved or self.input.value.strip() != text:
            with self.prevent(Input.Changed):
                self.input.value = text
        self.explain(draft)

    def explain(self, draft: Draft) -> None:
        """The words for what stands in the draft now; a problem elsewhere is named too, for it stands in the way."""
        assert self.field is not None
        own = draft.problems_of(self.field.key)
        self.input.set_class(bool(own), "-wrong")
        problems = own or draft.problems
        default = self.field.default
        way = " Enter lists them, left and right go through them." if self.field.choices else ""
        takes = (
            f"It takes {self.field.takes}" + (f"; default {default or 'empty'}." if default is not None else ".") + way
        )
        help_line = Content(f"{self.field.help[:1].upper()}{self.field.help[1:]}.")
        words = Content.styled(problems[0], "$error") if problems else Content.styled(takes, "$foreground-muted")
        self.query_one(Static).update(Content("\n").join([help_line, words]))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.field is not None:
            self.post_message(self.Typed(self.field.key, event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Done())
