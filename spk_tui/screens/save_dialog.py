"""Asks where the best checkpoint should be saved, says what is in it, and asks again before a file is replaced.

Copying it is the training screen's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from spk_tui.background import in_thread
from spk_tui.screens.question import Answer, Question
from spk_tui.widgets.path_input import PathInput
from spk_tui.widgets.pieces import cell
from spk_tui.wording import short_path


class SaveDialog(ModalScreen[Path | None]):
    """Returns the path, or None when nothing should be saved. facts: what is in the file, as pairs."""

    BINDINGS = [Binding("escape", "cancel", "Cancel", tooltip="Nothing is saved", id="save.cancel")]  # noqa: RUF012

    def __init__(self, suggested: Path, facts: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._suggested = suggested
        self._facts = facts

    def compose(self) -> ComposeResult:
        """What is saved, where to, and the two answers."""
        width = max((len(word) for word, _ in self._facts), default=0) + 2
        lines = [
            Content.assemble(cell(Content.styled(word, "$foreground-muted"), width if word else 0), said)
            for word, said in self._facts
        ]
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Save the best checkpoint"
            yield Static(Content("\n").join(lines))
            yield PathInput(str(self._suggested), files=True, placeholder="a file or a folder; → completes")
            yield Static("", classes="remark", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Save", variant="primary", id="save", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """One types at once, at the end of the suggestion."""
        path = self.query_one(PathInput)
        path.focus()
        path.cursor_position = len(path.value)

    @on(Input.Changed)
    @work(group="look", exclusive=True)
    async def _remark(self) -> None:
        """What is there already, looked up in a thread."""
        is_file = await in_thread(self.query_one(PathInput).path.is_file)
        if self.is_attached:
            remark = "there is a file already; it would be replaced" if is_file else ""
            self.query_one(".remark", Static).update(remark)

    @on(Input.Submitted)
    @on(Button.Pressed, "#save")
    @work(group="save", exclusive=True)
    async def _save(self) -> None:
        typed = self.query_one(PathInput)
        if not typed.value.strip():
            self.query_one(".remark", Static).update("a path is missing")
            return
        path = typed.path
        if await in_thread(path.is_file):
            text = f"{short_path(path)} is there already. What is in it now is gone when it is replaced."
            answers = (Answer("replace", "Replace it", "warning"), Answer("cancel", "Keep it"))
            if await self.app.push_screen_wait(Question("Replace this file?", text, answers)) != "replace":
                return
        if self.is_attached:
            self.dismiss(path)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Nothing is saved."""
        self.dismiss(None)
