"""Every key of a draft in lines by section: a mark where it is changed or wrong, its value, and what it was.

It shows and has a cursor; typing is the work of `field_form.py`, and what a key means that of the draft.
"""

from __future__ import annotations

from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.widgets.option_list import Option

from spk_tui.drafts import Draft, Field
from spk_tui.widgets.column_list import Rows
from spk_tui.widgets.pieces import cell

KEY, VALUE, REMARK = 27, 18, 24
CHANGED, WRONG = "●", "✗"
BEGINS_A_VALUE = "0123456789-.["


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

    class Typed(Message):
        """A character that begins a value was typed on a line."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._draft: Draft | None = None
        self._fields: dict[str, Field] = {}  # those that are shown, by key
        self._shown_lines: dict[str, Content] = {}  # as shown, by key

    @property
    def field(self) -> Field | None:
        """The field that the cursor is on."""
        option = self.highlighted_option
        return self._fields.get(option.id or "") if option is not None else None

    def show(self, draft: Draft, wanted: str = "") -> None:
        """Shows the draft as it is now, of its fields those with all words that are wanted; the cursor stays."""
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
            key = before.key if before is not None and before.key in shown else next(iter(shown))
            self.highlighted = self.get_option_index(key)

    def move_to(self, key: str) -> None:
        """Puts the cursor on a field, if it is shown."""
        if key in self._fields:
            self.highlighted = self.get_option_index(key)

    def on_resize(self) -> None:
        """Other widths."""
        self._refresh_lines()

    def on_key(self, event: Key) -> None:
        """Who types a number on a line means its value."""
        if event.character is not None and event.character in BEGINS_A_VALUE:
            event.stop()
            self.post_message(self.Typed(event.character))

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
