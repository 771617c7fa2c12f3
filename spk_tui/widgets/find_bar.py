"""The line in which one types what the log is searched for: the words, how many lines have them, and the keys.

It knows no log: it says what was typed and where to go, and shows the count that it is given.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from spk_tui.log_filter import HELP


class FindBar(Horizontal):
    """Closed until `open`; while it is open, the keyboard is in its input."""

    DEFAULT_CSS = """
    FindBar {
        height: 1; padding: 0 1; background: $surface; display: none;
        &.-open { display: block; }
        & > .sign { width: 2; color: $primary; }
        & > Input { width: 1fr; background: $panel; }
        & > .count { width: auto; padding-left: 2; color: $foreground-muted; }
    }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("escape", "close", "Close", tooltip="The whole log again", id="find.close"),
        Binding("enter", "alone", "Hits alone", tooltip="Only the hits, or all lines", id="find.alone", priority=True),
        Binding("up", "go(-1)", "Earlier", tooltip="To the hit before", id="find.earlier"),
        Binding("down", "go(1)", "Later", tooltip="To the next hit", id="find.later"),
    ]

    class Changed(Message):
        """Something else is looked for."""

        def __init__(self, typed: str) -> None:
            super().__init__()
            self.typed = typed

    class Go(Message):
        """To the hit before (-1) or to the next one (1)."""

        def __init__(self, way: int) -> None:
            super().__init__()
            self.way = way

    class Alone(Message):
        """Only the hits, or all lines again."""

    class Closed(Message):
        """Nothing is looked for any more."""

    def compose(self) -> ComposeResult:
        """A sign, the input, the count."""
        yield Static("/", classes="sign")
        yield Input(placeholder=HELP, compact=True)
        yield Static("", classes="count")

    @property
    def is_open(self) -> bool:
        """Whether something may be looked for."""
        return self.has_class("-open")

    def open(self) -> None:
        """Takes the keyboard; what was typed before stands there."""
        self.add_class("-open")
        self.query_one(Input).focus()

    def action_close(self) -> None:
        """Gives the keyboard back."""
        self.remove_class("-open")
        self.query_one(Input).value = ""
        self.post_message(self.Closed())

    def action_go(self, way: int) -> None:
        """Asks for another hit."""
        self.post_message(self.Go(way))

    def action_alone(self) -> None:
        """Asks for the hits alone, or for all lines."""
        self.post_message(self.Alone())

    def show_count(self, text: str) -> None:
        """Such as "3 of 17", with the keys that the footer can't show, as an input has them for its own."""
        said, count = f"{text}   ↑ ↓" if " of " in text else text, self.query_one(".count", Static)
        if count.content != said:  # an update lays the whole screen out
            count.update(said)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))
