"""A line or two that say which run is which letter, colour and mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.chart_drawing import line_letter
from spk_tui.comparison import Entry
from spk_tui.overlay import mark_of, role_of
from spk_tui.palettes import Palette, colour_of
from spk_tui.widgets.pieces import cell

if TYPE_CHECKING:
    from spk_tui.dot_canvas import Marker

SHORTEST_NAME, FAIR_NAME, GAP = 4, 16, 3


class RunLegend(Widget):
    """Give it runs; where names have little room there are two lines, then they are cut, then the last runs counted."""

    DEFAULT_CSS = """
    RunLegend { height: auto; padding: 0 2; text-wrap: nowrap; }
    """

    entries: reactive[tuple[Entry, ...]] = reactive((), layout=True)
    marker: reactive[Marker] = reactive("braille")
    palette: reactive[Palette] = reactive("theme")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line or two."""
        return len(self._lines(width))

    def render(self) -> Content:
        """Mark, letter and name of each run."""
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        names = [len(entry.row.title) for entry in self.entries]
        longest = max(names, default=0)
        room = self._room(width, len(names))
        if room >= min(longest, FAIR_NAME) or len(names) < 2:
            return [self._line(self.entries, max(room, SHORTEST_NAME), width)]
        half = -(-len(names) // 2)
        room = min(longest, max(self._room(width, half), SHORTEST_NAME))
        return [self._line(part, room, width, fill=True) for part in (self.entries[:half], self.entries[half:])]

    def _room(self, width: int, runs: int) -> int:
        """Columns for each name, beside its mark, its letter and the gap behind it."""
        return (width + GAP) // max(1, runs) - GAP - 4

    def _line(self, entries: Sequence[Entry], longest: int, width: int, *, fill: bool = False) -> Content:
        shown = max(1, (width + GAP) // (SHORTEST_NAME + 4 + GAP)) if longest == SHORTEST_NAME else len(entries)
        parts = [self._entry(entry, longest, fill) for entry in entries[: shown - (shown < len(entries))]]
        if len(parts) < len(entries):
            parts.append(Content.styled(f"+ {len(entries) - len(parts)}", "$foreground-muted"))
        return Content(" " * GAP).join(parts)

    def _entry(self, entry: Entry, longest: int, fill: bool) -> Content:
        colour = colour_of(role_of(entry.letter), self.palette, self.app.theme_variables)
        name = entry.row.title
        return Content.assemble(
            (f"{line_letter(mark_of(entry.letter), self.marker)} {entry.letter}", f"{colour} bold"),
            " ",
            cell(name, longest if fill else min(len(name), longest)),
        )
