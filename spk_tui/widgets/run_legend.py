"""One line that says which run is which letter, colour and mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.chart_drawing import line_letter
from spk_tui.comparison import Entry
from spk_tui.overlay import mark_of, role_of
from spk_tui.palettes import Palette, colour_of
from spk_tui.widgets.pieces import cell

if TYPE_CHECKING:
    from spk_tui.dot_canvas import Marker

SHORTEST_NAME, GAP = 4, 3


class RunLegend(Widget):
    """Give it runs; names are cut where not all have room, and the last runs counted where that isn't enough."""

    DEFAULT_CSS = """
    RunLegend { height: 1; padding: 0 2; text-wrap: nowrap; }
    """

    entries: reactive[tuple[Entry, ...]] = reactive(())
    marker: reactive[Marker] = reactive("braille")
    palette: reactive[Palette] = reactive("theme")

    def render(self) -> Content:
        """Mark, letter and name of each run."""
        width, entries = self.content_size.width, list(self.entries)
        if not entries:
            return Content()
        longest = max(len(entry.row.title) for entry in entries)
        while longest > SHORTEST_NAME and self._line(entries, longest).cell_length > width:
            longest -= 1
        left_out = 0
        while self._line(entries, longest, left_out).cell_length > width and len(entries) > 1:
            entries.pop()
            left_out += 1
        return self._line(entries, longest, left_out)

    def _line(self, entries: list[Entry], longest: int, left_out: int = 0) -> Content:
        parts = [self._entry(entry, longest) for entry in entries]
        if left_out:
            parts.append(Content.styled(f"and {left_out} more", "$foreground-muted"))
        return Content(" " * GAP).join(parts)

    def _entry(self, entry: Entry, longest: int) -> Content:
        colour = colour_of(role_of(entry.letter), self.palette, self.app.theme_variables)
        name = entry.row.title
        return Content.assemble(
            (f"{line_letter(mark_of(entry.letter), self.marker)} {entry.letter}", f"{colour} bold"),
            " ",
            cell(name, min(len(name), longest)),
        )
