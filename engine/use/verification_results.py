"""What a verification comes to, as structures: JSON, Markdown, tables and pictures are made of these.

They load neither torch nor numpy. Rates are from 0 to 1.
"""

from __future__ import annotations

from msgspec import Struct

from engine.use.results import Estimate, ModelFacts


class Cost(Struct, frozen=True):
    """The lowest normalised detection cost where a share `prior` of trials is of one speaker."""

    prior: float
    value: Estimate


class OperatingPoint(Struct, frozen=True):
    """The share of misses at the lowest threshold with at most so many false alarms."""

    false_alarms: float
    misses: float
    threshold: float


class DetectionCurve(Struct, frozen=True):
    """Points of the DET curve (Martin et al., 1997), from low thresholds to high ones."""

    false_alarms: list[float]
    misses: list[float]


class Scoring(Struct, frozen=True):
    """How well one kind of score tells one speaker from two; `threshold` is that of the equal error rate."""

    name: str
    equal_error_rate: Estimate
    threshold: float
    costs: list[Cost]
    points: list[OperatingPoint]
    curve: DetectionCurve


class TrialFacts(Struct, frozen=True):
    """What was tried. `trained_trials` have a recording that was trained on; null where nobody can tell."""

    source: str  # a list's path, or in words what was drawn
    trials: int
    same: int
    different: int
    recordings: int
    speakers: int
    new_speakers: int  # of them those whose names the model doesn't know
    trained_trials: int | None


class Verification(Struct, frozen=True):
    """How well a model tells whether one speaker is heard twice. The first scoring is that of plain cosines."""

    model: ModelFacts
    corpus: str
    fingerprint: str  # of the corpus that trials were drawn from; empty for a list
    notes: list[str]  # what a person should know of these numbers, a line each
    trials: TrialFacts
    scorings: list[Scoring]
