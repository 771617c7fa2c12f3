"""Where frames lie while training, and how segments are gathered from them: of a corpus and of its changed copies.

The store knows places only. Which segments a step sees says `batches.py`; what is subtracted from them says
`normalising.py`; how the copies came about says `copies.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.corpus.copies import Copy
from engine.corpus.normalising import utterance_mean, window_around, without_running_mean
from engine.corpus.packed import PackedCorpus
from engine.models.layers import length_mask
from engine.preset import Segments

DEVICE_MEMORY_SHARE = 0.6

Indexes = NDArray[np.int64]


class Batch(NamedTuple):
    """frames: (batch, time, mel) float32; mask: (batch, time) or None when all are real; speakers: (batch,)."""

    frames: Tensor
    mask: Tensor | None
    speakers: Tensor


class FrameStore:
    """All frames of a corpus and of its copies as float16, on the training device when they fit there.

    A row is one version of one utterance: the corpus's own come first, in its order, so that the row of an utterance is
    its index; those of the copies follow. Without copies, or where all frames live on an accelerator, a batch is one
    gather from one tensor; memory maps of several corpora stay apart, so that nothing is copied into memory.
    """

    def __init__(
        self,
        packed: PackedCorpus,
        device: torch.device,
        segments: Segments | None = None,
        copies: Sequence[Copy] = (),
    ) -> None:
        """segments: how frames are normalised (default: not at all)."""
        self.device = device
        self.segments = segments or Segments()
        packs = [packed, *(copy.packed for copy in copies)]
        self.lengths: Indexes = np.concatenate([pack.lengths for pack in packs])  # (rows,)
        self.versions, speakers = _versions(packed, copies)  # (1 + copies, utterances), (rows,)
        self.speakers = torch.from_numpy(speakers).to(device)
        self._sources, self._source_of, self._offsets = _place(packs, device)
        self._means = self._utterance_means() if self.segments.normalise == "utterance" else None  # (rows, mel)

    def gather(self, rows: Indexes, starts: Indexes, time: int, wrap: bool) -> Batch:
        """Segments of `time` frames; one that runs over its utterance's end wraps around, or is padded and masked.

        rows, starts: (batch,).
        """
        remaining = self.lengths[rows] - starts
        row, begin, length = self._to_device(rows, starts, self.lengths[rows])  # (batch,) each
        within = begin[:, None] + torch.arange(time, device=self.device)  # (batch, time): places inside the utterance
        places = within % length[:, None] if wrap else torch.minimum(within, length[:, None] - 1)
        frames = self._normalised(rows, row, places)
        speakers = self.speakers[row]
        if wrap or bool((remaining >= time).all()):
            return Batch(frames, None, speakers)
        mask = length_mask(length - begin, time)
        return Batch(frames * mask[:, :, None], mask, speakers)

    def _to_device(self, *numbers: Indexes) -> Tensor:
        """Whole numbers of the items of a batch, in one copy: (kinds, batch)."""
        return torch.from_numpy(np.stack(numbers)).to(self.device)

    def _normalised(self, rows: Indexes, row: Tensor, places: Tensor) -> Tensor:
        """rows, row: (batch,), here and on the device; places: (batch, time) -> (batch, time, mel) less their means."""
        if self.segments.normalise == "running":
            return self._without_running_mean(rows, places.cpu().numpy())
        frames = self._take(rows, places)
        return frames if self._means is None else frames - self._means[row][:, None, :]

    def _without_running_mean(self, rows: Indexes, places: Indexes) -> Tensor:
        """rows: (batch,), places: (batch, time) -> (batch, time, mel)."""
        lengths = self.lengths[rows][:, None]
        begins, ends = window_around(places, lengths, self.segments.normalise_frames)
        first = begins.min(axis=1, keepdims=True)
        width = int((ends.max(axis=1, keepdims=True) - first).max())
        around = np.minimum(first + np.arange(width)[None, :], lengths - 1)
        context = self._take(rows, torch.from_numpy(around).to(self.device))
        return without_running_mean(context, places - first, begins - first, ends - first)

    def _take(self, rows: Indexes, places: Tensor) -> Tensor:
        """The frames at places (batch, time) of the utterances, on the training device: (batch, time, mel) float32.

        Where they lie is reckoned where they lie: only a few numbers of each item travel to an accelerator.
        """
        batch, time = places.shape
        kept = self._sources[0].device
        offsets = torch.from_numpy(self._offsets[rows]).to(kept)
        index = places.to(kept) + offsets[:, None]
        if len(self._sources) == 1:
            frames = self._sources[0].index_select(0, index.view(-1)).view(batch, time, -1)
        else:
            frames = torch.empty(batch, time, self._sources[0].shape[1], dtype=torch.float16)
            source_of = self._source_of[rows]
            for number in np.unique(source_of):
                items = torch.from_numpy(np.flatnonzero(source_of == number))
                taken = self._sources[number].index_select(0, index[items].view(-1))
                frames[items] = taken.view(len(items), time, -1)
        return frames.to(self.device, torch.float32)

    def _utterance_means(self) -> Tensor:
        means = torch.empty(len(self.lengths), self._sources[0].shape[1], device=self.device)
        spans = zip(self._source_of.tolist(), self._offsets.tolist(), self.lengths.tolist(), strict=True)
        for row, (source, begin, length) in enumerate(spans):
            means[row] = utterance_mean(self._sources[source][begin : begin + length])
        return means


def _versions(packed: PackedCorpus, copies: Sequence[Copy]) -> tuple[Indexes, Indexes]:
    """The row of each version of each utterance, (1 + copies, utterances), and the class of each row, (rows,).

    Where a copy lacks an utterance, its row is that of the corpus itself.
    """
    index_of = {identifier: index for index, identifier in enumerate(packed.ids)}
    own = np.arange(len(packed.ids))
    versions, speakers = np.tile(own, (1 + len(copies), 1)), [packed.speakers_of]
    rows = len(own)
    for number, copy in enumerate(copies, start=1):
        utterances = np.array([index_of[identifier] for identifier in copy.packed.ids], np.int64)
        versions[number, utterances] = rows + np.arange(len(utterances))
        speakers.append(packed.speakers_of[utterances] + copy.speakers_as * len(packed.speakers))
        rows += len(utterances)
    return versions, np.concatenate(speakers)


def _place(packs: Sequence[PackedCorpus], device: torch.device) -> tuple[list[Tensor], Indexes, Indexes]:
    """Tensors (frames, mel) to gather from, and of each row which of them it lies in, and where it begins there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the memory maps are read-only, and nothing here writes to them
        sources = [torch.from_numpy(pack.frames) for pack in packs]
    source_of = np.repeat(np.arange(len(packs)), [len(pack.ids) for pack in packs])
    offsets = np.concatenate([pack.offsets for pack in packs])
    if device.type == "cpu" or not _fit(sources, device):
        return sources, source_of, offsets
    begins = np.cumsum([0, *map(len, sources)])[:-1]
    together = torch.empty(sum(map(len, sources)), sources[0].shape[1], dtype=torch.float16, device=device)
    for begin, source in zip(begins.tolist(), sources, strict=True):
        together[begin : begin + len(source)].copy_(source)
    return [together], np.zeros_like(source_of), offsets + begins[source_of]


def _fit(sources: Sequence[Tensor], device: torch.device) -> bool:
    """Whether all frames may live on the device and leave room to train."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return sum(source.numel() * source.element_size() for source in sources) < DEVICE_MEMORY_SHARE * free
