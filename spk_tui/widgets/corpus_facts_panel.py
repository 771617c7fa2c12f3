"""The facts of a corpus in a frame: layout, sizes, sessions, what would be held out. Their words: `corpus_facts.py`."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from engine.corpus.summary import CorpusSummary
from spk_tui.corpus_facts import LABEL_WIDTH, fact_lines
from spk_tui.wording import one_line, short_path


class CorpusFacts(VerticalScroll):
    """Labels and values, to be scrolled where there is little room; blank until there is a summary."""

    DEFAULT_CSS = """
    CorpusFacts {
        width: 1fr; height: 1fr; padding: 0 0 0 1; border: round $panel-lighten-1; border-title-color: $foreground;
        border-subtitle-color: $foreground-muted; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        &:focus { border: round $primary; }
        & > Static { height: auto; text-wrap: nowrap; }
    }
    """

    summary: reactive[CorpusSummary | None] = reactive(None)

    def compose(self) -> ComposeResult:
        """All of it in one text."""
        yield Static()

    def watch_summary(self, summary: CorpusSummary | None) -> None:
        """The frame says which corpus it is, and where it lies."""
        if summary is not None:
            self.border_title = Content(one_line(summary.name))
            self.border_subtitle = Content(short_path(summary.root))
            self._draw()

    def on_resize(self) -> None:
        """Another width: long values are cut into other lines."""
        self._draw()

    def _draw(self) -> None:
        """One line a fact, more where its value is long."""
        if self.summary is None or not self.size:  # hidden; being shown is a resize
            return
        # The gutter of the scroll bar is no part of this, so that it may come and go without changing the lines.
        lines = fact_lines(self.summary, self.scrollable_content_region.width - LABEL_WIDTH, without=("folder",))
        self.query_one(Static).update(
            Content("\n").join(
                Content.assemble((f"{label:<{LABEL_WIDTH}}", "$foreground-muted"), value) for label, value in lines
            )
        )
