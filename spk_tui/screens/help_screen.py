"""Help on the screen one comes from: what it shows, and every key that works there now."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from spk_tui.widgets.pieces import cell


class HelpScreen(ModalScreen[None]):
    """A text and a list of keys."""

    BINDINGS = [Binding("escape,f1,question_mark,q", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, title: str, text: str, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._keys = keys

    def compose(self) -> ComposeResult:
        """The text, then the keys."""
        lines = [Content.assemble(cell(Content.styled(key, "bold $primary"), 12), text) for key, text in self._keys]
        with VerticalScroll(classes="dialog help") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = "Escape closes"
            yield Static(self._text, markup=False)
            yield Static(Content("\n").join(lines), classes="keys")
