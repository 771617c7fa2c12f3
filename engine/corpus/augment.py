"""Augmentation on features: the length of a batch's segments, and stretches of time and of mel bands that are hidden.

Everything is drawn on the host from the generator that is given, and applied on the training device. Only training
batches (`batches.py`) come through here. What is done to waveforms says `waveforms.py`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.preset import Augment, Segments

Indexes = NDArray[np.int64]

MOST_LENGTHS = 8
"""Segments come in few lengths, so that whatever is prepared for one length (a captured graph) is used again."""


def lengths_of(segments: Segments) -> Indexes:
    """The lengths that a training batch can have, ascending: at most 8, evenly spaced, in frames."""
    if segments.shortest == 0:
        return np.array([segments.frames])
    return np.unique(np.linspace(segments.shortest, segments.frames, MOST_LENGTHS).round().astype(np.int64))


def hide(
    frames: Tensor,
    mask: Tensor | None,
    real: Indexes,
    augment: Augment,
    segments: Segments,
    random: np.random.Generator,
    share: slice = slice(None),
) -> Tensor:
    """SpecAugment's masks (Park et al., 2019): frames (batch, time, mel) with stretches of time and bands hidden.

    mask: (batch, time) or None; real: (whole batch,), the frames of each item that aren't padding, which alone are
    hidden; share: which items of the whole batch these are. Stretches are drawn for all of it.
    Each width is drawn evenly from 0 to the greatest, then the place. What is hidden becomes the mean: that is zero
    where frames are normalised, as in the paper, and else the mean of the segment over frames and bands. (The mean of
    each band by itself would leave a hidden band its level, by which a speaker's long-term spectrum could be told; and
    zero is louder than most log-mel energies.)
    """
    _, time, mel = frames.shape
    in_time = draw_stretches(augment.time_masks, augment.time_mask_frames, real, random)
    in_bands = draw_stretches(augment.frequency_masks, augment.frequency_mask_bands, np.full(len(real), mel), random)
    together = np.concatenate([in_time, in_bands], axis=2)[:, share]
    stretches = torch.from_numpy(together).to(frames.device)  # one transfer
    hidden_times = _inside(stretches[:, :, : augment.time_masks], time)  # (batch, time)
    hidden_bands = _inside(stretches[:, :, augment.time_masks :], mel)  # (batch, mel)
    hidden = hidden_times[:, :, None] | hidden_bands[:, None, :]
    if mask is not None:
        hidden &= mask[:, :, None]
    if segments.normalise != "none":
        return frames.masked_fill(hidden, 0.0)
    if mask is None:
        mean = frames.mean(dim=(1, 2))
    else:
        mean = frames.sum(dim=(1, 2)) / (mask.sum(dim=1) * mel)  # padding is zero
    return torch.where(hidden, mean[:, None, None], frames)


def draw_stretches(number: int, widest: int, room: Indexes, random: np.random.Generator) -> Indexes:
    """Begins and ends of `number` stretches in each item: (2, batch, number), with 0 <= begin <= end <= room.

    room: (batch,), in frames or bands.
    """
    width_share, place_share = random.random((2, len(room), number))
    widths = (width_share * (np.minimum(widest, room) + 1)[:, None]).astype(np.int64)
    begins = (place_share * (room[:, None] - widths + 1)).astype(np.int64)
    return np.stack([begins, begins + widths])


def _inside(stretches: Tensor, size: int) -> Tensor:
    """stretches: (2, batch, number) -> (batch, size), True inside any of them."""
    places = torch.arange(size, device=stretches.device)
    begins, ends = stretches[:, :, :, None]
    inside: Tensor = ((places >= begins) & (places < ends)).any(dim=1)
    return inside
