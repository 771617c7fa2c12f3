"""What enrolling and identifying come to, as structures: JSON, tables and strips are all made of these.

They load neither torch nor numpy. Scores are cosines of embeddings, from -1 to 1; shares are from 0 to 1.
"""

from __future__ import annotations

from msgspec import Struct

from engine.use.results import ModelFacts

UNKNOWN = "unknown"
"""What a person is called who is nobody enrolled; nobody can be enrolled by this name."""


class Unusable(Struct, frozen=True):
    """A recording that can't be used, and why, in one line."""

    path: str
    reason: str


class Enrolment(Struct, frozen=True):
    """Who was enrolled: with these recordings, of now so many; `speakers` are all whom this model now knows so."""

    model: ModelFacts
    speaker: str
    recordings: list[str]
    recordings_in_all: int
    speakers: list[str]
    problems: list[Unusable]


class Match(Struct, frozen=True):
    """A candidate: enrolled by a person, or one of the speakers that the model was trained on."""

    speaker: str
    score: float
    enrolled: bool = True


class Threshold(Struct, frozen=True):
    """The score from which on somebody is taken for a candidate; below it for unknown.

    false_accepts: the share of strangers who would be taken for any of the candidates; misses: the share of speakers'
    own recordings that would be called unknown; both none where no trials were at hand. `basis` says in a line where
    the value comes from.
    """

    value: float
    basis: str
    false_accepts: float | None = None
    misses: float | None = None


class Window(Struct, frozen=True):
    """A second of a recording, from `start` on, judged by the seconds around it.

    No speaker: nobody who is known, or where there is no score, nobody at all.
    """

    start: float
    speaker: str | None
    score: float | None


class Identified(Struct, frozen=True):
    """A recording: who speaks in it as a whole, none for unknown; the likeliest candidates; and who speaks when."""

    path: str
    seconds: float
    speaker: str | None
    matches: list[Match]
    timeline: list[Window]  # empty when none was wanted


class Identification(Struct, frozen=True):
    """Who speaks in recordings. `window_threshold` is that of timelines: short stretches tell less than the whole."""

    model: ModelFacts
    candidates: int
    threshold: Threshold
    window_threshold: Threshold
    recordings: list[Identified]
    problems: list[Unusable]
    notes: list[str]


class Prediction(Struct, frozen=True):
    """Who was told to speak in the utterances of a folder; `speakers`: how many different ones were."""

    model: ModelFacts
    folder: str
    out: str
    utterances: int
    speakers: int
    problems: list[Unusable]
