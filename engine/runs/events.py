"""Everything a worker says, as typed events: one JSON object a line in events.jsonl.

This file is the schema, version 1, and a promise to scripts: fields are added, never renamed or removed. Non-finite
numbers are written as the strings "NaN", "Infinity" and "-Infinity", since JSON has none.
"""

from __future__ import annotations

import math
import time
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct, field

SCHEMA_VERSION = 1


class Event(Struct, frozen=True, kw_only=True, tag_field="event"):
    """What all events have: the Unix time in seconds and the optimizer steps done so far."""

    step: int = 0
    time: float = field(default_factory=time.time)


class Queued(Event, frozen=True, kw_only=True, tag="queued"):
    """The worker process lives; PyTorch is not loaded yet."""

    schema: int = SCHEMA_VERSION
    process: int = 0


class Preparing(Event, frozen=True, kw_only=True, tag="preparing"):
    """A stage before training goes on: done of total units (total 0: unknown)."""

    stage: str
    done: int
    total: int
    unit: str = ""


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """Training begins: what was resolved when corpus and device were known. `ranks` are the processes that train."""

    steps: int
    device: str
    device_name: str
    precision: str
    threads: int
    speakers: int
    train_utterances: int
    validation_utterances: int
    encoder_parameters: int
    total_parameters: int
    seed: int
    ranks: int = 1


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    """Means over the `steps` optimizer steps since the event before: loss in nats, accuracy as a share."""

    steps: int
    steps_per_second: float
    loss: float
    accuracy: float
    learning_rate: float
    gradient_norm: float


class Validating(Event, frozen=True, kw_only=True, tag="validating"):
    """A validation goes on: done of total utterances."""

    done: int
    total: int
    utterances_per_second: float
    accuracy: float
    loss: float


class Validated(Event, frozen=True, kw_only=True, tag="validated"):
    """A validation is done. Loss and the first accuracy are those of the fixed segments."""

    loss: float
    segment_accuracy: float
    utterance_accuracy: float
    utterances_per_second: float
    utterances: int


class Checkpoint(Event, frozen=True, kw_only=True, tag="checkpoint"):
    """A checkpoint is whole on the disk. `accuracy` is the one that decides the best; none before a validation."""

    kind: Literal["best", "last"]
    path: str
    accuracy: float | None


class Answered(Event, frozen=True, kw_only=True, tag="answered"):
    """A request is closed."""

    request: str
    ok: bool
    message: str


class Diagnosis(Event, frozen=True, kw_only=True, tag="diagnosis"):
    """Something a person should know: what was seen, and what to try."""

    severity: Literal["notice", "warning", "error"]
    finding: str
    advice: str = ""


class Resources(Event, frozen=True, kw_only=True, tag="resources"):
    """Load of the worker and its device (of several, rank 0's): shares from 0 (idle) to 1 (all cores busy), bytes."""

    processor_load: float
    memory_bytes: int
    device_load: float | None = None
    device_memory_bytes: int | None = None
    device_memory_total: int | None = None
    memory_total: int | None = None


class Paused(Event, frozen=True, kw_only=True, tag="paused"):
    """Training waits for a continue request, or for room on a full disk."""


class Continued(Event, frozen=True, kw_only=True, tag="continued"):
    """Training goes on after a pause."""


class Stopping(Event, frozen=True, kw_only=True, tag="stopping"):
    """A stop was asked for; the step in hand is finished and the state saved."""


class Resumed(Event, frozen=True, kw_only=True, tag="resumed"):
    """A new process goes on from `step`; points after it were of a life that wasn't saved."""

    steps: int
    note: str = ""


class RolledBack(Event, frozen=True, kw_only=True, tag="rolled_back"):
    """Training went back to `step` of its own accord."""

    reason: str


class Finished(Event, frozen=True, kw_only=True, tag="finished"):
    """The run ended well: all steps done, or stopped on request."""

    reason: Literal["completed", "stopped"]
    best_accuracy: float | None
    best_step: int | None
    run: str


class Failed(Event, frozen=True, kw_only=True, tag="failed"):
    """The run ended badly: bad input, divergence, or an error of the machine or the program."""

    cause: Literal["input", "diverged", "error"]
    message: str


AnyEvent: TypeAlias = (
    Queued | Preparing | Started | Progress | Validating | Validated | Checkpoint | Answered | Diagnosis | Resources
    | Paused | Continued | Stopping | Resumed | RolledBack | Finished | Failed
)  # fmt: skip

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class BadEvent(ValueError):
    """A line is not an event of this schema."""


def encode_event(event: Event) -> bytes:
    """The event as one JSON line without its line feed."""
    finite = all(
        math.isfinite(value) for name in event.__struct_fields__ if isinstance(value := getattr(event, name), float)
    )
    if finite:
        return _encoder.encode(event)
    return _encoder.encode({key: _named(value) for key, value in msgspec.to_builtins(event).items()})


def decode_event(line: bytes) -> AnyEvent:
    """The event of one line. Raises `BadEvent`."""
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError:
        return _decode_non_finite(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvent(str(error)) from None


def _decode_non_finite(line: bytes) -> AnyEvent:
    """The slow path: turns the three strings for non-finite numbers back into numbers."""
    try:
        table = msgspec.json.decode(line)
        if not isinstance(table, dict):
            raise BadEvent("an event is a JSON object")
        event: AnyEvent = msgspec.convert({key: _number(value) for key, value in table.items()}, AnyEvent)
        return event
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadEvent(str(error)) from None


def _named(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _number(value: Any) -> Any:
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value
