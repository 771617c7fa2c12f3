"""What uses of a model come to, as structures: JSON, Markdown, tables and screens are all made of these.

They load neither torch nor numpy. Shares are from 0 to 1, times in seconds.
"""

from __future__ import annotations

from msgspec import Struct

CORPUS_CHANGED = "the corpus has changed since the model was trained, so other utterances may be held out now"
"""A note of an evaluation."""


class Estimate(Struct, frozen=True):
    """A value, and both ends of its 95 % interval."""

    value: float
    low: float
    high: float


class ModelFacts(Struct, frozen=True):
    """Which model was used; `sha256` is the checkpoint file's."""

    path: str
    sha256: str
    preset: str
    encoder: str
    encoder_parameters: int
    speakers: int
    step: int


class Accuracies(Struct, frozen=True):
    """How often a speaker is told; balanced: each speaker counts the same, however many utterances there are."""

    utterances: int
    loss: float  # cross-entropy in nats
    top1: Estimate
    top5: Estimate
    balanced: Estimate


class LengthBin(Struct, frozen=True):
    """Whole utterances that last from `shortest` to `longest` seconds."""

    shortest: float
    longest: float
    utterances: int
    top1: Estimate


class Confusion(Struct, frozen=True):
    """A speaker who is taken for another, `times` of the speaker's utterances."""

    speaker: str
    taken_for: str
    times: int
    utterances: int


class ConfusionMatrix(Struct, frozen=True):
    """The speakers who are confused most: counts[i][j] utterances of speaker i were taken for j, others[i] for others.

    In each row all of a speaker's utterances are counted.
    """

    speakers: list[str]
    counts: list[list[int]]
    others: list[int]


class ReliabilityBin(Struct, frozen=True):
    """Utterances whose speaker was told with a confidence of `low` to `high`."""

    low: float
    high: float
    utterances: int
    confidence: float
    accuracy: float


class Calibration(Struct, frozen=True):
    """Whether a confidence of 0.8 is right 8 times in 10 (Guo et al., 2017), on whole utterances.

    `expected_error` is the mean distance of confidence and accuracy over the bins. Logits divided by `temperature`
    would have the lowest loss here: above 1 the model is too sure, below not sure enough.
    """

    expected_error: float
    mean_confidence: float
    accuracy: float
    temperature: float
    bins: list[ReliabilityBin]


class Difference(Struct, frozen=True):
    """This model's accuracies less the other's, on the same utterances; intervals are those of the difference."""

    utterances: int
    top1: Estimate
    top5: Estimate
    balanced: Estimate


class Comparison(Struct, frozen=True):
    """Two models on the same utterances, of speakers whom both know."""

    other: ModelFacts
    other_segments: Accuracies
    other_whole: Accuracies
    segments: Difference
    whole: Difference


class Evaluation(Struct, frozen=True):
    """How good a model is on a part of a corpus.

    Segments are the fixed ones that the run's validations looked at, each utterance's own; whole are whole utterances.
    """

    model: ModelFacts
    corpus: str
    fingerprint: str
    part: str
    corpus_utterances: int
    notes: list[str]  # what a person should know of these numbers, a line each
    segment_seconds: float
    segments: Accuracies
    whole: Accuracies
    by_length: list[LengthBin]
    confusions: list[Confusion]
    matrix: ConfusionMatrix
    calibration: Calibration
    against: Comparison | None = None
