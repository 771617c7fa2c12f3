"""A draft as text: the TOML file that it would be, and what it differs in from the preset that it began as.

Both are made anew when they are shown a draft, and follow the key that is edited; they change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.preset_file import to_toml
from spk_tui.drafts import Draft
from spk_tui.widgets.field_list import CHANGED
from spk_tui.widgets.pieces import cell


class TomlView(VerticalScroll):
    """The file, with a mark at each line that differs."""

    DEFAULT_CSS = """
    TomlView { scrollbar-size-vertical: 1; & > Static { width: auto; height: auto; text-wrap: nowrap; } }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "TOML"
        self._places: dict[str, int] = {}  # the line of each key

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static(markup=False)

    def show(self, draft: Draft, key: str) -> None:
        """Shows the draft with a key in sight; while something is wrong, that stands there and nothing else."""
        if draft.preset is None:
            self._places = {}
            words = ["There is no file while something is wrong:", "", *draft.problems]
            self.query_one(Static).update(Content("\n").join([Content.styled(word, "$error") for word in words]))
            return
        lines = list(_lines(to_toml(draft.preset), draft))
        self._places = {line_key: place for place, (line_key, _line) in enumerate(lines) if line_key}
        shown = [
            Content.styled(line.plain, "reverse") if line_key == key and not line_key.endswith("]") else line
            for line_key, line in lines
        ]
        self.query_one(Static).update(Content("\n").join(shown))
        self.call_after_refresh(self._bring_into_sight, key)

    def _bring_into_sight(self, key: str) -> None:
        place, height = self._places.get(key), self.scrollable_content_region.height
        if place is not None and not self.scroll_y <= place < self.scroll_y + height:
            self.scroll_to(y=max(0, place - height // 2), animate=False)


def _lines(text: str, draft: Draft) -> Iterator[tuple[str, Content]]:
    """Each line of a TOML file with the key that stands there, if one does; lists keep the key of their first line."""
    section = key = ""
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            section, key = line.strip("[]"), ""
            yield "", Content.styled(f"  {line}", "bold $primary")
            continue
        name, equals, value = line.partition(" = ")
        if equals and not line.startswith(" "):
            key = f"{section}.{name}"
            changed = draft.is_changed(key)
            yield (
                key,
                Content.assemble(
                    (f"{CHANGED} " if changed else "  ", "$warning"),
                    (f"{name} = ", "$foreground-muted"),
                    (value, "bold" if changed else ""),
                ),
            )
        else:
            yield "", Content(f"  {line}")


class ChangesView(VerticalScroll):
    """What differs from the original, a line each."""

    DEFAULT_CSS = """
    ChangesView { scrollbar-size-vertical: 1; & > Static { height: auto; } }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)

    def compose(self) -> ComposeResult:
        """The lines."""
        yield Static(markup=False)

    def show(self, draft: Draft) -> None:
        """Shows all changes of a draft."""
        changes = draft.changes()
        self.border_title = f"Changes ({len(changes)})"
        if not changes:
            words = Content.styled(f"Nothing differs from {draft.original.name}.", "$foreground-muted")
            self.query_one(Static).update(words)
            return
        width = max(len(change.key) for change in changes)
        lines = [
            Content.assemble(
                (f"{CHANGED} ", "$warning"),
                cell(change.key, width),
                "  ",
                ("–" if not change.before else change.before, "$foreground-muted"),
                (" → ", "$foreground-muted"),
                ("–" if not change.after else change.after, "bold"),
            )
            for change in changes
        ]
        self.query_one(Static).update(Content("\n").join(lines))
