"""Batches: a pure function of (seed, step), inside the utterances they are cut from, fixed for validation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.batches import TrainingBatches, ValidationBatches
from engine.corpus.frame_store import FrameStore
from engine.preset import Segments
from tests.made_corpora import random_frames

CPU = torch.device("cpu")
PACKED = random_frames(speakers=5, each=7, shortest=3, longest=40)
STORE = FrameStore(PACKED, CPU)
ALL = np.arange(len(PACKED.ids))


def frames_of(utterance: int) -> torch.Tensor:
    begin = PACKED.offsets[utterance]
    return torch.from_numpy(np.array(PACKED.frames[begin : begin + PACKED.lengths[utterance]], np.float32))


@given(st.integers(0, 10**6), st.integers(0, 10**9))
def test_a_batch_is_a_function_of_seed_and_step(seed: int, step: int) -> None:
    segments = Segments(frames=16, batch_size=8)
    fresh = TrainingBatches(STORE, ALL, segments, seed)
    used = TrainingBatches(STORE, ALL, segments, seed)
    used.at(step + 3)
    assert torch.equal(fresh.at(step).frames, used.at(step).frames)


def test_another_seed_or_step_gives_another_batch() -> None:
    segments = Segments(frames=16, batch_size=8)
    first = TrainingBatches(STORE, ALL, segments, 1)
    assert not torch.equal(first.at(0).frames, first.at(1).frames)
    assert not torch.equal(first.at(0).frames, TrainingBatches(STORE, ALL, segments, 2).at(0).frames)


@pytest.mark.parametrize("size", [4, 8, 35, 100])
def test_every_utterance_comes_once_an_epoch(size: int) -> None:
    batches = TrainingBatches(STORE, ALL, Segments(frames=4, batch_size=size), 0)
    seen = np.concatenate([batches.utterances_at(step) for step in range(-(-5 * len(ALL) // size))])
    for epoch in range(5):
        counts = Counter(seen[epoch * len(ALL) : (epoch + 1) * len(ALL)].tolist())
        assert set(counts.values()) == {1}
        assert len(counts) == len(ALL)


@given(st.integers(0, 10**6), st.sampled_from([1, 5, 16, 40, 90]))
def test_segments_are_cut_from_their_own_utterance_and_short_ones_repeat(step: int, time: int) -> None:
    batches = TrainingBatches(STORE, ALL, Segments(frames=time, batch_size=8), 3)
    batch, utterances = batches.at(step), batches.utterances_at(step)
    assert batch.mask is None
    assert batch.frames.shape == (8, time, 40)
    for frames, speaker, utterance in zip(batch.frames, batch.speakers, utterances, strict=True):
        source = frames_of(int(utterance))
        assert speaker == PACKED.speakers_of[utterance]
        wrapped = source.repeat(-(-time // len(source)) + 1, 1)
        starts = range(max(1, len(source) - time + 1))
        assert any(torch.equal(frames, wrapped[start : start + time]) for start in starts)


def test_padded_segments_are_masked_where_the_utterance_has_ended() -> None:
    batches = TrainingBatches(STORE, ALL, Segments(frames=30, batch_size=35, short="pad"), 3)
    batch, utterances = batches.at(0), batches.utterances_at(0)
    assert batch.mask is not None
    assert batch.mask.sum(1).tolist() == np.minimum(PACKED.lengths[utterances], 30).tolist()
    assert (batch.frames[~batch.mask] == 0).all()


def test_every_validation_sees_the_same_segments_and_each_utterance_whole() -> None:
    first, second = (ValidationBatches(STORE, PACKED, ALL, Segments(frames=16, batch_size=8), 0) for _ in range(2))
    for left, right in zip(first.segment_batches(), second.segment_batches(), strict=True):
        assert torch.equal(left.frames, right.frames)
    seen = 0
    for batch in first.utterance_batches(most_frames=90):
        assert batch.frames.shape[0] * batch.frames.shape[1] <= 90
        for row in range(len(batch.frames)):
            length = int(batch.mask[row].sum()) if batch.mask is not None else batch.frames.shape[1]
            assert torch.equal(batch.frames[row, :length], frames_of(int(first.utterances[seen])))
            seen += 1
    assert seen == len(ALL)


def test_one_utterance_longer_than_a_batch_may_be_goes_alone() -> None:
    batches = ValidationBatches(STORE, PACKED, ALL, Segments(frames=16, batch_size=8), 0)
    assert sum(len(batch.frames) for batch in batches.utterance_batches(most_frames=1)) == len(ALL)
