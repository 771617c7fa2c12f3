"""The presets of the first screen: grouped by encoder, narrowed by typing, with what they cost and how good they were.

It holds what is shown and where the cursor is; counting and reading runs is the screen's business.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from engine.cost import Cost
from engine.model_settings import kind_of
from engine.preset_library import FoundPreset
from spk_tui.run_index import RunRow
from spk_tui.widgets.column_list import ColumnList
from spk_tui.widgets.preset_rows import COLUMNS, preset_row
from spk_tui.widgets.search_line import SearchLine
from spk_tui.wording import encoder_words


class PresetList(Vertical):
    """A search line over the list of presets."""

    DEFAULT_CSS = """
    PresetList > ColumnList { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.entries: dict[str, FoundPreset] = {}  # by name, in their order in the list
        self.costs: dict[str, Cost] = {}
        self.changed: set[str] = set()  # names of presets that are shown with changes
        self._best: dict[str, float] = {}  # by name of the preset

    def compose(self) -> ComposeResult:
        """The search, which is seen only while it is used, and the rows."""
        yield SearchLine("name or encoder")
        yield ColumnList(COLUMNS, "No preset has all of these words. Escape shows all again.")

    @property
    def key(self) -> str | None:
        """The name of the preset that the cursor is on."""
        return self.query_one(ColumnList).key

    def fill(self, entries: Sequence[FoundPreset]) -> None:
        """Other files, by encoder and then as they come, which is by size; those that can't be used at the end."""
        groups = list(dict.fromkeys(_encoder(entry) for entry in entries if entry.preset is not None))
        places = {encoder: place for place, encoder in enumerate(groups)}
        ordered = sorted(
            entries, key=lambda entry: places[_encoder(entry)] if entry.preset is not None else len(groups)
        )
        self.entries = {entry.name: entry for entry in ordered}
        self.show()

    def refill(self, entries: Sequence[FoundPreset]) -> bool:
        """The files as they are now, whether any of them is another; what is known of the others stays."""
        new = [entry for entry in entries if self.entries.get(entry.name) != entry]
        if not new and len(entries) == len(self.entries):
            return False
        for entry in new:
            self.costs.pop(entry.name, None)
        self.fill(entries)
        return True

    def tell_best(self, rows: Sequence[RunRow], corpus: str) -> None:
        """The best accuracies so far on a corpus, by preset, from the user's own runs."""
        self._best = {}
        for row in rows:
            if row.best_accuracy is not None and row.info.corpus == corpus:
                name = row.info.preset
                self._best[name] = max(row.best_accuracy, self._best.get(name, row.best_accuracy))
        self.show()

    def show(self) -> None:
        """All rows that are wanted, as they are known now."""
        words = self.query_one(SearchLine).wanted.lower().split()
        shown = [entry for entry in self.entries.values() if all(word in _searched(entry) for word in words)]
        group = ""
        rows = []
        for entry in shown:
            name = entry.name
            first = entry.preset is not None and _encoder(entry) != group
            group = _encoder(entry) if entry.preset is not None else ""
            rows.append(
                preset_row(entry, self.costs.get(name), self._best.get(name), first=first, changed=name in self.changed)
            )
        self.query_one(ColumnList).show(rows)

    def move_to(self, name: str) -> None:
        """Puts the cursor on a preset, if it is shown."""
        self.query_one(ColumnList).move_to(name)

    def focus_rows(self) -> None:
        """Puts the keyboard on the rows."""
        self.query_one(ColumnList).focus_rows()

    def search(self) -> None:
        """Opens the search."""
        self.query_one(SearchLine).open()

    def show_all(self) -> bool:
        """Ends a search; whether there was one."""
        line = self.query_one(SearchLine)
        was_open = line.is_open
        line.close()
        return was_open

    @on(SearchLine.Changed)
    def _narrow(self, event: SearchLine.Changed) -> None:
        event.stop()
        self.show()

    @on(SearchLine.Done)
    def _search_is_over(self, event: SearchLine.Done) -> None:
        event.stop()
        self.focus_rows()


def _encoder(entry: FoundPreset) -> str:
    return "" if entry.preset is None else encoder_words(kind_of(entry.preset.encoder))


def _searched(entry: FoundPreset) -> str:
    """What a search looks through."""
    preset = entry.preset
    kind = "" if preset is None else f"{kind_of(preset.encoder)} {_encoder(entry)}"
    return f"{entry.name} {kind} {'yours' if entry.own else ''}".lower()
