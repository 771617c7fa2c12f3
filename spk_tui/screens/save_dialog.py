"""Asks where the best checkpoint should be saved. Copying it is the training screen's business."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from spk_tui.widgets.path_input import PathInput


class SaveDialog(ModalScreen[Path | None]):
    """Returns the path, or None when nothing should be saved."""

    BINDINGS = [Binding("escape", "cancel", "Cancel")]  # noqa: RUF012

    def __init__(self, suggested: Path, what: str) -> None:
        super().__init__()
        self._suggested = suggested
        self._what = what

    def compose(self) -> ComposeResult:
        """What is saved, where to, and the two answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Save the best checkpoint"
            yield Static(self._what, markup=False)
            yield PathInput(str(self._suggested), files=True, placeholder="a file or a folder")
            yield Static("", classes="remark")
            with Horizontal(classes="answers"):
                yield Button("Save", variant="primary", id="save", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """One types at once, at the end of the suggestion."""
        path = self.query_one(PathInput)
        path.focus()
        path.cursor_position = len(path.value)

    @on(Input.Changed)
    def _remark(self) -> None:
        path = self.query_one(PathInput).path
        remark = "there is a file already; it would be replaced" if path.is_file() else ""
        self.query_one(".remark", Static).update(remark)

    @on(Input.Submitted)
    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        path = self.query_one(PathInput)
        self.dismiss(path.path if path.value.strip() else None)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Nothing is saved."""
        self.dismiss(None)
