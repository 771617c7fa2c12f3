"""Which utterances are held out, and which segment of each is looked at: pure functions of a seed and utterance ids.

Nothing is drawn from a generator, so a split depends neither on the order of files, nor on what was drawn before, nor
on numpy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Indexes = NDArray[np.int64]


class Split(NamedTuple):
    """Indexes of utterances, ascending; together every utterance once."""

    train: Indexes  # (training utterances,)
    validation: Indexes  # (validation utterances,)


def split(ids: Sequence[str], speakers_of: Indexes, share: float, seed: int) -> Split:
    """Holds out round(share * utterances) utterances, at least one, from each speaker in proportion.

    Each speaker's part is share * its utterances, rounded down; those with the largest remainders get one more until
    the total is exact (the method of Hamilton). Each keeps at least one utterance to train on. Within a speaker those
    with the smallest hashes of (seed, id) are held out, so another seed gives another split.

    speakers_of: (utterances,), the speaker of each. Needs 2 utterances of some speaker to hold out any.
    """
    order = np.array([_hash("split", seed, identifier) for identifier in ids], np.uint64)
    speakers, counts = np.unique(speakers_of, return_counts=True)
    exact = share * counts
    held_out = np.minimum(np.floor(exact).astype(np.int64), counts - 1)
    # Equal remainders are common (corpora with as many utterances each), so ties fall by hash and not by name.
    tie = np.zeros(len(speakers), np.uint64)
    place = np.searchsorted(speakers, speakers_of)
    np.maximum.at(tie, place, order)
    by_remainder = np.lexsort((tie, held_out - exact))
    wanted = max(1, round(share * len(ids)))
    missing = min(wanted, int((counts - 1).sum())) - int(held_out.sum())
    while missing > 0:
        for speaker in by_remainder:
            if missing > 0 and held_out[speaker] < counts[speaker] - 1:
                held_out[speaker] += 1
                missing -= 1
    by_speaker_and_hash = np.lexsort((order, place))
    rank = np.arange(len(ids)) - np.repeat(np.cumsum(counts) - counts, counts)  # within the speaker, in that order
    is_held_out = rank < held_out[place[by_speaker_and_hash]]
    return Split(
        train=np.sort(by_speaker_and_hash[~is_held_out]).astype(np.int64),
        validation=np.sort(by_speaker_and_hash[is_held_out]).astype(np.int64),
    )


def validation_starts(ids: Sequence[str], lengths: Indexes, frames: int, seed: int) -> Indexes:
    """The first frame of each utterance's fixed validation segment: (utterances,).

    A function of seed, id and the utterance's own length, in frames: the segment lies inside the utterance, and begins
    at 0 when the utterance is no longer than a segment.
    """
    room = np.maximum(np.asarray(lengths, np.int64) - frames, 0) + 1  # places at which a segment can begin
    hashes = np.array([_hash("segment", seed, identifier) for identifier in ids], np.uint64)
    return (hashes % room.astype(np.uint64)).astype(np.int64)


def _hash(purpose: str, seed: int, identifier: str) -> int:
    """64 bits that look random and are the same on every machine."""
    digest = hashlib.blake2b(f"{purpose}\0{seed}\0{identifier}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
