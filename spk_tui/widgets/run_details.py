"""Two quiet lines about the run under the cursor: its name on disk and its tags, and what somebody noted on it."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.run_rows import RunRow
from spk_tui.widgets.pieces import cell, joined
from spk_tui.wording import count, encoder_words


class RunDetails(Widget):
    """Empty while there is no run."""

    DEFAULT_CSS = """
    RunDetails { height: 2; padding: 0 2; text-wrap: nowrap; }
    """

    row: reactive[RunRow | None] = reactive(None)

    def render(self) -> Content:
        """Id, encoder and tags; the note."""
        row, width = self.row, self.content_size.width
        if row is None:
            return Content()
        parts = [Content.styled(row.run.id, "$foreground-muted")]
        if row.labels.tags:
            parts.append(Content.styled(" ".join(f"#{tag}" for tag in row.labels.tags), "$accent"))
        if row.encoder and row.encoder_parameters is not None:
            size = f"{encoder_words(row.encoder)}, {count(row.encoder_parameters)} parameters"
            parts.append(Content.styled(size, "$foreground-muted"))
        note = " ".join(row.labels.notes.split())
        return Content("\n").join([joined(parts, width), cell(Content.styled(note, "italic"), width)])
