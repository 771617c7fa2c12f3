"""The training loop as an iterator of events: `for event in Trainer(...)`.

It trains, validates, saves and answers requests; it knows nothing of files beside its two checkpoints. The worker
process appends what it yields to the run directory; a test can just look at it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

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
from engine.training.checkpoint import Best, TrainingState, load_last, random_state, save_best, save_last
from engine.training.device import Resolved
from engine.training.distributed import ALONE, Ranks
from engine.training.optimisation import LearningRate, make_optimizer
from engine.training.tally import Tally
from engine.training.validation import validate

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
        ranks: Ranks = ALONE,
    ) -> None:
        """inbox: where requests come from, if any may come. copies: changed copies of the corpus.

        Speakers at another speed can be further classes while training. ranks: the processes that train together, each
        with a trainer of its own; all of them yield the same, and the first one writes.
        """
        self.preset = preset
        self.packed = packed
        self.run = run
        self.resolved = device
        self.device = device.torch_device
        self.step = 0
        self.ranks = ranks
        self._inbox = inbox
        self._pending: list[Request] = []
        self._stop: Request | None = None
        self._next_look = 0.0
        torch.set_num_threads(device.threads)
        torch.manual_seed(preset.run.seed)
        classes = len(packed.speakers) * (1 + max((copy.speakers_as for copy in copies), default=0))
        self.model = SpeakerModel(preset, classes).to(self.device).train()
        self._parallel = ranks.parallel(self.model)
        if ranks.size > 1:
            ranks.seed(preset.run.seed, 0)
        self.optimizer = make_optimizer(self.model, preset.optimizer, self.device)
        self.average = WeightAverage(self.model, preset.optimizer.average) if preset.optimizer.average else None
        self.learning_rate = LearningRate.of(preset)
        self.best: Best | None = None
        self._validated_step = 0
        self._saved_step = -1
        self._resumed = False
        self._note = ""
        self._inexact = ""
        store = FrameStore(packed, self.device, preset.segments, copies)
        self.split = split
        share = ranks.share_of(preset.segments.batch_size)
        self.batches = TrainingBatches(store, split.train, preset.segments, preset.run.seed, preset.augment, share)
        self.validation = ValidationBatches(store, packed, split.validation, preset.segments, preset.validation.seed)

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
            self.run.last_path, self.model, self.optimizer, self.device, self.packed.speakers, self.average, self.ranks
        )
        self.step, self.best, self._validated_step = state.step, state.best, state.validated_step
        self._saved_step = state.step
        self.learning_rate = state.learning_rate
        steps = self.preset.run.steps
        if steps != state.learning_rate.last:
            highest = self.preset.optimizer.learning_rate
            self.learning_rate = state.learning_rate.extended(self.step, steps, highest)
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
        steps, every = self.preset.run.steps, self.preset.validation.every
        while True:
            due = self.step > 0 and (self.step % every == 0 or self.step == steps)
            if due and self._validated_step != self.step:
                yield from tally.flush(self.step)
                yield from self._validate(abandon=self._asked_to_stop)
                tally.restart()
            if self.step >= steps and self._validated_step == self.step:
                break
            yield from self._answer_requests(tally)
            if self._stop is not None:
                break
            rate = self.learning_rate.at(self.step)
            loss, right, norm = self._optimise(rate)
            self.step += 1
            tally.add(loss, right, norm, self.preset.segments.batch_size, rate)
            if tally.due():
                progress = tally.take(self.step)
                yield progress
                if not math.isfinite(progress.loss):
                    yield from self._diverged(progress)
                    return
        yield from tally.flush(self.step)
        yield from self._end()

    def _optimise(self, rate: float) -> tuple[Tensor, Tensor, Tensor]:
        """One step. Returns loss, number of right answers and gradient norm as tensors that nobody has waited for."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        frames, mask, speakers = self.batches.at(self.step)  # (batch, time, mel), (batch, time), (batch,)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.resolved.precision == "bfloat16"):
            logits = self._parallel(frames, mask).float()  # (batch, speakers)
        harder = self.model.head.with_margin(logits, speakers, self.step / self.preset.run.steps)
        mean = functional.cross_entropy(harder, speakers)
        loss = self.ranks.weighed(mean, len(speakers), self.preset.segments.batch_size)
        self.optimizer.zero_grad(set_to_none=True)
        self.ranks.backward(loss)
        limit = self.preset.optimizer.clip_norm
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), limit if limit > 0 else math.inf)
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        right = (logits.detach().argmax(dim=1) == speakers).sum()
        return loss.detach(), right, norm

    @property
    def judged(self) -> SpeakerModel:
        """The weights that are validated and saved as best: those being trained, or their running average."""
        return self.model if self.average is None else self.average.model

    def _validate(self, abandon: Callable[[], bool]) -> Iterator[e.AnyEvent]:
        for event in validate(self.judged, self.validation, len(self.packed.speakers), self.step, abandon, self.ranks):
            yield event
            if isinstance(event, e.Validated):
                yield from self._keep(event)

    def _keep(self, scores: e.Validated) -> Iterator[e.AnyEvent]:
        """Saves what a validation is followed by: `best` if it is better than all before, and `last`."""
        self._validated_step = self.step
        by_segment = self.preset.validation.best_by == "segment"
        accuracy = scores.segment_accuracy if by_segment else scores.utterance_accuracy
        if math.isfinite(scores.loss) and (self.best is None or self.best.beaten_by(accuracy, scores.loss)):
            self.best = Best(self.step, accuracy, scores.loss)
            kept = {
                "segment_accuracy": scores.segment_accuracy,
                "utterance_accuracy": scores.utterance_accuracy,
                "loss": scores.loss,
            }
            if self.ranks.first:
                save_best(self.run.best_path, self.judged, self.preset, self.packed.speakers, kept, self.step)
            yield e.Checkpoint(step=self.step, kind="best", path=str(self.run.best_path), accuracy=accuracy)
        yield self._save_last()

    def _save_last(self) -> e.Checkpoint:
        random = self.ranks.gather(random_state(self.device))
        state = TrainingState(
            self.step, self._validated_step, self.best, self.learning_rate, self.packed.speakers, self.ranks.size
        )
        if self.ranks.first:
            save_last(self.run.last_path, state, self.model, self.optimizer, self.average, random[1:])
        self._saved_step = self.step
        accuracy = None if self.best is None else self.best.accuracy
        return e.Checkpoint(step=self.step, kind="last", path=str(self.run.last_path), accuracy=accuracy)

    def _end(self) -> Iterator[e.AnyEvent]:
        """The last words of a run that ends well. One that was stopped before any validation gets its one."""
        if self.best is None and self.step > 0:
            yield from self._validate(abandon=lambda: False)
        if self._saved_step != self.step:
            yield self._save_last()
        if self._stop is not None:
            yield e.Answered(step=self.step, request=self._stop.id, ok=True, message=f"stopped at step {self.step}")
        yield e.Finished(
            step=self.step,
            reason="completed" if self.step >= self.preset.run.steps == self._validated_step else "stopped",
            best_accuracy=None if self.best is None else self.best.accuracy,
            best_step=None if self.best is None else self.best.step,
            run=str(self.run.path),
        )

    def _diverged(self, progress: e.Progress) -> Iterator[e.AnyEvent]:
        yield e.Diagnosis(
            step=self.step,
            severity="error",
            finding=f"the training loss is {progress.loss} (gradient norm {progress.gradient_norm:.3g})",
            advice="try head.kind = batchnorm_linear, a longer schedule.warmup_steps, a smaller "
            "optimizer.learning_rate, or optimizer.clip_norm = 1",
        )
        kept = f"; last saved at step {self._saved_step}" if self._saved_step >= 0 else ""
        yield e.Failed(step=self.step, cause="diverged", message=f"the training loss became {progress.loss}{kept}")

    # -------------------------------------------------------------------------------------------------------- requests

    def _collect(self) -> None:
        """Takes in the requests that have arrived, at most every 50 ms; rank 0 looks, and all do the same."""
        now = time.monotonic()
        arrived: list[Request] = []
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY_SECONDS
            arrived = self._inbox.read() if self._inbox is not None else []
        self._pending += self.ranks.requests(arrived)

    def _asked_to_stop(self) -> bool:
        """Whether a stop waits, asked while something long goes on."""
        self._collect()
        return any(request.request == "stop" for request in self._pending)

    def _answer_requests(self, tally: Tally) -> Iterator[e.AnyEvent]:
        """Does what was asked for, in order; while paused, waits for more. Sets `_stop` when it is time to end."""
        self._collect()
        paused = False
        while self._pending or paused:
            if not self._pending:
                time.sleep(PAUSED_LOOK_EVERY_SECONDS)
            yield from tally.flush(self.step)
            for request in self._pending:
                if request.request == "stop":
                    self._stop = request
                    yield e.Stopping(step=self.step)
                    return
                if request.request == "save":
                    yield from self._save_on_request()
                elif request.request == "pause" and not paused:
                    paused = True
                    yield e.Paused(step=self.step)
                elif request.request == "continue" and paused:
                    paused = False
                    yield e.Continued(step=self.step)
                yield self._answer(request)
            self._pending = []
            tally.restart()
            self._collect()

    def _save_on_request(self) -> Iterator[e.AnyEvent]:
        """Saves `last`, and sees to it that there is a best checkpoint."""
        if self.best is None and self.step > 0:
            yield from self._validate(abandon=lambda: False)
        else:
            yield self._save_last()

    def _answer(self, request: Request) -> e.Answered:
        words = {"save": f"saved at step {self.step}", "pause": "paused", "continue": "training goes on"}
        return e.Answered(step=self.step, request=request.id, ok=True, message=words[request.request])
