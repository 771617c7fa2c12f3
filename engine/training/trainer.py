"""The training loop as an iterator of events: `for event in Trainer(...)`.

It trains, validates, saves and answers requests; it knows nothing of files beside its two checkpoints. The worker
process appends what it yields to the run directory; a test can just look at it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence

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
from engine.runs.requests import Request
from engine.training.averaging import WeightAverage
from engine.training.checkpoint import TrainingState
from engine.training.device import Resolved
from engine.training.distributed import ALONE, Ranks
from engine.training.findings import Finding
from engine.training.keeping import Keeper
from engine.training.optimisation import LearningRate, make_optimizer
from engine.training.pending import Inbox, PendingRequests
from engine.training.step import make_step
from engine.training.tally import Tally
from engine.training.validation import validate
from engine.training.watching import Watch

PAUSED_LOOK_EVERY_SECONDS = 0.1


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
        ranks: Ranks = ALONE,
    ) -> None:
        """inbox: where requests come from, if any may come. copies: changed copies of the corpus.

        Speakers at another speed can be further classes while training. ranks: the processes that train together, each
        with a trainer of its own; all of them do the same, and the first one writes and speaks.
        """
        self.preset = preset
        self.packed = packed
        self.split = split
        self.run = run
        self.resolved = device
        self.device = device.torch_device
        self.ranks = ranks
        self.step = 0
        self.learning_rate = LearningRate.of(preset)
        torch.set_num_threads(device.threads)
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # graphs and streams belong to the current device
        torch.manual_seed(preset.run.seed)
        classes = len(packed.speakers) * (1 + max((copy.speakers_as for copy in copies), default=0))
        self.model = SpeakerModel(preset, classes).to(self.device).train()
        self.optimizer = make_optimizer(self.model, preset.optimizer, self.device)
        self._take_step = make_step(self.model, self.optimizer, preset, device, ranks)
        self.average = WeightAverage(self.model, preset.optimizer.average) if preset.optimizer.average else None
        if ranks.size > 1:
            ranks.seed(preset.run.seed, 0)
        store = FrameStore(packed, self.device, preset.segments, copies)
        share = ranks.share_of(preset.segments.batch_size)
        self.batches = TrainingBatches(store, split.train, preset.segments, preset.run.seed, preset.augment, share)
        self.validation = ValidationBatches(store, packed, split.validation, preset.segments, preset.validation.seed)
        self.watch = Watch(
            preset, self.model, packed, self.batches, self.validation, classes, device.precision, ranks
        )  # fmt: skip
        self.requests = PendingRequests(inbox, ranks)
        self.keeper = Keeper(run, preset, self.model, self.optimizer, self.average, ranks, self.requests)
        self._validated_step = 0
        self._resumed = False
        self._note = self._inexact = ""
        self._given_up = False
        self.keeper.keep_healthy(self._state())

    # ------------------------------------------------------------------------------------------- before the first step

    def resume(self) -> None:
        """Goes back to the state in `last`; a run that was never saved begins again. Raises `InputError`.

        When the preset now asks for another number of steps, the schedule goes on as a new cosine.
        """
        self._resumed = True
        if not self.run.last_path.exists():
            self._note = "the run ended before its first checkpoint, so it begins again"
            return
        state = self.keeper.load(self.packed.speakers)
        self.step, self._validated_step = state.step, state.validated_step
        self.learning_rate = state.learning_rate
        self.watch.restore(state.doctor)
        steps = self.preset.run.steps
        if steps != state.learning_rate.last:
            highest = self.preset.optimizer.learning_rate
            self.learning_rate = state.learning_rate.extended(self.step, steps, highest)
            self.watch.doctor.expect_a_rise()
            rate = self.learning_rate.at(self.step)
            self._note = f"training goes on to step {steps}: the learning rate takes a new cosine from {rate:.2g}"
        if state.ranks != self.ranks.size:
            self.ranks.seed(self.preset.run.seed, self.step)
            self._inexact = f"the number of devices changes from {state.ranks} to {self.ranks.size}"

    def __iter__(self) -> Iterator[e.AnyEvent]:
        yield self._started()
        if self._resumed:
            yield e.Resumed(step=self.step, steps=self.preset.run.steps, note=self._note)
        if self._inexact:
            advice = "dropout draws anew and sums round differently: the numbers are no longer an uninterrupted run's"
            yield e.Diagnosis(step=self.step, severity="notice", finding=self._inexact, advice=advice)
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
            ranks=self.ranks.size,
        )

    # -------------------------------------------------------------------------------------------------------- the loop

    def _train(self) -> Iterator[e.AnyEvent]:
        tally = Tally(self.device, self.ranks)
        while True:
            if self._due and self._validated_step != self.step:
                yield from tally.flush(self.step)
                yield from self._validate(abandon=self.requests.stop_waits)
                tally.restart()
            if self._given_up or self.step >= self.preset.run.steps == self._validated_step:
                break
            yield from self._save_now_and_then(tally)
            yield from self._answer_requests(tally)
            if self._given_up or self.requests.stop is not None:
                break
            yield from self._one_step(tally)
        yield from tally.flush(self.step)
        if not self._given_up:
            yield from self._end()

    def _one_step(self, tally: Tally) -> Iterator[e.AnyEvent]:
        """A step, and what is to be said of it and of those before."""
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

    @property
    def _due(self) -> bool:
        """Whether a validation belongs to this step."""
        every, steps = self.preset.validation.every, self.preset.run.steps
        return self.step > 0 and (self.step % every == 0 or self.step == steps)

    def _validate(self, abandon: Callable[[], bool]) -> Iterator[e.AnyEvent]:
        begun_at = self.step
        yield from self._heed(self.watch.look_early(self.step))
        if self._given_up or self.step != begun_at:
            return
        judged, speakers = self.keeper.judged, len(self.packed.speakers)
        precision = self.resolved.precision
        for event in validate(judged, self.validation, speakers, self.step, abandon, self.ranks, precision):
            yield event
            if isinstance(event, e.Validated):
                yield from self._heed_scores(event)

    def _heed_scores(self, scores: e.Validated) -> Iterator[e.AnyEvent]:
        """What a validation is followed by: it may be the best, tells whether all is well, and the state is saved.

        A stop while there is no room for `best` leaves it as if there had been no validation: a resumed run has it.
        """
        if self._due or not math.isfinite(scores.loss):
            yield from self._heed(self.watch.hear(scores))
            if self._given_up or self.step != scores.step:
                return
        if math.isfinite(scores.loss) and not (yield from self.keeper.keep_if_best(scores, self.packed.speakers)):
            return
        self._validated_step = self.step
        if self._due and self.watch.sound():
            self.keeper.keep_healthy(self._state())
        self._save()

    def _end(self) -> Iterator[e.AnyEvent]:
        """The last words of a run that ends well. One that was stopped before any validation gets its one."""
        if self.keeper.best is None and self.step > 0 and self._validated_step != self.step:
            yield from self._validate(abandon=lambda: False)
        if self.keeper.handed_step != self.step:
            self._save()
        room = yield from self.keeper.news(self.step, wait=True)
        message = f"stopped at step {self.step}"
        if self.keeper.saved_step != self.step:
            message += f"; {self.keeper.not_saved(room)}"
        for request in [self.requests.stop] if self.requests.stop is not None else self.requests.waiting:
            if request.request == "stop":
                yield e.Answered(step=self.step, request=request.id, ok=True, message=message)
        completed = room and self.step >= self.preset.run.steps == self._validated_step
        best = self.keeper.best
        yield e.Finished(
            step=self.step,
            reason="completed" if completed else "stopped",
            best_accuracy=None if best is None else best.accuracy,
            best_step=None if best is None else best.step,
            run=str(self.run.path),
        )

    # ---------------------------------------------------------------------------------------------------------- saving

    def _state(self) -> TrainingState:
        return TrainingState(
            self.step,
            self._validated_step,
            self.keeper.best,
            self.learning_rate,
            self.packed.speakers,
            self.ranks.size,
            self.watch.memory(),
        )

    def _save(self) -> None:
        """Has the state saved as `last`, unless something isn't finite: what is there is worth more."""
        if not self.watch.poisoned():
            self.keeper.hand_over(self._state())

    def _save_now_and_then(self, tally: Tally) -> Iterator[e.AnyEvent]:
        """Between steps: says what has been saved, and saves when it is time.

        What the steps came to is said before, for a resumed run says nothing of them.
        """
        if self.keeper.has_news():
            yield from tally.flush(self.step)
            yield from self.keeper.news(self.step)
            tally.restart()
        if self.keeper.due(self.step):
            yield from tally.flush(self.step)
            self._save()

    # ----------------------------------------------------------------------------------------------- when it goes wrong

    def _heed(self, findings: list[Finding]) -> Iterator[e.AnyEvent]:
        """Tells what was found, and does what the preset's policy says about an error.

        A run that is being stopped is left as it is: `last` is older than the error, and a resumed run meets it again.
        """
        for finding in findings:
            yield e.Diagnosis(step=self.step, severity=finding.severity, finding=finding.text, advice=finding.advice)
        errors = [finding for finding in findings if finding.severity == "error"]
        settings, done = self.preset.divergence, self.watch.doctor.memory.rollbacks
        if not errors or settings.policy == "warn" or self.requests.stop is not None:
            return
        yield from self.keeper.news(self.step, wait=True)  # what is said of this step is said before
        if settings.policy == "rollback" and done < settings.rollbacks and not errors[0].stays:
            yield from self._roll_back(errors[0])
            return
        self._given_up = True
        tried = f"; it went back {done} times before" if done else ""
        kept = f"; last saved at step {self.keeper.saved_step}" if self.keeper.saved_step >= 0 else ""
        yield e.Failed(step=self.step, cause="diverged", message=f"{errors[0].text}{tried}{kept}")

    def _roll_back(self, finding: Finding) -> Iterator[e.AnyEvent]:
        """Goes back to the healthy state; on with half the rate, or without the utterances that are to blame."""
        before = self.watch.doctor.memory
        state = self.keeper.go_back()
        self._take_step.forget()
        self.step, self._validated_step = state.step, state.validated_step
        self.watch.restore(state.doctor.after_rollback(before, finding.utterances))
        if not finding.utterances:
            self.learning_rate = self.learning_rate.halved()
        if self.learning_rate.first > 0 and self.step <= self.learning_rate.first:
            self.watch.doctor.expect_a_rise()  # the state is older than the new cosine that lies ahead of it
        change = "without these utterances" if finding.utterances else "with half the learning rate"
        reason = (
            f"{finding.name}; on {change} ({before.rollbacks + 1} of at most {self.preset.divergence.rollbacks} times)"
        )
        yield e.RolledBack(step=self.step, reason=reason)
        self._save()

    # -------------------------------------------------------------------------------------------------------- requests

    def _answer_requests(self, tally: Tally) -> Iterator[e.AnyEvent]:
        """Does what was asked for, in order; while paused, waits for more. Returns early when it is time to end."""
        requests = self.requests
        requests.collect()
        paused = False
        while requests.waiting or paused:
            if not requests.waiting:
                time.sleep(PAUSED_LOOK_EVERY_SECONDS)
            yield from tally.flush(self.step)
            yield from self.keeper.news_while_paused()
            while requests.waiting:
                request = requests.waiting.pop(0)
                if request.request == "stop":
                    requests.stop = request
                    yield e.Stopping(step=self.step)
                    return
                problem = ""
                if request.request == "save":
                    problem = yield from self._save_on_request()
                    if paused:
                        yield e.Paused(step=self.step)  # a validation in between reads as training
                elif request.request == "pause" and not paused:
                    paused = True
                    yield e.Paused(step=self.step)
                elif request.request == "continue" and paused:
                    paused = False
                    yield e.Continued(step=self.step)
                yield self._answer(request, problem)
            tally.restart()
            requests.collect()

    def _save_on_request(self) -> Generator[e.AnyEvent, None, str]:
        """Saves `last`, and sees to it that there is a best checkpoint. Returns what prevented it, if anything did."""
        if self.keeper.best is None and self.step > 0 and self._validated_step != self.step:
            yield from self._validate(abandon=lambda: False)
        else:
            self._save()
        room = yield from self.keeper.news(self.step, wait=True)
        return "" if self.keeper.saved_step == self.step else self.keeper.not_saved(room)

    def _answer(self, request: Request, problem: str) -> e.Answered:
        words = {"save": f"saved at step {self.step}", "pause": "paused", "continue": "training goes on"}
        message = problem or words[request.request]
        return e.Answered(step=self.step, request=request.id, ok=not problem, message=message)
