"""The facts of a corpus in a frame: layout, sizes, sessions, what would be held out. Their words: `corpus_facts.py`."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.corpus.summary import CorpusSummary
from spk_tui.corpus_facts import LABEL_WIDTH, fact_lines
from spk_tui.wording import one_line, short_path


class CorpusFacts(Widget):
    """Labels and values; blank until there is a summary."""

    DEFAULT_CSS = """
    CorpusFacts {
        width: 1fr; height: 1fr; padding: 0 1; border: round $panel-lighten-1; border-title-color: $foreground;
        border-subtitle-color: $foreground-muted; text-wrap: nowrap;
    }
    """

    summary: reactive[CorpusSummary | None] = reactive(None)

    def watch_summary(self, summary: CorpusSummary | None) -> None:
        """The frame says which corpus it is, and where it lies."""
        if summary is not None:
            self.border_title = Content(one_line(summary.name))
            self.border_subtitle = Content(short_path(summary.root))

    def render(self) -> Content:
        """One line a fact, more where its value is long."""
        if self.summary is None:
            return Content()
        lines = fact_lines(self.summary, self.content_size.width - LABEL_WIDTH, without=("folder",))
        return Content("\n").join(
            Content.assemble((f"{label:<{LABEL_WIDTH}}", "$foreground-muted"), value) for label, value in lines
        )
