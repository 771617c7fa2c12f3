"""The line at the top of every screen: the program, where one is, and at the right a word about what goes on."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.widgets.pieces import cell, spread
from spk_tui.wording import one_line


class TitleBar(Widget):
    """One line; `place` is where one is, `note` what somebody wrote on it, `news` what goes on."""

    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; }
    """

    place: reactive[str] = reactive("")
    news: reactive[str] = reactive("")
    note: reactive[str] = reactive("")

    def __init__(self, place: str) -> None:
        super().__init__()
        self.set_reactive(TitleBar.place, place)

    def render(self) -> Content:
        """The line, filled to its width."""
        left = Content.assemble(("spk-tui", "bold $primary"), ("  ›  ", "$foreground-muted"), self.place)
        width = self.content_size.width
        news = self.news if left.cell_length + len(self.news) + 2 <= width else ""
        room = width - left.cell_length - len(news) - 7
        if self.note and room < 8:  # what somebody wrote says more than what the place is called
            room, news = width - left.cell_length - 5, ""
        if self.note and room >= 8:
            note = f"✎ {one_line(self.note)}"
            left = Content.assemble(left, "   ", cell(Content.styled(note, "italic"), min(room, len(note))))
        return spread(left, Content.styled(news, "$foreground-muted"), width)
