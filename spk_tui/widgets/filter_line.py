"""The line in which a list is filtered as one types; what a filter means is its owner's business."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class FilterInput(Input):
    """The input. Enter and the arrows lead back to the list, Escape takes the filter away."""

    BINDINGS = [  # noqa: RUF012  # Textual's own way of declaring keys
        Binding("escape", "leave(True)", "Show all", tooltip="Take the filter away", id="filter.clear"),
        Binding("enter,down,up", "leave(False)", "To the list", key_display="⏎", tooltip="Keep the filter",
                id="filter.keep"),
    ]  # fmt: skip

    def action_leave(self, clear: bool) -> None:
        """Gives the keyboard back."""
        if clear:
            self.value = ""
        self.post_message(FilterLine.Left())


class FilterLine(Horizontal):
    """Hidden until it is opened, and again once it is empty and left."""

    DEFAULT_CSS = """
    FilterLine {
        height: 1; padding: 0 2; display: none;
        &.-open { display: block; }
        & > .sign { width: 2; color: $primary; text-style: bold; }
        & > FilterInput { width: 1fr; background: transparent; padding: 0; }
        & > .remark { width: auto; max-width: 75%; color: $warning; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    class Changed(Message):
        """Another filter was typed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The keyboard belongs to the list again."""

    def __init__(self, hint: str) -> None:
        super().__init__()
        self._hint = hint

    def compose(self) -> ComposeResult:
        """A sign, the input, and what is wrong with it."""
        yield Static("/", classes="sign")
        yield FilterInput(placeholder=self._hint, select_on_focus=False, compact=True)
        yield Static("", classes="remark", markup=False)

    def open(self) -> None:
        """Shows the line and gives it the keyboard."""
        self.add_class("-open")
        self.query_one(FilterInput).focus()

    def remark(self, text: str) -> None:
        """Says what is wrong with the filter; "": nothing."""
        remark = self.query_one(".remark", Static)
        if remark.content != text:  # an update lays the whole screen out
            remark.update(text)

    @on(Input.Changed)
    def _tell(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_filter_line_left(self) -> None:
        """An empty filter needs no line."""
        self.set_class(bool(self.query_one(FilterInput).value), "-open")
