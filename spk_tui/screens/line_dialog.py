"""Asks for one line of text or one number, with a sentence on what it is for and a check as one types.

What is done with the answer is the asking screen's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static

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


class LineDialog(ModalScreen[str | None]):
    """Returns the line, or None when nothing should change."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape", "cancel", "Cancel", tooltip="Nothing changes", id="line.cancel"),
    ]

    def __init__(
        self,
        title: str,
        text: str,
        value: str,
        answer: str,
        *,
        check: Callable[[str], str] = lambda typed: "",
        restrict: str | None = None,
        placeholder: str = "",
        known: Sequence[str] = (),
    ) -> None:
        """answer: what stands on the button. check: why what is typed can't be taken, or "". restrict: as `Input`'s.

        known: words by which the last one of the line is completed.
        """
        super().__init__()
        self._title, self._text, self._value, self._answer = title, text, value, answer
        self._check, self._restrict, self._placeholder = check, restrict, placeholder
        self._suggester = LastWord(known) if known else None

    def compose(self) -> ComposeResult:
        """The sentence, the line, what is wrong with it, the two answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(self._text, markup=False)
            yield Input(
                self._value, restrict=self._restrict, placeholder=self._placeholder, suggester=self._suggester,
                select_on_focus=False, compact=True,
            )  # fmt: skip
            yield Static("", classes="remark", markup=False)
            with Horizontal(classes="answers"):
                yield Button(self._answer, variant="primary", id="take", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """One types at once, at the end of what is there."""
        line = self.query_one(Input)
        line.focus()
        line.cursor_position = len(line.value)

    @on(Input.Changed)
    def _remark(self, event: Input.Changed) -> None:
        self.query_one(".remark", Static).update(self._check(event.value))

    @on(Input.Submitted)
    @on(Button.Pressed, "#take")
    def _take(self) -> None:
        typed = self.query_one(Input).value
        if not self._check(typed):
            self.dismiss(typed)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Nothing changes."""
        self.dismiss(None)


def complaint(check: Callable[[str], object]) -> Callable[[str], str]:
    """What a check that raises `InputError` has against a line, or ""."""

    def complains(typed: str) -> str:
        try:
            check(typed)
        except InputError as error:
            return str(error)
        return ""

    return complains
