"""What a run keeps on the disk and in memory: its best model, its last state, and the one to go back to.

When something is to be kept is left to the trainer, what is in a file to `checkpoint.py`, and the thread that writes
`last` to `saving.py`. Of several ranks the first writes, and all of them wait together while a disk is full.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import torch

from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.full_disk import until_there_is_room
from engine.training.averaging import WeightAverage
from engine.training.checkpoint import Best, TrainingState, content_of, last_of, load_last, put_back, save_best
from engine.training.distributed import Ranks
from engine.training.pending import PendingRequests
from engine.training.recovery import HealthyState
from engine.training.saving import LastWriter, snapshot


class Keeper:
    """Writes and reads the checkpoints of one run, and tells in events what has become of them."""

    def __init__(
        self,
        run: RunDirectory,
        preset: Preset,
        model: SpeakerModel,
        optimizer: torch.optim.Optimizer,
        average: WeightAverage | None,
        ranks: Ranks,
        requests: PendingRequests,
    ) -> None:
        self.run = run
        self.preset = preset
        self.best: Best | None = None
        self.handed_step = self.saved_step = -1  # the state that was handed over to be saved, and that which is saved
        self._model, self._optimizer, self._average = model, optimizer, average
        self._device = next(model.parameters()).device
        self._ranks, self._requests = ranks, requests
        self._writer = LastWriter(run.last_path, run.events_path)
        self._healthy = HealthyState()
        self._wait()

    # ------------------------------------------------------------------------------------------------------------ best

    @property
    def judged(self) -> SpeakerModel:
        """The weights that are validated and saved as best: those being trained, or their running average."""
        return self._model if self._average is None else self._average.model

    def keep_if_best(self, scores: e.Validated, speakers: list[str]) -> Generator[e.AnyEvent, None, bool]:
        """Saves the judged weights if no validation before was better. Returns False when there was no room."""
        by_segment = self.preset.validation.best_by == "segment"
        accuracy = scores.segment_accuracy if by_segment else scores.utterance_accuracy
        if self.best is not None and not self.best.beaten_by(accuracy, scores.loss):
            return True
        kept = {
            "segment_accuracy": scores.segment_accuracy,
            "utterance_accuracy": scores.utterance_accuracy,
            "loss": scores.loss,
        }
        path = self.run.best_path

        def save() -> None:
            save_best(path, self.judged, self.preset, speakers, kept, scores.step)

        if not (yield from self._with_room(save, path, scores.step)):
            return False
        self.best = Best(scores.step, accuracy, scores.loss)
        yield e.Checkpoint(step=scores.step, kind="best", path=str(path), accuracy=accuracy)
        return True

    # ------------------------------------------------------------------------------------------------------------ last

    def load(self, speakers: list[str]) -> TrainingState:
        """Goes back to the state in `last`. Raises `InputError`."""
        state = load_last(
            self.run.last_path, self._model, self._optimizer, self._device, speakers, self._average, self._healthy,
            self._ranks,
        )  # fmt: skip
        self.best = state.best
        self.handed_step = self.saved_step = state.step
        return state

    def hand_over(self, state: TrainingState) -> None:
        """Has the state saved as `last`; `news` tells when that is done."""
        content = last_of(state, self._model, self._optimizer, self._average, self._healthy, self._ranks)
        if self._ranks.first:
            self._writer.hand_over(snapshot(state.step, None if self.best is None else self.best.accuracy, content))
        self.handed_step = state.step
        self._wait()

    def due(self, step: int) -> bool:
        """Whether it is time to save between two validations, so that a kill loses little."""
        return self.handed_step != step and self._ranks.agree(time.monotonic() >= self._next)

    def has_news(self) -> bool:
        """Whether a state has become whole on the disk, or couldn't, and `news` hasn't told it yet."""
        return self._ranks.agree(self._writer.has_news)

    def news(self, step: int, wait: bool = False) -> Generator[e.AnyEvent, None, bool]:
        """Says which states have become whole on the disk; with `wait` until all have.

        While the disk is full, training waits here. Returns False when a stop was asked for before there was room.
        """
        settled = True
        if wait or self._ranks.agree(self._writer.failed):
            settled = yield from self._with_room(self._writer.finish, self.run.last_path, step)
        yield from self._told()
        if wait and settled:
            self.saved_step = self.handed_step  # on the ranks that don't write, too
        return settled

    def news_while_paused(self) -> Iterator[e.AnyEvent]:
        """The same without trying again what has failed: that is done when training goes on."""
        if not self._writer.failed:
            yield from self._told()

    def _told(self) -> Iterator[e.AnyEvent]:
        for saved in self._writer.written():
            self.saved_step = saved.step
            path = str(self.run.last_path)
            yield e.Checkpoint(step=saved.step, kind="last", path=path, accuracy=saved.accuracy)

    def not_saved(self, room: bool) -> str:
        """Why the newest state is not in `last`, and which is."""
        why = "its loss, gradients or weights are not finite" if room else "there is no room to save it"
        kept = f"step {self.saved_step}" if self.saved_step >= 0 else "the beginning"
        return f"not saved, since {why}; a resumed run goes on from {kept}"

    # ------------------------------------------------------------------------------------------- the one to go back to

    def keep_healthy(self, state: TrainingState) -> None:
        """Remembers the state as one to go back to, in memory and in every `last` from now on."""
        content = content_of(state, self._model, self._optimizer, self._average, self._ranks)
        self._healthy.keep(state.step, content)

    def go_back(self) -> TrainingState:
        """Puts the healthy state back. The best checkpoint stays, even one of a later step: nothing was found then."""
        content = self._healthy.copied()
        return put_back(content, self._model, self._optimizer, self._device, self._average, self._ranks)

    # ---------------------------------------------------------------------------------------------------------- writing

    def _with_room(self, write: Callable[[], None], path: Path, step: int) -> Generator[e.AnyEvent, None, bool]:
        def write_as_one() -> None:
            refused: OSError | None = None
            if self._ranks.first:
                try:
                    write()
                except OSError as error:
                    refused = error
            if self._ranks.agree(refused is not None):
                raise refused or OSError(errno.ENOSPC, "rank 0 has no room")

        requests = self._requests
        return until_there_is_room(write_as_one, path, step, requests.stop_waits, requests.take_all_but_stops)

    def _wait(self) -> None:
        self._next = time.monotonic() + self.preset.run.save_every_seconds
