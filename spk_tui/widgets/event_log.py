"""The log of a run: one line for each thing that happened, diagnoses standing out with their advice.

It wraps to any width and follows its end until one scrolls up. Looked through with a filter, it shows the hits alone or
marks them among all lines. Which events get a line is `log_lines.py`'s business, what is a hit `log_filter.py`'s.
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

from spk_tui.log_filter import LogFilter
from spk_tui.log_lines import LogLine, Tone
from spk_tui.wording import one_line

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
        &:focus { border: round $primary; border-title-color: $primary; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.border_title = "Log"
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._follows = True
        self._filter = LogFilter()
        self._hits_alone = True
        self._hit: LogLine | None = None

    def compose(self) -> ComposeResult:
        """All lines in one text."""
        yield Static()

    @property
    def texts(self) -> list[str]:
        """The lines as they read, without their time."""
        return [line.text for line in self._lines]

    @property
    def copyable(self) -> str:
        """The line one is at: the hit in hand, else the newest one."""
        line = self._hit or (self._lines[-1] if self._lines else None)
        return "" if line is None else "\n".join(filter(None, (line.text, line.advice)))

    def add(self, lines: Iterable[LogLine]) -> None:
        """Appends lines."""
        new = list(lines)
        if not new:
            return
        self._follows = self._follows or self.scroll_offset.y >= self.max_scroll_y - 1
        self._lines.extend(new)
        if self._filter and self._hit is None:
            self._hit = next(iter(self.hits), None)
        self._write()

    # ------------------------------------------------------------------------------------------------ looking through

    @property
    def hits(self) -> list[LogLine]:
        """The lines that the filter takes; none without one."""
        return [line for line in self._lines if self._filter.takes(line)] if self._filter else []

    @property
    def counted(self) -> str:
        """How many hits there are, and at which one is: "3 of 17"."""
        if not self._filter:
            return ""
        hits = self.hits
        if not hits:
            return "no line has it"
        return f"{hits.index(self._hit) + 1} of {len(hits)}" if self._hit in hits else f"of {len(hits)}"

    def look_for(self, wanted: LogFilter) -> None:
        """Shows the lines that the filter takes, at the newest one; all of them without a filter."""
        self._filter = wanted
        hits = self.hits
        self._hit = hits[-1] if hits else None
        if not wanted:
            self._hits_alone = True
        self._write()
        self._show_hit()

    def go(self, way: int) -> None:
        """To the hit before (-1) or to the next one (1); from the last one on to the first."""
        hits = self.hits
        if not hits:
            return
        place = hits.index(self._hit) if self._hit in hits else -1
        self._hit = hits[(place + way) % len(hits)]
        self._write()
        self._show_hit()

    def toggle_hits_alone(self) -> None:
        """The hits among the lines around them, or alone."""
        self._hits_alone = not self._hits_alone
        self._write()
        self._show_hit()

    @property
    def _shown(self) -> list[LogLine]:
        return self.hits if self._filter and self._hits_alone else list(self._lines)

    def _show_hit(self) -> None:
        """Scrolls to the hit in hand, once what is above it has been laid out."""
        self._follows = self._hit is None
        if self._hit is not None:
            self.call_after_refresh(self._scroll_to_hit)
        else:
            self._laid_out()

    def _scroll_to_hit(self) -> None:
        shown, text = self._shown, self.query_one(Static)
        if self._hit in shown:
            above = Content("\n").join([self._content(line) for line in shown[: shown.index(self._hit)]])
            height = above.get_height({}, max(1, text.size.width)) if above else 0
            self.scroll_to(y=max(0, height - self.size.height // 2), animate=False)

    # ------------------------------------------------------------------------------------------------ drawing

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

    def _write(self) -> None:
        self.query_one(Static).update(Content("\n").join([self._content(line) for line in self._shown]))

    def _content(self, line: LogLine) -> Content:
        moment = time.strftime("%H:%M:%S", time.localtime(line.time))
        at, mark = "▶ " if line is self._hit else "", MARKS.get(line.tone, "")
        said = Content.assemble(
            (f"{moment}  ", "$foreground-muted"), at, self._marked(f"{mark}{line.text}", STYLES[line.tone])
        )
        if line.advice:
            said = Content.assemble(said, ("\n          → ", "$foreground"), self._marked(line.advice, "$foreground"))
        return said

    def _marked(self, text: str, style: str) -> Content:
        """The text with what was looked for in reverse, which needs no colour."""
        said = Content.styled(one_line(text), style)
        for start, end in self._filter.places(text):
            said = said.stylize("reverse", start, end)
        return said
