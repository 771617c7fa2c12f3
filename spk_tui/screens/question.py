"""A question with two or three answers, in the middle of the screen. It decides nothing: it returns a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static


@dataclass(frozen=True)
class Answer:
    """One answer: what is returned, and what stands on the button."""

    key: str
    text: str
    variant: Literal["default", "primary", "success", "warning", "error"] = "default"


class Question(ModalScreen[str]):
    """Asks and returns an answer's key; Escape answers "cancel", which one of the answers is and changes nothing."""

    BINDINGS = [  # noqa: RUF012  # Textual's own way of declaring keys
        Binding("escape", "cancel", "Cancel"),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, text: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._answers = tuple(answers)

    def compose(self) -> ComposeResult:
        """Title, text, answers; the first one has the keyboard."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(self._text, markup=False)
            with Horizontal(classes="answers"):
                for answer in self._answers:
                    yield Button(answer.text, variant=answer.variant, id=answer.key, compact=True)

    def on_mount(self) -> None:
        """The first answer is the default."""
        self.query(Button).first().focus()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id or "cancel")

    def action_cancel(self) -> None:
        """The answer that changes nothing."""
        self.dismiss("cancel")
