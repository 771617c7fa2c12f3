"""The training loop as an iterator of events: `for event in Trainer(...)`.

It trains, validates, saves and answers requests; it knows nothing of files beside its two checkpoints. The worker
process appends what it yields to the run directory; a test can just look at it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import torch

from engine.corpus.batches import TrainingBatches, ValidationBatches
from engine.corpus.copies import Copy
from engine.corpus.frame_store import FrameStore
from engine.corpus.packed import PackedCorpus
from engine.corpus.splits import Split
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.full_disk import until_there_is_room
from engine.runs.requests import Request
from engine.training.averaging import WeightAverage
from engine.training.checkpoint import Best, TrainingState, content_of, last_of, load_last, put_back, save_best
from engine.training.device import Resolved
from engine.training.findings import Finding
from engine.training.optimisation import LearningRate, make_optimizer
from engine.training.recovery import HealthyState
from engine.training.saving import LastWriter, snapshot
from engine.training.step import make_step
from engine.training.tally import Tally
from engine.training.validation import validate
from engine.training.watching import Watch

LOOK_EVERY_SECONDS = 0.05
PAUSED_LOOK_EVERY_SECONDS = 0.1


class Inbox(Protocol):
    """Where requests come from."""

    def read(self) -> list[Request]:
        """The requests since the last call."""


class Trainer:
    """Trains one preset on one packed corpus and yields what happens.

    Everything random is a function of the preset's seed, so that two trainers with the same preset, corpus, device
    and threads end with the same weights, whether or not one was stopped and resumed on the way.
    """

    def __init__(
        self,
        preset: Preset,
        packed: PackedCorpus,
        split: Split,
        run: RunDirectory,
        device: Resolved,
        inbox: Inbox | None = None,
        copies: Sequence[Copy] = (),
    ) -> None:
        """inbox: where requests come from, if any may come. copies: changed copies of the corpus.

        Speakers at another speed can be further classes while training.
        """
        self.preset = preset
        self.packed = packed
        self.run = run
        self.resolved = device
        self.device = device.torch_device
        self.step = 0
        self._inbox = inbox
        self._pending: list[Request] = []
        self._stop: Request | None = None
        self._next_look = 0.0
        torch.set_num_threads(device.threads)
        torch.manual_seed(preset.run.seed)
        classes = len(packed.speakers) * (1 + max((copy.speakers_as for copy in copies), default=0))
        self.model = SpeakerModel(preset, classes).to(self.device).train()
        self.optimizer = make_optimizer(self.model, preset.optimizer, self.device)
        self._take_step = make_step(self.model, self.optimizer, preset.optimizer.clip_norm, device)
        self.average = WeightAverage(self.model, preset.optimizer.average) if preset.optimizer.average else None
        self.learning_rate = LearningRate.of(preset)
        self.best: Best | None = None
        self._validated_step = 0
        self._saver = LastWriter(run.last_path, run.events_path)
        self._handed_step = self._saved_step = -1  # the state that was handed over to be saved, and that which is saved
        self._next_save = time.monotonic() + preset.run.save_every_seconds
        self._resumed = False
        self._note = ""
        self._given_up = False
        store = FrameStore(packed, self.device, preset.segments, copies)
        self.split = split
        self.batches = TrainingBatches(store, split.train, preset.segments, preset.run.seed, preset.augment)
        self.validation = ValidationBatches(store, packed, split.validation, preset.segments, preset.validation.seed)
        self.watch = Watch(preset, self.model, packed, self.batches, self.validation, classes, self.resolved.precision)
        self.healthy = HealthyState()
        self._keep_healthy()

    # ------------------------------------------------------------------------------------------- before the first step

    def resume(self) -> None:
        """Goes back to the state in `last`; a run that was never saved begins again. Raises `InputError`.

        When the preset now asks for another number of steps, the schedule goes on as a new cosine.
        """
        self._resumed = True
        if not self.run.last_path.exists():
            self._note = "the run ended before its first checkpoint, so it begins again"
            return
        state = load_last(
            self.run.last_path,
            self.model,
            self.optimizer,
            self.device,
            self.packed.speakers,
            self.average,
            self.healthy,
        )
        self.step, self.best, self._validated_step = state.step, state.best, state.validated_step
        self._handed_step = self._saved_step = state.step
        self.learning_rate = state.learning_rate
        self.watch.restore(state.doctor)
        steps = self.preset.run.steps
        if steps != state.learning_rate.last:
            highest = self.preset.optimizer.learning_rate
            self.learning_rate = state.learning_rate.extended(self.step, steps, highest)
            self.watch.doctor.expect_a_rise()
            rate = self.learning_rate.at(self.step)
            self._note = f"training goes on to step {steps}: the learning rate takes a new cosine from {rate:.2g}"

    def __iter__(self) -> Iterator[e.AnyEvent]:
        yield self._started()
        if self._resumed:
            yield e.Resumed(step=self.step, steps=self.preset.run.steps, note=self._note)
        yield from self._train()

    def _started(self) -> e.Started:
        return e.Started(
            step=self.step,
            steps=self.preset.run.steps,
            device=self.resolved.device,
            device_name=self.resolved.name,
            precision=self.resolved.precision,
            threads=self.resolved.threads,
            speakers=len(self.packed.speakers),
            train_utterances=len(self.split.train),
            validation_utterances=len(self.split.validation),
            encoder_parameters=sum(parameter.numel() for parameter in self.model.encoder.parameters()),
            total_parameters=sum(parameter.numel() for parameter in self.model.parameters()),
            seed=self.preset.run.seed,
        )

    # -------------------------------------------------------------------------------------------------------- the loop

    def _train(self) -> Iterator[e.AnyEvent]:
        tally = Tally(self.device)
        steps = self.preset.run.steps
        while True:
            if self._due and self._validated_step != self.step:
                yield from tally.flush(self.step)
                yield from self._validate(abandon=self._asked_to_stop)
                tally.restart()
            if self._given_up or (self.step >= steps and self._validated_step == self.step):
                break
            yield from self._save_now_and_then(tally)
            yield from self._answer_requests(tally)
            if self._given_up or self._stop is not None:
                break
            rate = self.learning_rate.at(self.step)
            outcome = self._take_step(self.batches.at(self.step), rate, self.step / self.preset.run.steps)
            if news := self._take_step.news():
                yield e.Diagnosis(step=self.step, severity="notice", finding=news, advice="only the speed differs")
            if self.average is not None:
                self.average.update()
            self.step += 1
            self.watch.add(*outcome)
            tally.add(outcome, self.preset.segments.batch_size, rate)
            if tally.due():
                yield tally.take(self.step)
            if findings := self.watch.look(self.step):
                yield from tally.flush(self.step)
                yield from self._heed(findings)
        yield from tally.flush(self.step)
        if not self._given_up:
            yield from self._end()

    @property
    def _due(self) -> bool:
        """Whether a validation belongs to this step."""
        every, steps = self.preset.validation.every, self.preset.run.steps
        return self.step > 0 and (self.step % every == 0 or self.step == steps)

    @property
    def judged(self) -> SpeakerModel:
        """The weights that are validated and saved as best: those being trained, or their running average."""
        return self.model if self.average is None else self.average.model

    def _validate(self, abandon: Callable[[], bool]) -> Iterator[e.AnyEvent]:
        begun_at = self.step
        yield from self._heed(self.watch.look_early(self.step))
        if self._given_up or self.step != begun_at:
            return
        for event in validate(self.judged, self.validation, len(self.packed.speakers), self.step, abandon):
            yield event
            if isinstance(event, e.Validated):
                yield from self._keep(event)

    def _keep(self, scores: e.Validated) -> Iterator[e.AnyEvent]:
        """Saves what a validation is followed by: `best` if it is better than all before, and `last`.

        A stop while there is no room for `best` leaves it as if there had been no validation: a resumed run has it.
        """
        if self._due or not math.isfinite(scores.loss):
            yield from self._heed(self.watch.hear(scores))
            if self._given_up or self.step != scores.step:
                return
        by_segment = self.preset.validation.best_by == "segment"
        accuracy = scores.segment_accuracy if by_segment else scores.utterance_accuracy
        if math.isfinite(scores.loss) and (self.best is None or self.best.beaten_by(accuracy, scores.loss)):
            kept = {
                "segment_accuracy": scores.segment_accuracy,
                "utterance_accuracy": scores.utterance_accuracy,
                "loss": scores.loss,
            }
            path, speakers = self.run.best_path, self.packed.speakers

            def save() -> None:
                save_best(path, self.judged, self.preset, speakers, kept, self.step)

            if not (yield from self._with_room(save, path)):
                return
            self.best = Best(self.step, accuracy, scores.loss)
            yield e.Checkpoint(step=self.step, kind="best", path=str(path), accuracy=accuracy)
        self._validated_step = self.step
        if self._due and self.watch.sound():
            self._keep_healthy()
        self._hand_over()

    def _state(self) -> TrainingState:
        return TrainingState(
            self.step, self._validated_step, self.best, self.learning_rate, self.packed.speakers, self.watch.memory()
        )

    def _hand_over(self) -> None:
        """Has the state saved as `last`, unless something isn't finite: what is there is worth more.

        `_last_news` tells when that is done.
        """
        self._next_save = time.monotonic() + self.preset.run.save_every_seconds
        if self.watch.poisoned():
            return
        content = last_of(self._state(), self.model, self.optimizer, self.average, self.healthy)
        self._saver.hand_over(snapshot(self.step, None if self.best is None else self.best.accuracy, content))
        self._handed_step = self.step

    def _save_now_and_then(self, tally: Tally) -> Iterator[e.AnyEvent]:
        """Between steps: says what has been saved, and saves when it is time, so that a kill loses little.

        What the steps came to is said before, for a resumed run says nothing of them.
        """
        if self._saver.has_news:
            yield from tally.flush(self.step)
            yield from self._last_news()
            tally.restart()
        if time.monotonic() >= self._next_save and self._handed_step != self.step:
            yield from tally.flush(self.step)
            self._hand_over()

    def _last_news(self, wait: bool = False) -> Generator[e.AnyEvent, None, bool]:
        """Says which states have become whole on the disk; with `wait` until all have.

        While the disk is full, training waits here. Returns False when a stop was asked for before there was room.
        """
        settled = True
        if wait or self._saver.failed:
            settled = yield from self._with_room(self._saver.finish, self.run.last_path)
        for saved in self._saver.written():
            self._saved_step = saved.step
            path = str(self.run.last_path)
            yield e.Checkpoint(step=saved.step, kind="last", path=path, accuracy=saved.accuracy)
        return settled

    def _with_room(self, write: Callable[[], None], path: Path) -> Generator[e.AnyEvent, None, bool]:
        return until_there_is_room(write, path, self.step, self._asked_to_stop, self._take_all_but_stops)

    def _end(self) -> Iterator[e.AnyEvent]:
        """The last words of a run that ends well. One that was stopped before any validation gets its one."""
        if self.best is None and self.step > 0:
            yield from self._validate(abandon=lambda: False)
        if self._handed_step != self.step:
            self._hand_over()
        room = yield from self._last_news(wait=True)
        message = f"stopped at step {self.step}"
        if self._saved_step != self.step:
            message += f"; {self._not_saved(room)}"
        for request in [self._stop] if self._stop is not None else self._pending:
            if request.request == "stop":
                yield e.Answered(step=self.step, request=request.id, ok=True, message=message)
        completed = room and self.step >= self.preset.run.steps == self._validated_step
        yield e.Finished(
            step=self.step,
            reason="completed" if completed else "stopped",
            best_accuracy=None if self.best is None else self.best.accuracy,
            best_step=None if self.best is None else self.best.step,
            run=str(self.run.path),
        )

    # ----------------------------------------------------------------------------------------------- when it goes wrong

    def _heed(self, findings: list[Finding]) -> Iterator[e.AnyEvent]:
        """Tells what was found, and does what the preset's policy says about an error.

        A run that is being stopped is left as it is: `last` is older than the error, and a resumed run meets it again.
        """
        for finding in sorted(findings, key=lambda finding: finding.severity):  # errors before warnings
            yield e.Diagnosis(step=self.step, severity=finding.severity, finding=finding.text, advice=finding.advice)
        errors = [finding for finding in findings if finding.severity == "error"]
        settings, done = self.preset.divergence, self.watch.doctor.memory.rollbacks
        if not errors or settings.policy == "warn" or self._stop is not None:
            return
        if settings.policy == "rollback" and done < settings.rollbacks:
            yield from self._roll_back(errors[0])
            return
        self._given_up = True
        tried = f"; it went back {done} times before" if done else ""
        yield from self._last_news(wait=True)
        kept = f"; last saved at step {self._saved_step}" if self._saved_step >= 0 else ""
        yield e.Failed(step=self.step, cause="diverged", message=f"{errors[0].text}{tried}{kept}")

    def _roll_back(self, finding: Finding) -> Iterator[e.AnyEvent]:
        """Goes back to the healthy state; on with half the rate, or without the utterances that are to blame.

        The best checkpoint stays, even one of a later step: it was validated before anything was found.
        """
        yield from self._last_news(wait=True)  # what is said of a later step is said before
        before = self.watch.doctor.memory
        state = put_back(self.healthy.copied(), self.model, self.optimizer, self.device, self.average)
        self._take_step.forget()
        self.step, self._validated_step = state.step, state.validated_step
        self.watch.restore(state.doctor.after_rollback(before, finding.utterances))
        if not finding.utterances:
            self.learning_rate = self.learning_rate.halved()
        change = "without these utterances" if finding.utterances else "with half the learning rate"
        reason = (
            f"{finding.name}; on {change} ({before.rollbacks + 1} of at most {self.preset.divergence.rollbacks} times)"
        )
        yield e.RolledBack(step=self.step, reason=reason)
        self._hand_over()

    def _keep_healthy(self) -> None:
        self.healthy.keep(self.step, content_of(self._state(), self.model, self.optimizer, self.average))

    # -------------------------------------------------------------------------------------------------------- requests

    def _collect(self) -> None:
        """Takes in the requests that have arrived; looks at most every 50 ms."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY_SECONDS
            self._pending += self._inbox.read() if self._inbox is not None else []

    def _asked_to_stop(self) -> bool:
        """Whether a stop waits, asked while something long goes on."""
        self._collect()
        return self._stop is not None or any(request.request == "stop" for request in self._pending)

    def _take_all_but_stops(self) -> list[Request]:
        """The other requests that wait, for whoever answers them in the meantime."""
        taken = [request for request in self._pending if request.request != "stop"]
        self._pending = [request for request in self._pending if request.request == "stop"]
        return taken

    def _answer_requests(self, tally: Tally) -> Iterator[e.AnyEvent]:
        """Does what was asked for, in order; while paused, waits for more. Sets `_stop` when it is time to end."""
        self._collect()
        paused = False
        while self._pending or paused:
            if not self._pending:
                time.sleep(PAUSED_LOOK_EVERY_SECONDS)
            yield from tally.flush(self.step)
            if self._saver.has_news and not self._saver.failed:  # what failed is tried again when training goes on
                yield from self._last_news()
            while self._pending:
                request = self._pending.pop(0)
                if request.request == "stop":
                    self._stop = request
                    yield e.Stopping(step=self.step)
                    return
                problem = ""
                if request.request == "save":
                    problem = yield from self._save_on_request()
                elif request.request == "pause" and not paused:
                    paused = True
                    yield e.Paused(step=self.step)
                elif request.request == "continue" and paused:
                    paused = False
                    yield e.Continued(step=self.step)
                yield self._answer(request, problem)
            tally.restart()
            self._collect()

    def _save_on_request(self) -> Generator[e.AnyEvent, None, str]:
        """Saves `last`, and sees to it that there is a best checkpoint. Returns what prevented it, if anything did."""
        if self.best is None and self.step > 0:
            yield from self._validate(abandon=lambda: False)
        else:
            self._hand_over()
        room = yield from self._last_news(wait=True)
        return "" if self._saved_step == self.step else self._not_saved(room)

    def _answer(self, request: Request, problem: str) -> e.Answered:
        words = {"save": f"saved at step {self.step}", "pause": "paused", "continue": "training goes on"}
        message = problem or words[request.request]
        return e.Answered(step=self.step, request=request.id, ok=not problem, message=message)

    def _not_saved(self, room: bool) -> str:
        """Why the state now is not in `last`, and which is."""
        why = "its loss, gradients or weights are not finite" if room else "there is no room to save it"
        kept = f"step {self._saved_step}" if self._saved_step >= 0 else "the beginning"
        return f"not saved, since {why}; a resumed run goes on from {kept}"
