"""What every reader returns: speakers, their utterances, and what was wrong with the rest.

A corpus is a list of names and paths; no audio is decoded to make one. Packing (`packed.py`) reads the audio.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class Utterance(Struct, frozen=True):
    """One recording of one speaker. `id` is its path inside the corpus, with forward slashes."""

    id: str
    speaker: str
    path: Path


class Problem(Struct, frozen=True):
    """Something in the corpus that can't be used: `kind` is a short name that problems are counted by."""

    kind: str
    where: str
    detail: str = ""


class Corpus(Struct, frozen=True):
    """A readable corpus. `fingerprint` changes whenever a file is added, removed or changed."""

    name: str
    layout: str
    root: Path
    utterances: list[Utterance]
    problems: list[Problem]
    fingerprint: str

    @property
    def speakers(self) -> list[str]:
        """The names of the speakers, sorted; a speaker's place in this list is its class."""
        return sorted({utterance.speaker for utterance in self.utterances})
