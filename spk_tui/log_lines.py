"""What happened, in sentences: turns the events worth a line into lines of the log.

Which colour a line's tone has and where it is shown is the log widget's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.runs import events as e
from spk_tui.queue_words import waiting_words
from spk_tui.wording import accuracy, count, loss

Tone: TypeAlias = Literal["quiet", "plain", "good", "notice", "warning", "error"]
Kind: TypeAlias = Literal["diagnosis", "validation", "best", "phase", "answer"]
KINDS: tuple[Kind, ...] = ("diagnosis", "validation", "best", "phase", "answer")
SILENT = (e.Progress, e.Validating, e.Resources)
"""What the charts and the status line say."""


@dataclass(frozen=True)
class LogLine:
    """One line of the log, of what kind it is and in which tone; `advice` follows on a line of its own."""

    time: float
    text: str
    tone: Tone = "plain"
    advice: str = ""
    kind: Kind = "phase"


class Narrator:
    """Turns events into lines, in order. It remembers the stage of preparation, which is told once, not per step."""

    def __init__(self) -> None:
        self._stage = ""

    def tell_all(self, events: Iterable[e.AnyEvent]) -> list[LogLine]:
        """The lines of many events, most of which get none."""
        spoken = (event for event in events if type(event) not in SILENT)
        return [line for event in spoken if (line := self.tell(event)) is not None]

    def tell(self, event: e.AnyEvent) -> LogLine | None:
        """The line for this event, or None when the charts and the status line say it already."""
        if isinstance(event, e.Preparing):
            return self._preparing(event)
        self._stage = ""
        if type(event) in SILENT:
            return None
        said = _milestone(event) or _turn(event)
        if said is None:
            return None
        text, tone, advice = said
        return LogLine(event.time, text, tone, advice, _kind(event))

    def _preparing(self, event: e.Preparing) -> LogLine | None:
        if event.stage == self._stage:
            return None
        self._stage = event.stage
        amount = f" ({count(event.total)} {event.unit})".replace(" )", ")") if event.total else ""
        return LogLine(event.time, f"{event.stage}{amount}", "quiet")


def _kind(event: e.AnyEvent) -> Kind:
    """Which kind of line an event gets."""
    kinds: dict[type[e.Event], Kind] = {
        e.Validated: "validation", e.Checkpoint: "best", e.Answered: "answer", e.Diagnosis: "diagnosis",
    }  # fmt: skip
    return kinds.get(type(event), "phase")


Said: TypeAlias = tuple[str, Tone, str]


def _milestone(event: e.AnyEvent) -> Said | None:
    """What is achieved and what is noticed."""
    if isinstance(event, e.Validated):
        text = (
            f"step {event.step}: validation loss {loss(event.loss)}, accuracy {accuracy(event.segment_accuracy)} by "
            f"segment, {accuracy(event.utterance_accuracy)} by utterance"
        )
        return text, "plain", ""
    if isinstance(event, e.Checkpoint):
        if event.kind == "best":
            return f"step {event.step}: best model saved (accuracy {accuracy(event.accuracy)})", "good", ""
        return None  # one at every validation; the summary says where the last one is
    if isinstance(event, e.Answered) and not event.ok:
        return event.message, "warning", ""  # a request that is met shows in the events that it brings about
    if isinstance(event, e.Diagnosis):
        return f"step {event.step}: {event.finding}", event.severity, event.advice
    return None


def _turn(event: e.AnyEvent) -> Said | None:
    """Where the run turns from one phase to the next."""
    if isinstance(event, e.Queued):
        return f"worker started (process {event.process})", "quiet", ""
    if isinstance(event, e.Waiting):
        return waiting_words(event.place, event.devices, event.after), "quiet", ""
    if isinstance(event, e.Started):
        several = f"{event.ranks} x " if event.ranks > 1 else ""
        text = (
            f"training on {several}{event.device_name or event.device} in {event.precision}: "
            f"{count(event.speakers)} speakers, {count(event.train_utterances)} utterances, "
            f"{count(event.validation_utterances)} held out"
        )
        return text, "plain", ""
    if isinstance(event, e.Paused):
        waits = " until there is room on the disk" if event.waits_for == "room" else ""
        return f"step {event.step}: paused{waits}", "notice", ""
    if isinstance(event, e.Continued):
        return f"step {event.step}: training goes on", "plain", ""
    if isinstance(event, e.Stopping):
        return f"step {event.step}: stopping; the state is being saved", "notice", ""
    if isinstance(event, e.Resumed):
        note = f": {event.note}" if event.note else ""
        return f"step {event.step}: resumed towards {count(event.steps)}{note}", "notice", ""
    if isinstance(event, e.RolledBack):
        return f"went back to step {event.step}: {event.reason}", "warning", ""
    if isinstance(event, e.Finished):
        word = "all steps are done" if event.reason == "completed" else "stopped as asked, state saved"
        return f"step {event.step}: {word}", "good", ""
    if isinstance(event, e.Failed):
        return f"step {event.step}: {event.message}", "error", ""
    return None
