"""The names of a board's charts on one line, each with its number key; the one that is shown stands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

APART = "  "


class ChartTabs(Widget):
    """One line of names; a click chooses."""

    DEFAULT_CSS = """
    ChartTabs { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    chosen: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """The chart of that name is wanted."""

        chart: str

    def __init__(self, titles: Mapping[str, str]) -> None:
        super().__init__()
        self._titles = dict(titles)

    def render(self) -> Content:
        """The chosen one reversed, so that it is told without colours too."""
        return Content(APART).join(
            [
                Content.styled(text, "bold reverse" if name == self.chosen else "$foreground-muted")
                for name, text in self._texts().items()
            ]
        )

    def on_click(self, event: events.Click) -> None:
        """The name under the mouse."""
        begin = 1
        for name, text in self._texts().items():
            if begin <= event.x < begin + len(text):
                self.post_message(self.Chosen(name))
            begin += len(text) + len(APART)

    def _texts(self) -> dict[str, str]:
        """Number and name; where the line is short, only the chosen one's name is written out."""
        texts = {name: f"{number} {title}" for number, (name, title) in enumerate(self._titles.items(), start=1)}
        if len(APART.join(texts.values())) > self.size.width:
            texts = {name: text if name == self.chosen else text.split()[0] for name, text in texts.items()}
        return texts
