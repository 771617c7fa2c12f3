"""A report of `engine.use` to be read on the screen: its heading, what to know of it, and its tables.

In a broad terminal the tables stand in two columns. What stands in them is the business of whoever made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.use.report_tables import Table
from spk_tui.commands.answers import table as aligned
from spk_tui.wording import one_line


class ReportPart(Vertical):
    """One table under its title, with its note; one that is too wide can be scrolled by itself."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def compose(self) -> ComposeResult:
        """Title, rows and note."""
        heads, _, rows = aligned(self._table.heads, self._table.rows, self._table.numbers).partition("\n")
        yield Static(Content.styled(self._table.title, "bold $primary"))
        yield Static(Content.assemble((heads, "$foreground-muted"), "\n", rows), classes="rows")
        if self._table.note:
            yield Static(Content.styled(self._table.note, "$foreground-muted"))


class ReportView(VerticalScroll):
    """Shows one report at a time, or a text in its place."""

    HELP = "The arrow keys and the page keys go through the report."
    DEFAULT_CSS = """
    ReportView {
        border: round $panel-lighten-1; border-title-color: $foreground; padding: 0 1; scrollbar-size-vertical: 1;
        &:focus { border: round $primary; border-title-color: $primary; }
        & Static { height: auto; }
        & > .facts { margin-bottom: 1; }
        & > .tables { layout: vertical; height: auto; }
        & > .tables > Vertical { height: auto; }
        & ReportPart { height: auto; margin-bottom: 1; overflow-x: auto; scrollbar-size-horizontal: 1; }
        & ReportPart > .rows { width: auto; text-wrap: nowrap; }
    }
    """

    def compose(self) -> ComposeResult:
        """The lines before the tables, and two columns for these."""
        yield Static(classes="facts", markup=False)
        with Container(classes="tables"):
            yield Vertical()
            yield Vertical()

    async def tell(self, text: Content | str) -> None:
        """A text in place of a report."""
        await self._clear(text)

    async def show(self, heading: str, facts: Sequence[str], tables: Sequence[Table]) -> None:
        """The report, from its beginning."""
        lines = [Content.styled(one_line(heading), "bold"), *(Content(one_line(fact)) for fact in facts)]
        await self._clear(Content("\n").join(lines))
        shown = [table for table in tables if table.rows]
        half = _half(shown)
        for column, part in zip(self.query(".tables > Vertical"), (shown[:half], shown[half:]), strict=True):
            await column.mount_all([ReportPart(table) for table in part])
        self.scroll_home(animate=False)

    async def _clear(self, text: Content | str) -> None:
        await self.query(ReportPart).remove()
        self.query_one(".facts", Static).update(text)


def _half(tables: Sequence[Table]) -> int:
    """How many of the tables make the first column about as long as the second."""

    def longer_column(first: int) -> int:
        return max(sum(_heights(tables[:first])), sum(_heights(tables[first:])))

    return min(range(len(tables) + 1), key=longer_column)


def _heights(tables: Sequence[Table]) -> Iterator[int]:
    """About how many rows of the screen each takes."""
    return (len(table.rows) + (5 if table.note else 3) for table in tables)
