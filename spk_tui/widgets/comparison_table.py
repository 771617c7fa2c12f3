"""The table of a comparison: a row a run, what came of it, and the settings in which it differs from the others."""

from __future__ import annotations

from collections.abc import Sequence

from rich.color import Color as RichColor
from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.color import Color
from textual.coordinate import Coordinate
from textual.reactive import reactive
from textual.widgets import DataTable

from spk_tui.comparison import Entry, TableColumn, sorted_places, table_of
from spk_tui.overlay import role_of
from spk_tui.palettes import Palette, colour_of

LONGEST_NAME, LONGEST_SETTING = 32, 24


class ComparisonTable(DataTable[Text]):
    """The runs' column stays at its place while the others scroll; `order_by` sorts by a column."""

    DEFAULT_CSS = """
    ComparisonTable {
        height: 1fr; background: transparent; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        & > .datatable--header { background: transparent; color: $foreground-muted; text-style: none; }
        & > .datatable--fixed { background: transparent; color: $foreground; }
        & > .datatable--fixed-cursor, & > .datatable--cursor {
            background: $primary 24%; color: $foreground; text-style: none;
        }
        & > .datatable--header-hover, & > .datatable--header-cursor { background: $primary 12%; color: $foreground; }
        & > .datatable--hover { background: $primary 8%; }
    }
    """

    BINDINGS = [  # noqa: RUF012  # Textual's own way of declaring keys
        Binding("enter", "select_cursor", "Open", tooltip="Show the run under the cursor", id="compare.open"),
    ]

    palette: reactive[Palette] = reactive("theme")

    def __init__(self) -> None:
        super().__init__(cursor_type="row", fixed_columns=1, cell_padding=1)
        self.order = "run"
        self.is_reversed = False
        self._entries: tuple[Entry, ...] = ()
        self._columns: list[TableColumn] = []

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Takes in the runs as they are now."""
        if tuple(entries) != self._entries or not self._columns:
            self._entries = tuple(entries)
            self._columns = table_of(entries)
            if self.order not in self.titles:
                self.order = "run"
            self._fill()

    @property
    def titles(self) -> list[str]:
        """What the columns are called."""
        return [column.title for column in self._columns]

    @property
    def chosen(self) -> Entry | None:
        """The run that the cursor is on."""
        if not self.row_count:
            return None
        key = self.coordinate_to_cell_key(Coordinate(self.cursor_row, 0)).row_key.value
        return next((entry for entry in self._entries if entry.letter == key), None)

    def watch_palette(self) -> None:
        """Letters have the colours of their curves."""
        self._fill()

    def order_by(self, title: str) -> None:
        """Sorts by that column, the greatest accuracy first; by the same one again: backwards."""
        self.is_reversed = not self.is_reversed if title == self.order else title in ("segment", "utterance")
        self.order = title
        self._fill()

    def order_by_next(self) -> None:
        """Sorts by the column after the one that it is sorted by."""
        titles = self.titles
        if titles:
            self.order_by(titles[(titles.index(self.order) + 1) % len(titles)])

    def _fill(self) -> None:
        before, scrolled = self.chosen, self.scroll_offset
        self.clear(columns=True)
        for column in self._columns:
            sign = (" ▾" if self.is_reversed else " ▴") if column.title == self.order else ""
            self.add_column(_cell(f"{column.title}{sign}", column, heading=True), key=column.title)
        by = next((column for column in self._columns if column.title == self.order), None)
        places = sorted_places(by, reverse=self.is_reversed) if by else []
        for place in places:
            name, *cells = (_cell(column.texts[place], column) for column in self._columns)
            letter = self._entries[place].letter
            name.stylize(Style(color=self._colour(letter), bold=True), 0, len(letter))
            self.add_row(name, *cells, key=letter)
        if before is not None and before.letter in {entry.letter for entry in self._entries}:
            self.move_cursor(row=self.get_row_index(before.letter), animate=False)
        self.scroll_to(*scrolled, animate=False)

    def _colour(self, letter: str) -> RichColor:
        return Color.parse(colour_of(role_of(letter), self.palette, self.app.theme_variables)).rich_color


def _cell(text: str, column: TableColumn, *, heading: bool = False) -> Text:
    """A cell of one line; long names and settings are cut."""
    cell = Text(text, justify="right" if column.is_number else "left", no_wrap=True, end="")
    if not heading:
        cell.truncate(LONGEST_SETTING if column.is_setting else LONGEST_NAME, overflow="ellipsis")
    return cell
