"""What ranks share without any process: rows, random streams, places of a validation, and where torchrun put them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.batches import TrainingBatches, ValidationBatches
from engine.corpus.frame_store import FrameStore
from engine.errors import InputError
from engine.preset import Augment, Segments
from engine.training.device import Resolved
from engine.training.distributed import ALONE, Place, Ranks
from tests.made_corpora import random_frames

PACKED = random_frames(speakers=4, each=8)
ALL = np.arange(len(PACKED.ids))
MASKS = Augment(time_masks=2, time_mask_frames=5, frequency_masks=1)
RANKS = st.integers(1, 9)


@given(rows=st.integers(1, 100), size=RANKS)
def test_every_row_is_one_ranks_and_shares_differ_by_one_at_most(rows: int, size: int) -> None:
    shares = [Ranks(rank, size).share_of(rows) for rank in range(size)]
    assert [row for share in shares for row in range(rows)[share]] == list(range(rows))
    numbers = [len(range(rows)[share]) for share in shares]
    assert max(numbers) - min(numbers) <= 1
    assert range(rows)[ALONE.share_of(rows)] == range(rows)


@settings(max_examples=25, deadline=None)
@given(size=RANKS, step=st.integers(0, 50), short=st.sampled_from(["repeat", "pad"]), batch=st.integers(9, 12))
def test_the_batches_of_all_ranks_are_the_batch_of_one(size: int, step: int, short: str, batch: int) -> None:
    segments = Segments(frames=40, batch_size=batch, short=short, shortest=20)
    store = FrameStore(PACKED, torch.device("cpu"), segments)
    whole = TrainingBatches(store, ALL, segments, 3, MASKS).at(step)
    shares = [Ranks(rank, size).share_of(batch) for rank in range(size)]
    parts = [TrainingBatches(store, ALL, segments, 3, MASKS, share).at(step) for share in shares]
    assert torch.equal(torch.cat([part.frames for part in parts]), whole.frames)
    assert torch.equal(torch.cat([part.speakers for part in parts]), whole.speakers)
    for part, share in zip(parts, shares, strict=True):
        mask = torch.ones(part.frames.shape[:2], dtype=torch.bool) if whole.mask is None else whole.mask[share]
        assert mask.all() if part.mask is None else torch.equal(part.mask, mask)


def test_the_places_of_a_validation_hold_every_utterance_once() -> None:
    store = FrameStore(PACKED, torch.device("cpu"))
    batches = ValidationBatches(store, PACKED, ALL, Segments(frames=16), 0)
    for places in (batches.segment_places(size=5), batches.utterance_places(most_frames=200)):
        assert len(places) > 4
        assert sorted(index for place in places for index in batches.utterances[place]) == ALL.tolist()


def test_each_rank_draws_from_a_stream_of_its_own_and_again_the_same() -> None:
    drawn = []
    for rank, size, seed, step in [(0, 2, 0, 0), (1, 2, 0, 0), (0, 3, 0, 0), (0, 2, 1, 0), (0, 2, 0, 1)]:
        Ranks(rank, size).seed(seed, step)
        drawn.append(torch.rand(4))
        Ranks(rank, size).seed(seed, step)
        assert torch.equal(torch.rand(4), drawn[-1])
    assert len({tuple(one.tolist()) for one in drawn}) == len(drawn)


def test_threads_are_shared_by_the_ranks_of_a_machine() -> None:
    resolved = Resolved(device="cpu", name="a processor", precision="float32", threads=7)
    assert Place(rank=5, size=8, local=1, here=4).on_its_device(resolved).threads == 1
    assert Place(rank=5, size=8, local=1, here=2).on_its_device(resolved).threads == 3


def test_a_machine_with_too_few_devices_is_told() -> None:
    resolved = Resolved(device="cuda", name="", precision="float32", threads=1)
    here = torch.cuda.device_count() + 1
    with pytest.raises(InputError, match=f"run.devices = {here}: this machine has {here - 1} CUDA devices"):
        Place(rank=0, size=here, local=0, here=here).on_its_device(resolved)


def test_a_rank_that_torchrun_did_not_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(InputError, match="started by torchrun"):
        Place.from_environment()
