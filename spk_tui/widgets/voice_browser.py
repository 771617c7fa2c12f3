"""The voices of a corpus: a list of speakers, the chosen one's utterances, and how the chosen utterance looks.

It knows the corpus and where the cursor is; decoding what it points at is the screen's business.
"""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from engine.corpus.corpus import Utterance
from engine.corpus.summary import Survey
from spk_tui.widgets.column_list import Column, ColumnList, Row, Rows, text_cell
from spk_tui.widgets.utterance_view import UtteranceView
from spk_tui.wording import count, duration, one_line

SPEAKERS = (
    Column("speaker", 8, share=1),
    Column("utterances", 10, right=True),
    Column("speech", 12, right=True, dispensable=1),
)
UTTERANCES = (
    Column("utterance", 14, share=2),
    Column("session", 10, share=1, dispensable=1),
    Column("length", 7, right=True),
)
MOST_LISTED = 5000
"""Speakers, or utterances of a speaker, in a list: more of them nobody scrolls through."""


class VoiceBrowser(Container):
    """Two lists and a view."""

    HELP: ClassVar[str] = (
        "The speakers at the left, the utterances of one beside them. Enter goes to the utterances; the "
        "picture follows the cursor."
    )

    class Pointed(Message):
        """The cursor is on another utterance."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._seconds: dict[str, float | None] = {}
        self._of_speaker: dict[str, list[Utterance]] = {}

    def compose(self) -> ComposeResult:
        """The lists beside or above each other, and the view."""
        with Container(id="lists"):
            yield ColumnList(SPEAKERS, "No speaker.", id="speakers")
            yield ColumnList(UTTERANCES, "No utterance.", id="utterances")
        yield UtteranceView(id="utterance")

    def show(self, found: Survey) -> None:
        """Lists a corpus; the cursor stays where it was if that is still there."""
        of_speaker = defaultdict(list)
        for utterance in found.corpus.utterances:
            of_speaker[utterance.speaker].append(utterance)
        self._seconds, self._of_speaker = found.seconds, dict(sorted(of_speaker.items()))
        self._fill("speakers", len(of_speaker), [self._speaker_row(speaker) for speaker in self._listed_speakers])

    @property
    def pointed_at(self) -> Utterance | None:
        """The utterance that the cursor is on."""
        key = self.query_one("#utterances", ColumnList).key
        return next((utterance for utterance in self._utterances if utterance.id == key), None)

    def seconds_of(self, utterance: Utterance) -> float | None:
        """How long it is, where its header could be read."""
        return self._seconds.get(utterance.id)

    def focus_speakers(self) -> None:
        """Puts the keyboard on the speakers."""
        self.query_one("#speakers", ColumnList).focus_rows()

    def focus_utterances(self) -> None:
        """Puts the keyboard on the chosen speaker's utterances at once: keys that are on their way count there."""
        self.screen.set_focus(self.query_one("#utterances Rows", Rows))

    @on(ColumnList.Highlighted, "#speakers")
    def _list_utterances(self, event: ColumnList.Highlighted) -> None:
        event.stop()
        utterances = self._utterances
        rows = [self._utterance_row(utterance) for utterance in utterances[:MOST_LISTED]]
        self._fill("utterances", len(utterances), rows)

    @on(ColumnList.Highlighted, "#utterances")
    def _point(self, event: ColumnList.Highlighted) -> None:
        event.stop()
        self.post_message(self.Pointed())

    @on(ColumnList.Chosen)
    def _go_on(self, event: ColumnList.Chosen) -> None:
        event.stop()
        self.focus_utterances()

    @property
    def _listed_speakers(self) -> list[str]:
        return list(self._of_speaker)[:MOST_LISTED]

    @property
    def _utterances(self) -> list[Utterance]:
        """Those of the speaker that the cursor is on."""
        return self._of_speaker.get(self.query_one("#speakers", ColumnList).key or "", [])

    def _fill(self, what: str, number: int, rows: list[Row]) -> None:
        """Other rows for a list, and how many there are in its title; it says so when not all are listed."""
        column_list = self.query_one(f"#{what}", ColumnList)
        all_of_them = count(number) if len(rows) == number else f"{count(len(rows))} of {count(number)}"
        column_list.border_title = f"{what.capitalize()}: {all_of_them}"
        before = column_list.key
        column_list.show(rows)
        if rows and column_list.key != before:
            column_list.move_to(rows[0].key)

    def _speaker_row(self, speaker: str) -> Row:
        utterances = self._of_speaker[speaker]
        seconds = sum(self._seconds.get(utterance.id) or 0.0 for utterance in utterances)
        cells = (one_line(speaker), count(len(utterances)), duration(seconds) if seconds else "–")
        return Row(speaker, tuple(map(text_cell, cells)))

    def _utterance_row(self, utterance: Utterance) -> Row:
        seconds = self._seconds.get(utterance.id)
        cells = (
            one_line(utterance.id.removeprefix(f"{utterance.speaker}/")),
            one_line(utterance.session) or "–",
            "–" if seconds is None else f"{seconds:.2f} s",
        )
        return Row(utterance.id, tuple(map(text_cell, cells)))
