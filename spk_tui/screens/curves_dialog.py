"""Asks which curves are shown. Each answer counts at once; the charts behind it are the board's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection


class CurvesDialog(ModalScreen[None]):
    """A list of curves with a mark for each that is shown."""

    BINDINGS = [Binding("escape,v", "done", "Done", id="curves.done", tooltip="Back to the charts")]  # noqa: RUF012
    DEFAULT_CSS = """
    CurvesDialog {
        align: center middle; background: $background 60%;
        & > .dialog { width: 44; }
        & SelectionList { height: auto; max-height: 16; border: none; background: $surface; padding: 0; }
    }
    """

    def __init__(self, labels: Sequence[str], hidden: Collection[str], toggle: Callable[[str], None]) -> None:
        super().__init__()
        self._labels, self._hidden, self._toggle = labels, hidden, toggle

    def compose(self) -> ComposeResult:
        """The list and its keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Curves"
            yield SelectionList[str](*(Selection(label, label, label not in self._hidden) for label in self._labels))
            yield Static("space shows or hides a curve, Esc goes back", classes="keys")

    @on(SelectionList.SelectionToggled)
    def _toggled(self, event: SelectionList.SelectionToggled[str]) -> None:
        self._toggle(event.selection.value)

    def action_done(self) -> None:
        """Back to the charts."""
        self.dismiss()
