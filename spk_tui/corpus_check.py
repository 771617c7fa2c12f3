"""Whether the chosen corpus can be trained on, looked at while one types its path: its speakers, or why not.

Reading it happens in a thread; the picker shows what was found, and the screen is told.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable

from engine.errors import InputError
from engine.preset import Data
from spk_tui.screens.room import Room
from spk_tui.starting import size_of_corpus
from spk_tui.widgets.corpus_picker import DEMO, CorpusPicker
from spk_tui.wording import count

TYPING_PAUSE = 0.4


class CorpusCheck:
    """What is known of the corpus that one screen has chosen; `found` is called whenever that is something else."""

    def __init__(self, room: Room, found: Callable[[], None]) -> None:
        self.speakers: int | None = None
        self.problem = ""
        self._room = room
        self._found = found

    def look(self, data: Data) -> None:
        """Looks at what is chosen now, read by that section of a preset; what was known no longer counts."""
        picker = self._room.query_one(CorpusPicker)
        self.speakers, self.problem = None, "" if picker.corpus else "no corpus is chosen"
        picker.tell("")
        self._found()
        self._room.run_worker(self._read(picker, picker.corpus, data), exclusive=True, group="corpus")

    async def _read(self, picker: CorpusPicker, corpus: str, data: Data) -> None:
        if corpus in (DEMO, ""):
            return
        await sleep(TYPING_PAUSE)
        picker.tell("being read…")
        try:
            speakers, utterances = await self._room.in_thread(size_of_corpus, corpus, data)
        except InputError as error:
            self.problem = str(error)
            picker.tell(str(error), wrong=True)
        else:
            self.speakers = speakers
            picker.tell(f"{count(speakers)} speakers, {count(utterances)} utterances")
        self._found()
