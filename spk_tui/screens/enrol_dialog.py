"""Asks whose voice should be kept, and in which recordings it is heard. Keeping it is the asking screen's business."""

from __future__ import annotations

from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from engine.errors import InputError
from engine.use.enrolments import speaker_name
from spk_tui.widgets.path_input import PathsInput

TEXT = (
    "Three to ten recordings of some seconds each serve best, made on different days. Embeddings are kept, never the "
    "recordings; under a name that is there already they are added."
)


class NewVoice(NamedTuple):
    """A name, and the line with recordings."""

    name: str
    line: str


class EnrolDialog(ModalScreen[NewVoice | None]):
    """Returns the name and the line, or None when nobody should be enrolled."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape", "cancel", "Cancel", tooltip="Nobody is enrolled", id="enrol.cancel"),
    ]
    DEFAULT_CSS = """
    EnrolDialog { align: center middle; background: $background 60%; }
    """

    def __init__(self, line: str = "") -> None:
        super().__init__()
        self._line = line

    def compose(self) -> ComposeResult:
        """Who, by which recordings, what is wrong with it, and the two answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Enrol a voice"
            yield Static(TEXT, markup=False)
            yield Input(placeholder="the person's name", id="name", compact=True)
            yield PathsInput(self._line, placeholder="recordings, as in a shell; → completes", id="files")
            yield Static("", classes="remark", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Enrol", variant="primary", id="take", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """The name comes first."""
        self.query_one("#name").focus()

    def _complaint(self) -> str:
        """What is missing or can't be."""
        try:
            speaker_name(self.query_one("#name", Input).value)
        except InputError as error:
            return str(error)
        return "" if self.query_one(PathsInput).value.strip() else "a recording is missing"

    @on(Input.Changed)
    def _remark(self, event: Input.Changed) -> None:
        remark = self._complaint() if event.input.id == "name" and event.value.strip() else ""
        self.query_one(".remark", Static).update("" if remark == "a recording is missing" else remark)

    @on(Input.Submitted, "#name")
    def _next(self) -> None:
        self.query_one(PathsInput).focus()

    @on(Input.Submitted, "#files")
    @on(Button.Pressed, "#take")
    def _take(self) -> None:
        complaint = self._complaint()
        self.query_one(".remark", Static).update(complaint)
        if not complaint:
            self.dismiss(NewVoice(self.query_one("#name", Input).value.strip(), self.query_one(PathsInput).value))

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Nobody is enrolled."""
        self.dismiss(None)
