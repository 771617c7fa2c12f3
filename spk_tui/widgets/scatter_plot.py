"""What each encoder costs against what it reaches, with the budget as a line; drawing is `spk_tui.scatter`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.comparison import Entry
from spk_tui.overlay import role_of
from spk_tui.palettes import Palette, colour_of
from spk_tui.scatter import Limit, Point, draw_scatter
from spk_tui.wording import count, short_count


class ScatterPlot(Widget):
    """Give it runs; those without an accuracy or a size are left out, and it says how many."""

    DEFAULT_CSS = """
    ScatterPlot {
        width: 1fr; height: 1fr; min-height: 4; padding: 0 1;
        border: round $panel-lighten-1; border-title-color: $foreground; border-subtitle-color: $foreground-muted;
        text-wrap: nowrap;
    }
    """

    entries: reactive[tuple[Entry, ...]] = reactive(())
    palette: reactive[Palette] = reactive("theme")

    def on_mount(self) -> None:
        """What it shows."""
        self.border_title = "Segment accuracy against encoder parameters"

    def watch_entries(self, entries: Sequence[Entry]) -> None:
        """What is missing is said."""
        missing = len(entries) - len(points_of(entries))
        self.border_subtitle = f"{missing} without a validation yet" if missing else ""

    def render(self) -> Text | Content:
        """The picture for this size."""
        width, height = self.content_size
        points = points_of(self.entries)
        if not points:
            quiet = Content.styled("no validated run yet", "$foreground-muted")
            return Content("\n" * (height // 2)) + quiet.center(width)
        rows = draw_scatter(points, limits_of(self.entries), width, height, short_count)
        return Content("\n").join(
            [Content.assemble(*((text, self._style(what)) for text, what in pieces)) for pieces in rows]
        )

    def _style(self, what: str) -> str:
        quiet = {"": "", "axis": "$foreground-muted", "limit": "$warning", "label": "$foreground"}
        if what in quiet:
            return quiet[what]
        return f"{colour_of(role_of(what), self.palette, self.app.theme_variables)} bold"


def points_of(entries: Sequence[Entry]) -> list[Point]:
    """The runs that have both a size and an accuracy."""
    points = []
    for entry in entries:
        parameters, reached = entry.row.encoder_parameters, entry.row.figures.segment_accuracy
        if parameters is not None and reached is not None:
            points.append(Point(entry.letter, entry.row.title, parameters, reached))
    return points


def limits_of(entries: Sequence[Entry]) -> list[Limit]:
    """The budgets of the runs, each once."""
    budgets = {entry.row.preset.budget.encoder_parameters for entry in entries if entry.row.preset}
    return [Limit(budget, f"budget {count(budget)}") for budget in sorted(budgets)]
