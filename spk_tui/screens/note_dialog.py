"""Asks for a note of one or more lines. It returns the text, or None when the note should stay as it was."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static, TextArea


class NoteDialog(ModalScreen[str | None]):
    """A sentence on what the note is for, and room to write it."""

    DEFAULT_CSS = """
    NoteDialog {
        & TextArea { margin-top: 1; background: $panel; height: 6; border: none; padding: 0 1; }
    }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("escape", "cancel", "Cancel", tooltip="The note stays as it was", id="note.cancel"),
    ]

    def __init__(self, text: str, note: str) -> None:
        super().__init__()
        self._text, self._note = text, note

    def compose(self) -> ComposeResult:
        """A sentence, the note, the answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Note"
            dialog.border_subtitle = "Tab, Enter saves"
            yield Static(self._text, markup=False)
            yield TextArea(self._note, soft_wrap=True, compact=True)
            with Horizontal(classes="answers"):
                yield Button("Save", variant="primary", id="save", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """One types at once, at the end of what is there."""
        note = self.query_one(TextArea)
        note.focus()
        note.move_cursor(note.document.end)

    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        self.dismiss(self.query_one(TextArea).text)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """The note stays as it was."""
        self.dismiss(None)
