"""Asks for what people write on runs: a line (a name, tags) or a note of several lines.

They return the text, or None when it should stay as it was; writing it is their owner's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static, TextArea

from engine.errors import InputError


class LastWord(Suggester):
    """Completes the last word of a line from known words."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = sorted(words)

    async def get_suggestion(self, value: str) -> str | None:
        """The line with its last word completed to the first known one that begins so and isn't in the line yet."""
        head, separator, start = value.rpartition(" ")
        written = head.split()
        found = (word for word in self._words if word.startswith(start) and word != start and word not in written)
        return f"{head}{separator}{word}" if start and (word := next(found, None)) else None


class LabelDialog(ModalScreen[str | None]):
    """What both have: a frame, a sentence, the answers."""

    DEFAULT_CSS = """
    LabelDialog {
        & Input, & TextArea { margin-top: 1; background: $panel; }
        & TextArea { height: 6; border: none; padding: 0 1; }
    }
    """
    BINDINGS = [Binding("escape", "cancel", "Cancel")]  # noqa: RUF012  # Textual's own way of declaring keys

    def __init__(self, title: str, text: str, value: str) -> None:
        super().__init__()
        self._title, self._text, self._value = title, text, value

    def answers(self) -> Horizontal:
        """The two answers."""
        return Horizontal(
            Button("Save", variant="primary", id="save", compact=True),
            Button("Cancel", id="cancel", compact=True),
            classes="answers",
        )

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """All stays as it was."""
        self.dismiss(None)


class LineDialog(LabelDialog):
    """Asks for a line; `check` raises `InputError` for one that can't be, `known` are words to complete it with."""

    def __init__(
        self, title: str, text: str, value: str, check: Callable[[str], object], known: Sequence[str] = ()
    ) -> None:
        super().__init__(title, text, value)
        self._check = check
        self._known = known

    def compose(self) -> ComposeResult:
        """A sentence, the line, what is wrong with it, the answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(self._text, markup=False)
            suggester = LastWord(self._known) if self._known else None
            yield Input(self._value, suggester=suggester, select_on_focus=False, compact=True)
            yield Static("", classes="remark", markup=False)
            yield self.answers()

    def on_mount(self) -> None:
        """One types at once, at the end of what is there."""
        self.query_one(Input).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        value = self.query_one(Input).value
        try:
            self._check(value)
        except InputError as error:
            self.query_one(".remark", Static).update(str(error))
        else:
            self.dismiss(value)


class NoteDialog(LabelDialog):
    """Asks for a note."""

    def compose(self) -> ComposeResult:
        """A sentence, the note, the answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = "Tab, Enter saves"
            yield Static(self._text, markup=False)
            yield TextArea(self._value, soft_wrap=True, compact=True)
            yield self.answers()

    def on_mount(self) -> None:
        """One types at once, at the end of what is there."""
        note = self.query_one(TextArea)
        note.focus()
        note.move_cursor(note.document.end)

    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        self.dismiss(self.query_one(TextArea).text)
