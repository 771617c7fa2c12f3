"""What embedding a corpus comes to: where the arrays lie, and a few speakers as points of a picture.

Loads neither torch nor numpy.
"""

from __future__ import annotations

from msgspec import Struct

from engine.use.results import ModelFacts


class SpeakerPoints(Struct, frozen=True):
    """Utterances of one speaker in the picture."""

    speaker: str
    x: list[float]
    y: list[float]


class Picture(Struct, frozen=True):
    """Embeddings on the two axes along which those shown differ most: principal components of their directions.

    shares: how much of their variance lies along each, from 0 to 1.
    """

    shares: tuple[float, float]
    speakers: list[SpeakerPoints]


class Embedded(Struct, frozen=True):
    """The embeddings of a part of a corpus; `notes` are what a person should know, a line each."""

    model: ModelFacts
    corpus: str
    part: str
    out: str
    utterances: int
    width: int
    speakers: int
    notes: list[str]
    picture: Picture
