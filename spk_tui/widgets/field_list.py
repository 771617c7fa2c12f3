"""Every key of a draft in lines by section: a mark where it is changed or wrong, its value, and what it was.

It shows and has a cursor; typing is the work of `field_form.py`, and what a key means that of the draft.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.binding import Binding
from textual.content import Content
from textual.widgets.option_list import Option

from spk_tui.drafts import Draft, Field
from spk_tui.widgets.column_list import Rows
from spk_tui.widgets.pieces import cell

KEY, VALUE, REMARK = 27, 18, 24
CHANGED, WRONG = "●", "✗"
BEGINS_A_VALUE = {digit: digit for digit in "0123456789"} | {
    "minus": "-",
    "full_stop": ".",
    "left_square_bracket": "[",
}
"""The characters that a number or a list begins with, by their keys."""


class FieldList(Rows):
    """The lines; a heading can't have the cursor."""

    DEFAULT_CSS = """
    FieldList {
        height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        &:focus { background-tint: transparent; border: none; }
        & > .option-list--option { padding: 0 1; text-wrap: nowrap; }
        & > .option-list--option-disabled { color: $primary; }
        & > .option-list--option-highlighted { background: $primary 12%; color: $foreground; }
        &:focus > .option-list--option-highlighted { background: $primary 24%; color: $foreground; }
    }
    """

    # They have priority so that the focus has moved before the next key is read: nothing typed gets lost.
    BINDINGS = [  # noqa: RUF012  # Textual's own way of declaring keys
        Binding(key, f"begin('{character}')", show=False, priority=True) for key, character in BEGINS_A_VALUE.items()
    ]

    def __init__(self, begin: Callable[[str], None], *, id: str | None = None) -> None:
        """begin: told the first character of a value that is typed on a line."""
        super().__init__(id=id)
        self._begin = begin
        self._draft: Draft | None = None
        self._fields: dict[str, Field] = {}  # those that are shown, by key
        self._shown_lines: dict[str, Content] = {}  # as shown, by key

    @property
    def field(self) -> Field | None:
        """The field that the cursor is on."""
        option = self.highlighted_option
        return self._fields.get(option.id or "") if option is not None else None

    def show(self, draft: Draft, wanted: str = "") -> None:
        """Shows the draft as it is now, of its fields those with all words that are wanted.

        The cursor stays, unless the words are in another field's name and not in that of the field that it is on.
        """
        self._draft = draft
        words = wanted.lower().split()
        shown = {field.key: field for field in draft.fields() if all(word in _searched(field) for word in words)}
        if list(shown) == list(self._fields):
            self._fields = shown
            self._refresh_lines()
            return
        before = self.field
        self._fields, self._shown_lines = shown, {}
        self.clear_options()
        section = ""
        for key, field in shown.items():
            if field.section != section:
                section = field.section
                self.add_option(Option(Content.styled(f"[{section}]", "bold"), id=f"[{section}]", disabled=True))
            self._shown_lines[key] = self._line(field)
            self.add_option(Option(self._shown_lines[key], id=key))
        if shown:
            meant = [key for key in shown if all(word in key for word in words)] or list(shown)
            key = before.key if before is not None and before.key in meant else meant[0]
            self.highlighted = self.get_option_index(key)

    def move_to(self, key: str) -> None:
        """Puts the cursor on a field, if it is shown."""
        if key in self._fields:
            self.highlighted = self.get_option_index(key)

    def on_resize(self) -> None:
        """Other widths."""
        self._refresh_lines()

    def action_begin(self, character: str) -> None:
        """Who types a number on a line means its value."""
        self._begin(character)

    def _refresh_lines(self) -> None:
        for key, field in self._fields.items():
            line = self._line(field)
            if self._shown_lines.get(key) != line:
                self._shown_lines[key] = line
                self.replace_option_prompt(key, line)

    def _line(self, field: Field) -> Content:
        assert self._draft is not None
        text, before, default = self._draft.text(field.key), self._draft.before(field.key), field.default
        changed, wrong = text != before, bool(self._draft.problems_of(field.key))
        mark = (WRONG, "$error bold") if wrong else (CHANGED if changed else " ", "$warning")
        remark = ""
        if changed:
            remark = "new" if before is None else f"was {before or 'empty'}"
        elif default is not None and default != text:
            remark = f"default {default or 'empty'}"
        room = self.content_size.width - 3 - KEY - VALUE - 3
        return Content.assemble(
            mark,
            " ",
            cell(Content.styled(field.name, "" if changed else "$foreground-muted"), KEY),
            cell(Content.styled(text or "–", "bold" if changed else ""), VALUE),
            " ",
            cell(Content.styled(remark, "$foreground-muted"), max(0, min(room, REMARK))),
        )


def _searched(field: Field) -> str:
    """What a search looks through."""
    return f"{field.key} {field.help} {' '.join(field.choices)}".lower()
