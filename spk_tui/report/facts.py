"""What a report knows, as structures without any words: JSON is made of these, and `document.py` writes them out.

Shares are from 0 to 1, times in seconds, points in time Unix seconds.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from engine.cost import Cost
from engine.preset import Preset
from engine.runs.directory import Condition
from engine.use.results import Estimate

Value: TypeAlias = str | int | float | bool | None
Ground: TypeAlias = Literal["paired", "logged", "other utterances", "other speakers", "other corpus"]


class ValidationFacts(Struct, frozen=True):
    """One line of the result log. Loss in nats, on segments."""

    step: int
    loss: float
    segment_accuracy: float
    utterance_accuracy: float
    utterances: int
    utterances_per_second: float


class Machine(Struct, frozen=True):
    """What a run was trained on, as it was resolved; empty and zero what the run never came to know."""

    device: str
    device_name: str
    precision: str
    threads: int
    ranks: int
    versions: dict[str, str]


class Finding(Struct, frozen=True):
    """Something that was seen to go wrong."""

    step: int
    severity: str
    finding: str


class Measured(Struct, frozen=True):
    """The accuracies of a run's best checkpoint, with 95 % intervals.

    `evaluated`: computed now, intervals by a bootstrap over the speakers, on `corpus`. Else they are those of the run's
    own validation with binomial intervals, since `why_logged`. `notes` are what a person should know of them.
    """

    segments: Estimate
    whole: Estimate
    utterances: int
    evaluated: bool
    corpus: str
    notes: list[str]
    why_logged: str = ""


class RunFacts(Struct, frozen=True, kw_only=True):
    """One run of a report. `code` is the text of a user's own encoder, "" with a built-in one."""

    letter: str
    id: str
    name: str
    notes: str
    tags: list[str]
    condition: Condition
    preset: Preset
    code: str
    corpus: str
    fingerprint: str
    speakers: int
    train_utterances: int
    validation_utterances: int
    machine: Machine
    step: int
    steps: int
    best: ValidationFacts
    validations: list[ValidationFacts]
    began: float
    ended: float
    seconds_trained: float | None
    steps_per_second: float | None
    utterances_per_second: float
    rollbacks: int
    findings: list[Finding]
    unreadable_lines: int


class Difference(Struct, frozen=True):
    """A run's accuracies less those of another, with 95 % intervals."""

    segments: Estimate
    whole: Estimate
    utterances: int


class Change(Struct, frozen=True):
    """From run `before` to run `after`, by their letters: which settings changed, and what that did.

    Accuracies are compared on the same utterances ("paired"), or by each run's own; of different corpora or speakers
    they are not compared at all.
    """

    before: str
    after: str
    settings: dict[str, tuple[Value, Value]]
    ground: Ground
    difference: Difference | None


class MeasuredRun(Struct, frozen=True):
    """A run with its cost and its accuracies."""

    run: RunFacts
    cost: Cost
    accuracy: Measured


class Report(Struct, frozen=True):
    """Everything, in the order in which the runs were named."""

    version: str
    runs: list[MeasuredRun]
    changes: list[Change]
