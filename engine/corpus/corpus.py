"""What every reader returns: speakers, their utterances, and what was wrong with the rest.

A corpus is a list of names and paths; no audio is decoded to make one. Packing (`packed.py`) reads the audio.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

Part: TypeAlias = Literal["", "train", "validation", "test"]
"""The side of an official split that an utterance stands on; empty when there is none."""


class Utterance(Struct, frozen=True):
    """One recording of one speaker, or a stretch of one. `id` is its own in the corpus: mostly its path inside it.

    Utterances of one session were recorded on one occasion (a video, a chapter, a folder), so that they share a room
    and a microphone; the name is the speaker's own, and empty when nothing is known.
    """

    id: str
    speaker: str
    path: Path
    session: str = ""
    part: Part = ""
    start: float = 0.0  # seconds into the recording
    end: float | None = None  # seconds into the recording; none: to its end
    frames: int | None = None  # how many there are, where the corpus says so itself


class Problem(Struct, frozen=True):
    """Something wrong with the corpus: `kind` is a short name that problems are counted by.

    What is named was left out, unless the kind is one of `REMARKS`.
    """

    kind: str
    where: str
    detail: str = ""

    @property
    def leaves_out(self) -> bool:
        """Whether what is named isn't trained on."""
        return self.kind not in REMARKS


CLIPPED, DUPLICATE, TWO_SPEAKERS, LENGTH_DIFFERS = "clipped", "duplicate", "same under two speakers", "length differs"
OTHER_COPIES, OTHER_MICROPHONE = "other copies", "other microphone"
CUT_SHORT = "cut short"
MAPPING_DIFFERS, TEST_DATA = "mapping differs", "test data"

REMARKS = frozenset(
    {CLIPPED, DUPLICATE, TWO_SPEAKERS, LENGTH_DIFFERS, OTHER_COPIES, OTHER_MICROPHONE, MAPPING_DIFFERS, TEST_DATA}
    | {CUT_SHORT}
)
"""Kinds of problem that a person should know of and that leave nothing out."""


class Corpus(Struct, frozen=True):
    """A readable corpus. `fingerprint` changes whenever a file is added, removed or changed."""

    name: str
    layout: str
    root: Path
    utterances: list[Utterance]
    problems: list[Problem]
    fingerprint: str
    mel_bands: int | None = None  # of the ready-made log-mel frames that the files hold; none: the files hold audio

    @property
    def speakers(self) -> list[str]:
        """The names of the speakers, sorted; a speaker's place in this list is its class."""
        return sorted({utterance.speaker for utterance in self.utterances})
