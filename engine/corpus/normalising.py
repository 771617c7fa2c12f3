"""Mean normalisation of log-mel frames: per band, the mean of the utterance or of the frames around is subtracted.

A constant channel (a microphone, a telephone line) adds a constant to each log-mel band, and this takes it out again.
It is part of a model's input, so training, validation and later use all go through here.

Sums are taken in whole numbers: a float16 is a multiple of 2**-24, so an int64 adds 2**23 of them exactly. Exact sums
don't depend on the order of summation, on the device, or on where a segment begins, and so the frames of a segment are
bit for bit those of the normalised whole utterance.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.preset import Segments

Indexes = NDArray[np.int64]

UNITS = 2.0**24  # of the smallest float16 above zero in 1.0
BLOCK = 1 << 16  # frames summed at a time


def normalised(frames: Tensor, segments: Segments) -> Tensor:
    """One whole utterance as a model takes it: (frames, mel) float16 to float32. Batches hold exactly these values."""
    if segments.normalise == "utterance":
        return frames.float() - utterance_mean(frames)
    if segments.normalise == "running":
        places = np.arange(len(frames))[None]  # (1, frames)
        begins, ends = window_around(places, np.array([[len(frames)]]), segments.normalise_frames)
        return without_running_mean(frames.float()[None], places, begins, ends)[0]
    return frames.float()


def utterance_mean(frames: Tensor) -> Tensor:
    """The mean of all frames: (frames, mel) to (mel,) float32."""
    total = torch.zeros(frames.shape[1], dtype=torch.int64, device=frames.device)
    for begin in range(0, len(frames), BLOCK):
        total += _whole_numbers(frames[begin : begin + BLOCK].float()).sum(dim=0)
    return total.to(torch.float32) / (len(frames) * UNITS)


def window_around(places: Indexes, lengths: Indexes, size: int) -> tuple[Indexes, Indexes]:
    """The frames whose mean is subtracted from each frame, [begin, end): two arrays shaped like `places`.

    places: (batch, time), places inside utterances of `lengths` (batch, 1) frames. A window is centred on its frame,
    moved inwards at both ends of the utterance, and the whole utterance where that is no longer than the window, as in
    Kaldi's apply-cmvn-sliding --center=true.
    """
    begins = np.clip(places - size // 2, 0, np.maximum(lengths - size, 0))
    return begins, np.minimum(begins + size, lengths)


def without_running_mean(context: Tensor, places: Indexes, begins: Indexes, ends: Indexes) -> Tensor:
    """Frames of a context with the means of their windows subtracted: (batch, time, mel) float32.

    context: (batch, width, mel) float32 that holds float16 values; places, begins, ends: (batch, time), inside it.
    """
    batch, width, mel = context.shape
    sums = torch.empty(batch, width + 1, mel, dtype=torch.int64, device=context.device)
    sums[:, 0] = 0
    torch.cumsum(_whole_numbers(context), dim=1, out=sums[:, 1:])  # row p: the sum of the p frames before place p
    of_item = np.arange(batch)[:, None]
    rows = np.stack([of_item * width + places, of_item * (width + 1) + begins, of_item * (width + 1) + ends])
    frames, first, last = torch.from_numpy(rows.reshape(3, -1)).to(context.device)  # (batch * time,) each
    counts = torch.from_numpy((ends - begins).astype(np.float32).reshape(-1, 1)).to(context.device)
    flat = sums.view(-1, mel)
    totals = flat.index_select(0, last) - flat.index_select(0, first)  # (batch * time, mel)
    means = totals.to(torch.float32) / (counts * UNITS)
    return (context.view(-1, mel).index_select(0, frames) - means).view(batch, -1, mel)


def _whole_numbers(frames: Tensor) -> Tensor:
    """float32 that holds float16 values to int64, in units of 2**-24: both steps are exact."""
    return (frames * UNITS).to(torch.int64)
