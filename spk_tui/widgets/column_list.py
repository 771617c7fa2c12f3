"""A list with columns that fill its width: the presets and the runs are shown in it.

It knows rows, keys and widths. A column may be dropped where the list is narrow, so that nothing is ever cut off at the
right. A row is put together when it comes into sight, so that a long list costs as little as a short one. What a row
means is its owner's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.css.styles import RulesMap
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from spk_tui.widgets.pieces import cell

GAP = 2


@dataclass(frozen=True)
class Column:
    """A column: at least `width` wide; those with a `share` divide what is left over.

    Where there is no room for all of them, the one with the highest `dispensable` goes first; one with 0 always stays.
    """

    title: str
    width: int
    share: int = 0
    right: bool = False
    dispensable: int = 0


@dataclass(frozen=True)
class Row:
    """A row: its key and what makes a cell, given the width it will have."""

    key: str
    cells: tuple[Callable[[int], Content], ...]


def text_cell(text: Content | str) -> Callable[[int], Content]:
    """A cell that is the same text at every width."""
    content = Content(text) if isinstance(text, str) else text
    return lambda width: content


class Line(Visual):
    """A row as Textual draws it: one line, put together at each drawing, which the list of options remembers."""

    def __init__(self, row: Row, lay_out: Callable[[Row], Content]) -> None:
        self.row = row
        self._lay_out = lay_out

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        """The line."""
        return self._lay_out(self.row).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """All there is."""
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """One."""
        return 1


class Rows(OptionList, inherit_bindings=False):
    """The rows. Enter is left to the screen, which can say in its footer what Enter does there."""

    BINDINGS = [  # noqa: RUF012  # Textual's own way of declaring keys
        Binding("up", "cursor_up", "Up", show=False),
        Binding("down", "cursor_down", "Down", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
    ]

    def redraw(self) -> None:
        """Forgets how the lines looked."""
        self._clear_caches()

    def on_click(self, event: Click) -> None:
        """The first click moves the cursor, so that a row can be looked at or deleted; the second one chooses it."""
        place = event.style.meta.get("option")
        if place is not None and event.chain < 2:
            event.prevent_default()
            self.highlighted = place


class ColumnList(Vertical):
    """A list of rows under a line of column titles."""

    DEFAULT_CSS = """
    ColumnList {
        & > .titles { height: 1; padding: 0 1; color: $foreground-muted; text-wrap: nowrap; }
        & > OptionList {
            height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
            &:focus { background-tint: transparent; border: none; }
            & > .option-list--option { padding: 0 1; text-wrap: nowrap; }
            & > .option-list--option-highlighted { background: $primary 12%; color: $foreground; }
            &:focus > .option-list--option-highlighted { background: $primary 24%; color: $foreground; }
        }
        & > .nothing { height: 1fr; padding: 1 2; color: $foreground-muted; display: none; }
        &.-empty > .nothing { display: block; }
        &.-empty > OptionList, &.-empty > .titles { display: none; }
    }
    """

    class Highlighted(Message):
        """The cursor is on another row."""

        def __init__(self, column_list: ColumnList, key: str) -> None:
            super().__init__()
            self.column_list = column_list
            self.key = key

        @property
        def control(self) -> ColumnList:
            """The list that tells it, for handlers of one list alone."""
            return self.column_list

    class Chosen(Message):
        """A row was clicked twice."""

        def __init__(self, column_list: ColumnList, key: str) -> None:
            super().__init__()
            self.column_list = column_list
            self.key = key

        @property
        def control(self) -> ColumnList:
            """The list that tells it, for handlers of one list alone."""
            return self.column_list

    def __init__(self, columns: Sequence[Column], nothing: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._empty = Static(nothing, classes="nothing", markup=False)
        self._marks: dict[str, str] = {}
        self._lines: list[Line] = []
        self._titles = Static(classes="titles")
        self._options = Rows()

    def compose(self) -> ComposeResult:
        """Titles, the rows, and what is said when there are none."""
        yield self._titles
        yield self._options
        yield self._empty

    @property
    def key(self) -> str | None:
        """The key of the row that the cursor is on."""
        place = self._options.highlighted
        return self._rows[place].key if place is not None and place < len(self._rows) else None

    @property
    def nothing(self) -> str:
        """What is said when there are no rows."""
        return str(self._empty.content)

    @nothing.setter
    def nothing(self, text: str) -> None:
        if text != self.nothing:
            self._empty.update(text)

    def focus_rows(self) -> None:
        """Puts the keyboard on the rows."""
        self._options.focus()

    def show(self, rows: Sequence[Row]) -> None:
        """Replaces the rows; the cursor stays on its key where that is still there, else near its place."""
        keys = [row.key for row in rows]
        same = keys == [row.key for row in self._rows]
        before, place = self.key, self._options.highlighted or 0
        self._rows = tuple(rows)
        self.set_class(not rows, "-empty")
        if same and len(self._lines) == len(rows):
            for line, row in zip(self._lines, self._rows, strict=True):
                line.row = row
            self._options.redraw()
            return
        self._lines = [Line(row, self._line) for row in self._rows]
        self._options.clear_options()
        self._options.add_options([Option(line) for line in self._lines])
        if rows:
            self._options.highlighted = keys.index(before) if before in keys else min(place, len(rows) - 1)

    def move_to(self, key: str) -> None:
        """Puts the cursor on the row of that key, if there is one."""
        keys = [row.key for row in self._rows]
        if key in keys:
            self._options.highlighted = keys.index(key)

    def move_by(self, rows: int) -> None:
        """Moves the cursor that many rows down, as far as there are any."""
        if self._rows:
            self._options.highlighted = min(len(self._rows) - 1, max(0, (self._options.highlighted or 0) + rows))

    def mark_title(self, title: str, mark: str) -> None:
        """Puts a mark behind the title of one column, and takes it from the others."""
        if self._marks != {title: mark}:
            self._marks = {title: mark}
            self._show_titles()

    def on_resize(self) -> None:
        """Other widths: every line is laid out anew."""
        self._show_titles()
        self._options.redraw()

    def _show_titles(self) -> None:
        titles = [
            cell(f"{column.title}{self._marks.get(column.title, '')}", width, right=column.right)
            for column, width in self._widths()
            if width
        ]
        self._titles.update(self._join(titles))

    @on(OptionList.OptionHighlighted)
    def _tell_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_index < len(self._rows):
            self.post_message(self.Highlighted(self, self._rows[event.option_index].key))

    @on(OptionList.OptionSelected)
    def _tell_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self, self._rows[event.option_index].key))

    def _widths(self) -> list[tuple[Column, int]]:
        """Each column's width now; 0 for the hidden ones."""
        room = max(20, self.content_size.width - 3)  # the padding of a row and the scroll bar
        shown = list(self._columns)
        while (spare := room - sum(column.width + GAP for column in shown) + GAP) < 0:
            dispensable = max(shown, key=lambda column: column.dispensable)
            if not dispensable.dispensable:
                break
            shown.remove(dispensable)
        shares = sum(column.share for column in shown)
        widths = {}
        for column in shown:
            extra = spare * column.share // shares if shares else 0
            widths[column.title] = max(1, column.width + extra)
        return [(column, widths.get(column.title, 0)) for column in self._columns]

    def _line(self, row: Row) -> Content:
        cells = []
        for (column, width), make in zip(self._widths(), row.cells, strict=True):
            if width:
                cells.append(cell(make(width), width, right=column.right))
        return self._join(cells)

    def _join(self, cells: list[Content]) -> Content:
        return Content(" " * GAP).join(cells)
