"""Asks which curves are shown. Each answer counts at once; the charts behind it are the board's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

SHOWN, HIDDEN = "■", "□"


class CurvesDialog(ModalScreen[None]):
    """A list of curves with a mark for each that is shown, told by its shape."""

    BINDINGS = [  # noqa: RUF012
        Binding("space", "turn", "Show or hide", id="curves.toggle", tooltip="Show or hide the curve"),
        Binding("escape,v", "done", "Done", id="curves.done", tooltip="Back to the charts"),
    ]
    DEFAULT_CSS = """
    CurvesDialog {
        align: center middle; background: $background 60%;
        & OptionList, & OptionList:focus {
            height: auto; max-height: 16; border: none; background: $surface; padding: 0;
        }
    }
    """

    def __init__(self, labels: Sequence[str], hidden: Collection[str], toggle: Callable[[str], None]) -> None:
        super().__init__()
        self._labels, self._hidden, self._toggle = list(labels), set(hidden), toggle

    def compose(self) -> ComposeResult:
        """The list and its keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Curves"
            yield OptionList(*(self._prompt(label) for label in self._labels))
            yield Static("space shows or hides a curve, Esc goes back", classes="keys")

    def _prompt(self, label: str) -> Content:
        return Content(f"{HIDDEN if label in self._hidden else SHOWN} {label}")

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        label = self._labels[event.option_index]
        self._hidden ^= {label}
        event.option_list.replace_option_prompt_at_index(event.option_index, self._prompt(label))
        self._toggle(label)

    def action_turn(self) -> None:
        """The curve under the cursor."""
        self.query_one(OptionList).action_select()

    def action_done(self) -> None:
        """Back to the charts."""
        self.dismiss()
