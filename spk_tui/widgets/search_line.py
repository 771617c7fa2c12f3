"""A line in which one types what a list shall be narrowed to; it opens with a key and costs no room before.

It tells every text; which rows match is its owner's business. Up and down still move in the list.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label


class SearchLine(Horizontal):
    """The line, hidden until it is opened."""

    DEFAULT_CSS = """
    SearchLine {
        height: 1; padding: 0 1; display: none;
        & > Label { width: 2; color: $primary; text-style: bold; }
        & > Input { width: 1fr; background: $surface; }
        & > Input:focus { background: $panel; }
    }
    """
    BINDINGS = [Binding("escape", "close", "Clear", tooltip="Show all again", id="search.clear")]  # noqa: RUF012

    class Changed(Message):
        """Another text is wanted."""

    class Done(Message):
        """Typing is over: the keyboard goes to the list."""

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """A slash, as the key, and the input."""
        yield Label("/")
        yield Input(placeholder=self._placeholder, compact=True, id="wanted")

    @property
    def wanted(self) -> str:
        """What is typed; empty while the line is closed."""
        return self.query_one(Input).value if self.is_open else ""

    @property
    def is_open(self) -> bool:
        """Whether it can be seen."""
        return bool(self.display)

    def open(self) -> None:
        """Shows it, with the keyboard in it before the next key is read."""
        self.display = True
        self.screen.set_focus(self.query_one(Input))

    def close(self) -> None:
        """Hides it; the list is whole again."""
        if self.is_open:
            self.display = False
            with self.prevent(Input.Changed):
                self.query_one(Input).value = ""
            self.post_message(self.Changed())
            self.post_message(self.Done())

    def action_close(self) -> None:
        """As `close`."""
        self.close()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Done())
