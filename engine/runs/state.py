"""The one fold from events to what a run looks like now. Dashboard, commands and tests all read a run through it.

It holds curves as growing arrays. An event that goes back (`resumed`, `rolled_back`) drops the points after its step,
so a run that was killed and resumed reads as one run. The best checkpoint outlives a rollback, for its file does.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal, TypeAlias

from engine.runs import events as e

Phase: TypeAlias = Literal[
    "starting", "queued", "preparing", "training", "validating", "paused", "stopping", "finished", "stopped", "failed"
]


MOST_READINGS = 20_000


class Curve:
    """Values of one quantity over steps, in the order of the steps, with the time of each.

    With `most`, every second point is dropped whenever there are so many, and as many of those to come: what is
    measured by the clock may go on for weeks. `cuts` counts how often points were dropped: a copy made before that is
    no beginning of the curve.

    Curves that are always extended together share their steps and times: those of the one that the others are `beside`.
    """

    def __init__(self, most: int | None = None, beside: Curve | None = None) -> None:
        self.steps: array[int] = array("q") if beside is None else beside.steps
        self.values = array("d")
        self.times: array[float] = array("d") if beside is None else beside.times
        self._shares = beside is not None
        self.cuts = 0
        self._most = most
        self._every, self._passed = 1, 0

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, steps: array[int], values: Iterable[float], times: array[float]) -> None:
        """Adds points, none before the last one; a curve beside another one is extended after that, by values alone."""
        self.values.extend(values)
        if not self._shares:
            self.steps.extend(steps)
            self.times.extend(times)

    def append(self, step: int, value: float, time: float) -> None:
        """Adds a point; its step is not before the last one."""
        self._passed += 1
        if self._passed < self._every:
            return
        self._passed = 0
        self.steps.append(step)
        self.values.append(value)
        self.times.append(time)
        if self._most is not None and len(self) >= self._most:
            self._passed = 0 if len(self) % 2 else self._every  # since the last point that stays
            del self.steps[1::2], self.values[1::2], self.times[1::2]
            self._every *= 2
            self.cuts += 1

    def cut_after(self, step: int) -> None:
        """Drops the points whose step is greater."""
        keep = bisect_right(self.steps, step)
        self.cuts += keep < len(self)
        del self.values[keep:]
        if not self._shares:
            del self.steps[keep:], self.times[keep:]

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None


class RunState:
    """What is known of a run after a number of events. Only `apply` changes it."""

    def __init__(self) -> None:
        self.phase: Phase = "starting"
        self.step = 0
        self.steps = 0
        self.events = 0
        self.queued: e.Queued | None = None
        self.paused: e.Paused | None = None
        self.stopping: e.Stopping | None = None
        self.rolled_back: e.RolledBack | None = None
        self.rolled_back_from = 0
        self.began: float | None = None
        self.updated: float | None = None
        self.started: e.Started | None = None
        self.waiting: e.Waiting | None = None
        self.preparing: e.Preparing | None = None
        self.validating: e.Validating | None = None
        self.progress: e.Progress | None = None
        self.validated: e.Validated | None = None
        self.resources: e.Resources | None = None
        self.finished: e.Finished | None = None
        self.failed: e.Failed | None = None
        self.best_accuracy: float | None = None
        self.best_step: int | None = None
        self.last_saved_step: int | None = None
        self.answers: dict[str, e.Answered] = {}
        self.diagnoses: list[e.Diagnosis] = []
        self.train_loss = Curve()
        self.train_accuracy = Curve(beside=self.train_loss)
        self.steps_per_second = Curve(beside=self.train_loss)
        self.learning_rate = Curve(beside=self.train_loss)
        self.gradient_norm = Curve(beside=self.train_loss)
        self.validation_loss = Curve()
        self.segment_accuracy = Curve()
        self.utterance_accuracy = Curve()
        self.processor_load = Curve(MOST_READINGS)
        self.memory_share = Curve(MOST_READINGS)
        self.device_load = Curve(MOST_READINGS)
        self.device_memory_share = Curve(MOST_READINGS)
        self._bests: list[tuple[int, int, float]] = []  # the step from which it is known, its own step, its accuracy

    @classmethod
    def of(cls, events: Iterable[e.AnyEvent]) -> RunState:
        """The state after these events."""
        state = cls()
        state.apply_all(events)
        return state

    @property
    def curves(self) -> tuple[Curve, ...]:
        """All curves."""
        return (
            self.train_loss, self.train_accuracy, self.steps_per_second, self.learning_rate, self.gradient_norm,
            self.validation_loss, self.segment_accuracy, self.utterance_accuracy,
            self.processor_load, self.memory_share, self.device_load, self.device_memory_share,
        )  # fmt: skip

    @property
    def ended(self) -> bool:
        """Whether the worker has said its last word."""
        return self.phase in ("finished", "stopped", "failed")

    @property
    def seconds_left(self) -> float | None:
        """Time to the last step at the rate of the recent progress; none while nothing is known."""
        if self.progress is None or not self.steps or self.ended:
            return None
        recent = [rate for rate in self.steps_per_second.values[-20:] if rate > 0]
        return (self.steps - self.step) * len(recent) / sum(recent) if recent else None

    def apply_all(self, events: Iterable[e.AnyEvent]) -> None:
        """Takes in events in their order; the progress between two others, which most of them are, at once."""
        for kind, stretch in groupby(events, type):
            if kind is e.Progress:
                self._progress(list(stretch))  # type: ignore[arg-type]  # groupby tells no types
            else:
                for event in stretch:
                    self.apply(event)

    def apply(self, event: e.AnyEvent) -> None:
        """Takes in one event."""
        if isinstance(event, e.Progress):
            self._progress([event])
            return
        self.events += 1
        self.updated = event.time
        if self.began is None:
            self.began = event.time
        if isinstance(event, e.Validated):
            self._validated(event)
        elif isinstance(event, e.Resources):
            self._resources(event)
        elif isinstance(event, e.Validating):
            self.validating = event
            self.phase = "stopping" if self.stopping is not None else "validating"
        elif isinstance(event, e.Preparing):
            self.preparing, self.phase = event, "preparing"
        elif isinstance(event, e.Checkpoint):
            self._checkpoint(event)
        elif isinstance(event, e.Answered):
            self.answers[event.request] = event
        elif isinstance(event, e.Diagnosis):
            self.diagnoses.append(event)
        else:
            self._turn(event)

    def _turn(self, event: e.AnyEvent) -> None:
        """The rarer events, which turn the run from one phase to the next."""
        if isinstance(event, e.Queued):
            self.queued, self.phase = event, "starting"
            self.finished = self.failed = self.paused = self.stopping = None
        elif isinstance(event, e.Waiting):
            self.waiting, self.phase = event, "queued"
            if self.started is None:
                self.began = None  # waiting for its turn is no part of the time that it takes
        elif isinstance(event, e.Started):
            self.started, self.steps, self.phase = event, event.steps, "training"
        elif isinstance(event, e.Paused):
            self.paused, self.phase = event, "paused"
        elif isinstance(event, e.Continued):
            self.paused = None
            self.phase = "training" if self.stopping is None else "stopping"
        elif isinstance(event, e.Stopping):
            self.stopping, self.paused, self.phase = event, None, "stopping"
        elif isinstance(event, e.Resumed):
            self.steps, self.phase = event.steps, "training"
            self.last_saved_step = event.step or None  # a kill can come between a checkpoint and the word of it
            self._go_back(event.step)
        elif isinstance(event, e.RolledBack):
            self._bests = [
                (min(known, event.step), best, share) for known, best, share in self._bests
            ]  # its file stays
            self.rolled_back, self.rolled_back_from = event, self.step
            self._go_back(event.step)
        elif isinstance(event, e.Finished):
            self.finished, self.step = event, event.step
            self.phase = "finished" if event.reason == "completed" else "stopped"
        elif isinstance(event, e.Failed):
            self.failed, self.phase = event, "failed"

    def _progress(self, events: Sequence[e.Progress]) -> None:
        """A stretch of progress, at least one."""
        last = events[-1]
        self.events += len(events)
        self.updated = last.time
        if self.began is None:
            self.began = events[0].time
        self.progress, self.step = last, last.step
        if self.rolled_back is not None and last.step > self.rolled_back_from:
            self.rolled_back = None
        if self.phase != "stopping":
            self.phase = "training"
        steps = array("q", [event.step for event in events])
        times = array("d", [event.time for event in events])
        self.train_loss.extend(steps, [event.loss for event in events], times)
        self.train_accuracy.extend(steps, [event.accuracy for event in events], times)
        self.steps_per_second.extend(steps, [event.steps_per_second for event in events], times)
        self.learning_rate.extend(steps, [event.learning_rate for event in events], times)
        self.gradient_norm.extend(steps, [event.gradient_norm for event in events], times)

    def _validated(self, event: e.Validated) -> None:
        self.validated, self.validating, self.step = event, None, event.step
        if self.phase == "validating":
            self.phase = "training"
        for curve, value in (
            (self.validation_loss, event.loss), (self.segment_accuracy, event.segment_accuracy),
            (self.utterance_accuracy, event.utterance_accuracy),
        ):  # fmt: skip
            curve.append(event.step, value, event.time)

    def _resources(self, event: e.Resources) -> None:
        self.resources = event
        for curve, share in (
            (self.processor_load, event.processor_load),
            (self.memory_share, _share(event.memory_bytes, event.memory_total)),
            (self.device_load, event.device_load),
            (self.device_memory_share, _share(event.device_memory_bytes, event.device_memory_total)),
        ):
            if share is not None:
                curve.append(max(self.step, event.step), share, event.time)

    def _checkpoint(self, event: e.Checkpoint) -> None:
        if event.kind == "last":
            self.last_saved_step = event.step
        elif event.accuracy is not None:
            self.best_accuracy, self.best_step = event.accuracy, event.step
            self._bests.append((event.step, event.step, event.accuracy))

    def _go_back(self, step: int) -> None:
        self.step = step
        self.finished = self.failed = self.validating = self.paused = self.stopping = None
        for curve in self.curves:
            curve.cut_after(step)
        self._bests = [best for best in self._bests if best[0] <= step]
        _, self.best_step, self.best_accuracy = self._bests[-1] if self._bests else (0, None, None)


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None
