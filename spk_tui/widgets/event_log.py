"""The log of a run: one line for each thing that happened, diagnoses standing out with their advice.

It wraps to any width and follows its end until one scrolls up. Which events get a line is `log_lines.py`'s business.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from spk_tui.log_lines import LogLine, Tone

KEPT = 500
STYLES: dict[Tone, str] = {
    "quiet": "$foreground-muted",
    "plain": "$foreground",
    "good": "$success",
    "notice": "$secondary",
    "warning": "$warning bold",
    "error": "$error bold",
}
MARKS: dict[Tone, str] = {"warning": "▲ ", "error": "✗ ", "notice": "● "}


class EventLog(VerticalScroll):
    """The newest lines of the log, the last at the bottom."""

    HELP: ClassVar[str] = (
        "What happened to this run, the newest at the bottom. ▲ and ✗ mark what was found wrong, with what to "
        "try under it. Scroll up to read; at the end it follows the run again."
    )

    DEFAULT_CSS = """
    EventLog {
        border: round $panel-lighten-1; border-title-color: $foreground; padding: 0 1; scrollbar-size-vertical: 1;
        & > Static { height: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.border_title = "Log"
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._follows = True

    def compose(self) -> ComposeResult:
        """All lines in one text."""
        yield Static()

    @property
    def texts(self) -> list[str]:
        """The lines as they read, without their time."""
        return [line.text for line in self._lines]

    def add(self, lines: Iterable[LogLine]) -> None:
        """Appends lines."""
        new = list(lines)
        if not new:
            return
        self._follows = self._follows or self.scroll_offset.y >= self.max_scroll_y - 1
        self._lines.extend(new)
        self.query_one(Static).update(Content("\n").join([self._content(line) for line in self._lines]))

    def on_mount(self) -> None:
        """The text is laid out some time after it was given: its new height is the sign to go to its end."""
        self.watch(self, "virtual_size", self._laid_out, init=False)

    def on_resize(self) -> None:
        """Lines wrap anew; the end comes into sight."""
        self._follows = True
        self._laid_out()

    def _laid_out(self) -> None:
        if self._follows:
            self.scroll_end(animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls up wants to read there."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y - 1:
            self._follows = False

    def _content(self, line: LogLine) -> Content:
        moment = time.strftime("%H:%M:%S", time.localtime(line.time))
        said = Content.assemble(
            (f"{moment}  ", "$foreground-muted"), (f"{MARKS.get(line.tone, '')}{line.text}", STYLES[line.tone])
        )
        if line.advice:
            said = Content.assemble(said, (f"\n          → {line.advice}", "$foreground"))
        return said
