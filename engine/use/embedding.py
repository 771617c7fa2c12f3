"""Whole utterances through a model, many at a time: embeddings and logits, the same as one at a time, only sooner.

Utterances of about one length share a batch, padded and masked, so that no score depends on its company. Where frames
come from is the caller's business: a packed corpus, recordings (`recordings.py`), or whatever gives arrays of frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from engine.corpus.batches import LOOKED_AT_TOGETHER, ON_A_CPU
from engine.corpus.frame_store import Batch
from engine.corpus.normalising import normalised
from engine.corpus.packed import PackedCorpus
from engine.model_settings import OwnEncoder
from engine.models.layers import length_mask
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset, Segments
from engine.training.device import Resolved

SORTED_TOGETHER = 1 << 18
"""Frames that are looked through for utterances of one length: 20 MB of 40 mel bands, whatever the corpus has."""

Frames = NDArray[np.float16]  # (frames, mel) of one whole utterance
Indexes = NDArray[np.int64]


class Output(NamedTuple):
    """What a batch came to: places: (batch,), embeddings: (batch, width), logits: (batch, speakers), all float32.

    An embedding is what `SpeakerModel.embed` gives: the pooled vector, or with a cosine head what it compares. Places
    count the utterances in the order in which they were given; batches come in another.
    """

    places: Indexes
    embeddings: NDArray[np.float32]
    logits: NDArray[np.float32]


class Work(NamedTuple):
    """A batch that is yet to be gathered, and which utterances are in it."""

    places: Indexes
    gather: Callable[[], Batch]


class Forward:
    """A model where it computes, and how: in float32 and evaluation mode, on all cores of a CPU, or on a device."""

    def __init__(self, model: SpeakerModel, preset: Preset, device: Resolved) -> None:
        self.device = device.torch_device
        self.model = model.to(self.device).eval()
        self.segments = preset.segments
        on_cpu = self.device.type == "cpu"
        self.most_frames = ON_A_CPU if on_cpu else LOOKED_AT_TOGETHER
        # A batch on each core beats all cores on one batch: models are small. A user's own encoder may keep things in
        # itself while it computes, so there it is one batch after the other, as in training.
        self.threads = device.threads
        self.at_once = self.threads if on_cpu and not isinstance(preset.encoder, OwnEncoder) else 1

    def of_utterances(self, utterances: Iterable[Frames]) -> Iterator[Output]:
        """Outputs of whole utterances, each (frames, mel) float16 before normalisation; memory stays bounded.

        An utterance longer than a batch is a batch of its own.
        """
        for first, window in windows(utterances):
            yield from self.of_batches(self._by_length(first, window))

    def of_packed(self, packed: PackedCorpus, utterances: Indexes) -> Iterator[Output]:
        """Outputs of these utterances of a packed corpus; places count `utterances`."""
        spans = zip(packed.offsets[utterances].tolist(), packed.lengths[utterances].tolist(), strict=True)
        return self.of_utterances(np.asarray(packed.frames[begin : begin + length]) for begin, length in spans)

    def of_batches(self, works: Iterable[Work]) -> Iterator[Output]:
        """Outputs of batches in their order, some of them computed at once; few wait in memory."""
        waiting: deque[tuple[Indexes, Future[tuple[NDArray[np.float32], NDArray[np.float32]]]]] = deque()
        with _threads_of_torch(self.threads // self.at_once), ThreadPoolExecutor(self.at_once) as pool:
            try:
                for work in works:
                    waiting.append((work.places, pool.submit(self._compute, work.gather)))
                    if len(waiting) > 2 * self.at_once:
                        places, done = waiting.popleft()
                        yield Output(places, *done.result())
                for places, done in waiting:
                    yield Output(places, *done.result())
            finally:
                pool.shutdown(cancel_futures=True)

    @torch.inference_mode()
    def _compute(self, gather: Callable[[], Batch]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        frames, mask, _ = gather()
        pooled = self.model.pool(frames, mask)  # (batch, width)
        embeddings, logits = self.model.head.embed(pooled), self.model.head(pooled)
        return embeddings.float().cpu().numpy(), logits.float().cpu().numpy()

    def _by_length(self, first: int, window: Sequence[Frames]) -> Iterator[Work]:
        order = sorted(range(len(window)), key=lambda place: len(window[place]))
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and (end - begin + 1) * len(window[order[end]]) <= self.most_frames:
                end += 1
            batch = order[begin:end]
            gather = partial(pad, [window[place] for place in batch], self.segments, self.device)
            yield Work(first + np.array(batch, np.int64), gather)
            begin = end


def pad(utterances: Sequence[Frames], segments: Segments, device: torch.device) -> Batch:
    """Whole utterances, normalised, as one batch: frames (batch, time, mel) with zeros where the mask says False."""
    lengths = torch.tensor([len(frames) for frames in utterances])
    time = int(lengths.max())
    batch = torch.zeros(len(utterances), time, utterances[0].shape[1])
    for item, frames in zip(batch, utterances, strict=True):
        item[: len(frames)] = normalised(torch.from_numpy(np.array(frames)), segments)
    mask = None if bool((lengths == time).all()) else length_mask(lengths, time).to(device)
    return Batch(batch.to(device), mask, torch.empty(0))


def windows(utterances: Iterable[Frames]) -> Iterator[tuple[int, list[Frames]]]:
    """So many utterances at a time as are looked through together, each time with the place of the first."""
    first, window, frames = 0, list[Frames](), 0
    for utterance in utterances:
        window.append(utterance)
        frames += len(utterance)
        if frames >= SORTED_TOGETHER:
            yield first, window
            first, window, frames = first + len(window), [], 0
    if window:
        yield first, window


@contextmanager
def _threads_of_torch(number: int) -> Iterator[None]:
    """So many threads for each operation, and again as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
