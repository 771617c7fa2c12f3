"""Training batches and validation batches as gathers from packed frames, on the training device.

Which segments a step sees is a pure function of (seed, step): every device, every number of ranks and every resumed
run draw the same, and no loader has a state to save.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.corpus.augment import hide, lengths_of
from engine.corpus.frame_store import Batch, FrameStore
from engine.corpus.packed import PackedCorpus
from engine.corpus.splits import validation_starts
from engine.preset import Augment, Segments

# What random numbers are for: each purpose has a stream of its own, so that none disturbs another.
ORDER_STREAM, START_STREAM, LENGTH_STREAM, VERSION_STREAM, MASK_STREAM = 1, 2, 3, 4, 5


LOOKED_AT_TOGETHER, ON_A_CPU = 16_384, 4_096
"""Frames of a validation batch, with padding. On a CPU the larger one leaves its caches, which takes a tenth longer."""


class TrainingBatches:
    """Random segments of the training utterances: each utterance once an epoch, in an order of its own."""

    def __init__(
        self,
        store: FrameStore,
        utterances: NDArray[np.int64],
        segments: Segments,
        seed: int,
        augment: Augment | None = None,
        share: slice | None = None,
    ) -> None:
        """share: which items of every batch are gathered (default: all); what is random is drawn for all of them."""
        self.store = store
        self.utterances = utterances
        self.segments = segments
        self.augment = augment or Augment()
        self.seed = seed
        self.share = share or slice(None)
        self._lengths = lengths_of(segments)
        self._order: tuple[int, NDArray[np.int64]] = (-1, utterances)
        self._left_out: list[int] = []

    def leave_out(self, utterances: list[int]) -> None:
        """Takes these out of all batches from now on; others of a batch stand in for them."""
        self._left_out = utterances

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from zero; of the share, if there is one."""
        rows, time = self.rows_at(step), self.frames_at(step)
        lengths = self.store.lengths[rows]
        room = np.maximum(lengths - time, 0)  # the last start at which a segment is whole
        wrap = self.segments.short == "repeat"
        starts = (_random(self.seed, START_STREAM, step).random(len(rows)) * (room + 1)).astype(np.int64)
        batch = self.store.gather(rows[self.share], starts[self.share], time, wrap)
        if not (self.augment.time_masks or self.augment.frequency_masks):
            return batch
        real = np.full(len(rows), time) if wrap else np.minimum(lengths, time)
        random = _random(self.seed, MASK_STREAM, step)
        frames = hide(batch.frames, batch.mask, real, self.augment, self.segments, random, self.share)
        return batch._replace(frames=frames)

    def frames_at(self, step: int) -> int:
        """The length of a step's segments."""
        if len(self._lengths) == 1:
            return int(self._lengths[0])
        return int(_random(self.seed, LENGTH_STREAM, step).choice(self._lengths))

    def rows_at(self, step: int) -> NDArray[np.int64]:
        """The rows of the store that a step's batch is cut from: of each utterance any of its versions."""
        utterances = self.utterances_at(step)
        versions = self.store.versions  # (1 + copies, utterances)
        if len(versions) == 1:
            return utterances
        return versions[
            _random(self.seed, VERSION_STREAM, step).integers(len(versions), size=len(utterances)), utterances
        ]

    def utterances_at(self, step: int) -> NDArray[np.int64]:
        """The utterances of a step's batch: a stretch of one epoch's order, or of several where it crosses an end."""
        size, epoch_length = self.segments.batch_size, len(self.utterances)
        begin, parts = step * size, []
        end = begin + size
        while begin < end:
            epoch, place = divmod(begin, epoch_length)
            parts.append(self._order_of(epoch)[place : place + end - begin])
            begin += len(parts[-1])
        return self._without_left_out(np.concatenate(parts))

    def _without_left_out(self, batch: NDArray[np.int64]) -> NDArray[np.int64]:
        out = np.isin(batch, self._left_out)
        return np.where(out, np.resize(batch[~out], len(batch)), batch) if 0 < out.sum() < len(batch) else batch

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        if self._order[0] != epoch:
            self._order = (epoch, _random(self.seed, ORDER_STREAM, epoch).permutation(self.utterances))
        return self._order[1]


class ValidationBatches:
    """What every validation looks at: one fixed segment of each held-out utterance, and the whole of it."""

    def __init__(
        self, store: FrameStore, packed: PackedCorpus, utterances: NDArray[np.int64], segments: Segments, seed: int
    ) -> None:
        self.store = store
        self.segments = segments
        self.utterances = utterances[np.argsort(store.lengths[utterances], kind="stable")]
        ids = [packed.ids[index] for index in self.utterances]
        self.starts = validation_starts(ids, store.lengths[self.utterances], segments.frames, seed)
        self.most_frames = ON_A_CPU if store.device.type == "cpu" else LOOKED_AT_TOGETHER

    def segment_batches(self) -> Iterator[Batch]:
        """The fixed segments."""
        return map(self.segments_at, self.segment_places())

    def utterance_batches(self, most_frames: int = 0) -> Iterator[Batch]:
        """Whole utterances, those of about one length together; most_frames as in `utterance_places`."""
        return map(self.utterances_at, self.utterance_places(most_frames))

    def segment_places(self, size: int = 0) -> list[slice]:
        """Which utterances make up each batch of segments; size 0 leaves their number to the device."""
        size = size or max(1, self.most_frames // self.segments.frames)
        return [slice(begin, begin + size) for begin in range(0, len(self.utterances), size)]

    def utterance_places(self, most_frames: int = 0) -> list[slice]:
        """Which utterances make up each batch of whole ones: at most so many frames with padding, 0: as the device has.

        An utterance that is longer is a batch of its own.
        """
        most_frames = most_frames or self.most_frames
        lengths = self.store.lengths[self.utterances]
        places = []
        begin = 0
        while begin < len(self.utterances):
            end = begin + 1
            while end < len(self.utterances) and (end - begin + 1) * lengths[end] <= most_frames:
                end += 1
            places.append(slice(begin, end))
            begin = end
        return places

    def segments_at(self, place: slice) -> Batch:
        """The fixed segments of these utterances."""
        wrap = self.segments.short == "repeat"
        return self.store.gather(self.utterances[place], self.starts[place], self.segments.frames, wrap)

    def utterances_at(self, place: slice) -> Batch:
        """These utterances as a whole; they are ordered by their length."""
        rows = self.utterances[place]
        return self.store.gather(rows, np.zeros(len(rows), np.int64), int(self.store.lengths[rows[-1]]), wrap=False)


def _random(seed: int, stream: int, place: int) -> np.random.Generator:
    """Random numbers that are a function of the seed, what they are for, and the step or epoch."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, place, stream]))
