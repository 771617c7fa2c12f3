"""Training batches and validation batches as gathers from packed frames, on the training device.

Which segments a step sees is a pure function of (seed, step): every device, every number of ranks and every resumed
run draw the same, and no loader has a state to save.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.corpus.packed import PackedCorpus
from engine.corpus.splits import validation_starts
from engine.models.layers import length_mask
from engine.preset import Segments

ORDER_STREAM, START_STREAM = 1, 2
DEVICE_MEMORY_SHARE = 0.6


class Batch(NamedTuple):
    """frames: (batch, time, mel) float32; mask: (batch, time) or None when all are real; speakers: (batch,)."""

    frames: Tensor
    mask: Tensor | None
    speakers: Tensor


class FrameStore:
    """All frames of a corpus as one float16 tensor, on the training device when they fit there."""

    def __init__(self, packed: PackedCorpus, device: torch.device) -> None:
        self.device = device
        self.offsets = packed.offsets
        self.lengths = packed.lengths
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the memory map is read-only, and nothing here writes to it
            frames = torch.from_numpy(packed.frames)  # (frames in all, mel)
        self.frames = frames.to(device) if _fits(frames, device) else frames
        self.speakers = torch.from_numpy(np.ascontiguousarray(packed.speakers_of)).to(device)

    def gather(self, utterances: NDArray[np.int64], starts: NDArray[np.int64], time: int, wrap: bool) -> Batch:
        """Segments of `time` frames; one that runs over its utterance's end wraps around, or is padded and masked.

        utterances, starts: (batch,).
        """
        lengths = self.lengths[utterances][:, None]
        within = starts[:, None] + np.arange(time)[None, :]  # (batch, time): places inside the utterance
        inside = within % lengths if wrap else np.minimum(within, lengths - 1)
        index = torch.from_numpy((self.offsets[utterances][:, None] + inside).ravel()).to(self.frames.device)
        frames = self.frames.index_select(0, index).view(len(utterances), time, -1)
        frames = frames.to(self.device, torch.float32, non_blocking=True)
        speakers = self.speakers[torch.from_numpy(utterances).to(self.device)]
        remaining = lengths[:, 0] - starts
        if wrap or bool((remaining >= time).all()):
            return Batch(frames, None, speakers)
        mask = length_mask(torch.from_numpy(remaining).to(self.device), time)
        return Batch(frames * mask[:, :, None], mask, speakers)


class TrainingBatches:
    """Random segments of the training utterances: each utterance once an epoch, in an order of its own."""

    def __init__(self, store: FrameStore, utterances: NDArray[np.int64], segments: Segments, seed: int) -> None:
        self.store = store
        self.utterances = utterances
        self.segments = segments
        self.seed = seed
        self._order: tuple[int, NDArray[np.int64]] = (-1, utterances)

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from zero."""
        utterances = self.utterances_at(step)
        time = self.segments.frames
        room = np.maximum(self.store.lengths[utterances] - time, 0)  # the last start at which a segment is whole
        wrap = self.segments.short == "repeat"
        starts = (_random(self.seed, START_STREAM, step).random(len(utterances)) * (room + 1)).astype(np.int64)
        return self.store.gather(utterances, starts, time, wrap)

    def utterances_at(self, step: int) -> NDArray[np.int64]:
        """The utterances of a step's batch: a stretch of one epoch's order, or of several where it crosses an end."""
        size, epoch_length = self.segments.batch_size, len(self.utterances)
        begin, parts = step * size, []
        end = begin + size
        while begin < end:
            epoch, place = divmod(begin, epoch_length)
            parts.append(self._order_of(epoch)[place : place + end - begin])
            begin += len(parts[-1])
        return np.concatenate(parts)

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

    def segment_batches(self, size: int = 128) -> Iterator[Batch]:
        """The fixed segments."""
        for begin in range(0, len(self.utterances), size):
            chosen = slice(begin, begin + size)
            yield self.store.gather(
                self.utterances[chosen], self.starts[chosen], self.segments.frames, self.segments.short == "repeat"
            )

    def utterance_batches(self, most_frames: int = 16_384) -> Iterator[Batch]:
        """Whole utterances, those of about one length together, at most so many frames with padding a batch."""
        lengths = self.store.lengths[self.utterances]
        begin = 0
        while begin < len(self.utterances):
            end = begin + 1
            while end < len(self.utterances) and (end - begin + 1) * lengths[end] <= most_frames:
                end += 1
            batch = self.utterances[begin:end]
            yield self.store.gather(batch, np.zeros(len(batch), np.int64), int(lengths[end - 1]), wrap=False)
            begin = end


def _random(seed: int, stream: int, place: int) -> np.random.Generator:
    """Random numbers that are a function of the seed, what they are for, and the step or epoch."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, place, stream]))


def _fits(frames: Tensor, device: torch.device) -> bool:
    """Whether all frames may live on the device and leave room to train."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return frames.numel() * frames.element_size() < DEVICE_MEMORY_SHARE * free
