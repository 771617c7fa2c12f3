"""A choice among the values that a key can have, each with a word on what it is. It returns one and sets nothing."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from spk_tui.widgets.pieces import cell


class ChoiceDialog(ModalScreen[str | None]):
    """Returns the chosen value, or None when it is to stay as it is."""

    DEFAULT_CSS = """
    ChoiceDialog {
        align: center middle; background: $background 60%;
        & .dialog > OptionList { height: auto; max-height: 16; border: none; padding: 0; background: $surface; }
    }
    """
    BINDINGS = [Binding("escape", "dismiss", "Back")]  # noqa: RUF012  # Textual's own way of declaring keys

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], chosen: str) -> None:
        """choices: each value with what it is, which may be empty."""
        super().__init__()
        self._title = title
        self._choices = tuple(choices)
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """The values, the cursor on the one that is there."""
        width = max(len(value) for value, _ in self._choices) + 2
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = "Enter takes it, Escape leaves it"
            yield OptionList(
                *[
                    Option(Content.assemble(cell(value, width), (words, "$foreground-muted")), id=str(place))
                    for place, (value, words) in enumerate(self._choices)
                ],
                compact=True,
            )

    def on_mount(self) -> None:
        """One chooses at once."""
        values = [value for value, _ in self._choices]
        options = self.query_one(OptionList)
        options.highlighted = values.index(self._chosen) if self._chosen in values else 0
        options.focus()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index][0])
