"""What the doctor is fed with: the trainer's steps in windows of fixed length, looks at the units, and validations.

It knows the model and the data and fetches figures from the device; what they mean is left to `divergence.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
import torch
from msgspec import structs
from numpy.typing import NDArray
from torch import Tensor

from engine.corpus.batches import TrainingBatches, ValidationBatches
from engine.corpus.frame_store import Batch
from engine.corpus.packed import PackedCorpus
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.runs.events import Validated
from engine.training.distributed import ALONE, Ranks
from engine.training.divergence import NOT_FINITE, Doctor, Facts, Memory
from engine.training.findings import Finding, Wording
from engine.training.measures import Units, all_finite, look_at_units
from engine.training.windows import Sums, Window

Utterances = NDArray[np.int64]


class Watch:
    """Follows one run: told of steps and validations, it answers with the doctor's findings."""

    def __init__(
        self,
        preset: Preset,
        model: SpeakerModel,
        packed: PackedCorpus,
        train: TrainingBatches,
        validation: ValidationBatches,
        classes: int,
        precision: str,
        ranks: Ranks = ALONE,
    ) -> None:
        """classes: speakers, and speakers at another speed where they are further ones.

        ranks: those that train together; each watches, and all of them find the same.
        """
        self._model, self._packed, self._train, self._validation = model, packed, train, validation
        self._precision, self._ranks = precision, ranks
        self._look_every = preset.divergence.look_every
        self._window = Window(train.store.device, ranks)
        often = np.bincount(packed.speakers_of[train.utterances]).max() / len(train.utterances)
        facts = Facts(
            speakers=classes,
            chance=float(often) * len(packed.speakers) / classes,
            warmup=preset.warmup_steps,
            steps=preset.run.steps,
            batch_size=preset.segments.batch_size,
            look_every=self._look_every,
        )
        self.doctor = Doctor(facts, Wording(preset))

    def add(self, loss: Tensor, plain: Tensor, right: Tensor, norm: Tensor) -> None:
        """Takes in one step without waiting for it; plain: the loss without a margin."""
        self._window.add(loss, plain, right, norm)

    def look(self, step: int) -> list[Finding]:
        """What a window comes to, if one ends after so many steps."""
        if step % self._look_every:
            return []
        sums = self._window.read()
        self._window.restart()
        if sums.finite < sums.steps:
            return self._not_finite(step, sums)
        return self.doctor.judge_window(step, sums, self._units(step))

    def _units(self, step: int) -> Units | None:
        """A look at the units with the newest batch, of which rank 0's part stands for all."""
        first = self._ranks.first
        own = look_at_units(self._model, self._train.at(step - 1), self._precision) if first else None
        return msgspec.msgpack.decode(self._ranks.words(msgspec.msgpack.encode(own)), type=Units | None)

    def look_early(self, step: int) -> list[Finding]:
        """Whether all steps of the window so far were finite: told before its end where something follows from it."""
        sums = self._window.read()
        return [] if sums.finite == sums.steps else self._not_finite(step, sums)

    def _not_finite(self, step: int, sums: Sums) -> list[Finding]:
        blamed = self._without_numbers(self._batches_of(range(step - sums.steps, step)))
        return self.doctor.news([self.doctor.wording.not_finite(sums, step, blamed)], frozenset(), step)

    def hear(self, scores: Validated) -> list[Finding]:
        """What a validation tells."""
        if not math.isfinite(scores.loss):
            if "loss or gradient not finite" in self.doctor.memory.standing:
                return []  # said already, with the cause
            held_out = self._validation
            places = held_out.segment_places()
            blamed = self._without_numbers((held_out.utterances[one], held_out.segments_at(one)) for one in places)
            finding = self.doctor.wording.validation_not_finite(scores.loss, blamed)
            return self.doctor.news([finding], frozenset(), scores.step)
        return self.doctor.judge_validation(scores.step, scores.loss, scores.segment_accuracy, scores.utterances)

    def poisoned(self) -> bool:
        """Whether something is not a finite number now, so that the state must not be kept."""
        sums = self._window.read()
        stands = not NOT_FINITE.isdisjoint(self.doctor.memory.standing)
        return stands or sums.finite < sums.steps or not all_finite(self._model)

    def sound(self) -> bool:
        """Whether the state now is one to go back to."""
        return self.doctor.sound and not self.poisoned()

    def memory(self) -> Memory:
        """All that is remembered, the unfinished window with it."""
        return structs.replace(self.doctor.memory, unfinished=self._window.read())

    def restore(self, memory: Memory) -> None:
        """Goes back to what was remembered then."""
        self.doctor.memory = memory
        self._window.restart(memory.unfinished)
        self._train.leave_out(memory.left_out)

    def _batches_of(self, steps: Iterable[int]) -> Iterator[tuple[Utterances, Batch]]:
        for step in steps:
            yield self._train.utterances_at(step)[self._train.share], self._train.at(step)

    def _without_numbers(self, batches: Iterable[tuple[Utterances, Batch]]) -> list[tuple[int, str]]:
        """The utterances some of whose frames are not finite, and their names, in the order of the corpus."""
        found = torch.zeros(len(self._packed.ids), device=self._train.store.device)
        for utterances, batch in batches:
            finite = torch.isfinite(batch.frames).flatten(1).all(dim=1).cpu().numpy()  # (batch,)
            found[torch.from_numpy(utterances[~finite])] = 1
        self._ranks.add(found)  # each rank has looked at its own part of the batches
        return [(utterance, self._packed.ids[utterance]) for utterance in found.nonzero().flatten().tolist()]
