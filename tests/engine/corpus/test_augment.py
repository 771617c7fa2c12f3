"""Augmentation and normalisation of features: pure functions of (seed, step), within bounds, and nothing when off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus.augment import draw_stretches, hide, lengths_of
from engine.corpus.batches import TrainingBatches, ValidationBatches
from engine.corpus.copies import Copy
from engine.corpus.frame_store import FrameStore, _place
from engine.corpus.normalising import normalised
from engine.corpus.packed import PackedCorpus
from engine.models.layers import length_mask
from engine.preset import Augment, Segments
from tests.made_corpora import random_frames

CPU = torch.device("cpu")
PACKED = random_frames(speakers=5, each=7, shortest=3, longest=60)
ALL = np.arange(len(PACKED.ids))
STORE = FrameStore(PACKED, CPU)
MASKS = Augment(time_masks=2, time_mask_frames=6, frequency_masks=2, frequency_mask_bands=5)

SEEDS, STEPS = st.integers(0, 2**63 - 1), st.integers(0, 10**9)
SHORT = st.sampled_from(["repeat", "pad"])


def frames_of(packed: PackedCorpus, utterance: int) -> torch.Tensor:
    begin = packed.offsets[utterance]
    return torch.from_numpy(np.array(packed.frames[begin : begin + packed.lengths[utterance]]))


def changed(packed: PackedCorpus, missing: int | None = None) -> PackedCorpus:
    """A copy whose frames are other ones, of other lengths, without one of the utterances."""
    kept = [index for index in range(len(packed.ids)) if index != missing]
    frames = [-frames_of(packed, index).numpy().repeat(2, axis=0) for index in kept]
    lengths = np.array([len(one) for one in frames])
    return replace(
        packed,
        frames=np.concatenate(frames),
        lengths=lengths,
        offsets=np.cumsum(lengths) - lengths,
        ids=[packed.ids[index] for index in kept],
        speakers_of=packed.speakers_of[kept],
    )


# ------------------------------------------------------------------------------------------------------------ when off


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.integers(0, 10**6), SHORT)
def test_with_everything_off_batches_are_what_they_always_were(seed: int, step: int, short: str) -> None:
    def random(stream: int, place: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, place, stream]))

    batch = TrainingBatches(STORE, ALL, Segments(frames=24, batch_size=7, short=short), seed, Augment()).at(step)
    epoch, place = divmod(7 * step, len(ALL))  # 7 divides the number of utterances
    utterances = random(1, epoch).permutation(ALL)[place : place + 7]
    room = np.maximum(PACKED.lengths[utterances] - 24, 0) + 1
    starts = (random(2, step).random(7) * room).astype(int)
    for frames, utterance, start in zip(batch.frames, utterances, starts, strict=True):
        source = frames_of(PACKED, utterance).float()
        padding = torch.zeros(24, source.shape[1])
        longer = torch.cat([source] * 24) if short == "repeat" else torch.cat([source, padding])
        assert torch.equal(frames, longer[start : start + 24])


# --------------------------------------------------------------------------------------------------------------- masks


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 5), st.integers(1, 40), st.lists(st.integers(1, 60), min_size=1, max_size=9), SEEDS
)  # fmt: skip
def test_stretches_stay_inside_and_are_never_too_wide(number: int, widest: int, room: list[int], seed: int) -> None:
    begins, ends = draw_stretches(number, widest, np.array(room), np.random.default_rng(seed))
    assert begins.shape == (len(room), number)
    assert (begins >= 0).all()
    assert (ends <= np.array(room)[:, None]).all()
    assert (ends - begins >= 0).all()
    assert (ends - begins <= widest).all()


def test_every_width_and_every_place_comes_up() -> None:
    begins, ends = draw_stretches(1, 3, np.full(4000, 6), np.random.default_rng(0))
    spans = {(int(begin), int(end)) for begin, end in zip(begins[:, 0], ends[:, 0], strict=True)}
    assert {span for span in spans if span[0] < span[1]} == {(b, b + w) for w in (1, 2, 3) for b in range(7 - w)}
    widths = np.bincount((ends - begins)[:, 0])
    assert widths.min() > 850  # of 1000 expected


@pytest.mark.parametrize("normalise", ["none", "utterance"])
@settings(deadline=None, max_examples=60)
@given(SEEDS, st.lists(st.integers(1, 30), min_size=1, max_size=6), st.booleans())
def test_masks_hide_stretches_behind_the_mean_and_leave_the_rest(
    normalise: str, seed: int, lengths: list[int], padded: bool
) -> None:
    time, mel = max(lengths), 12
    real = np.array(lengths) if padded else np.full(len(lengths), time)
    mask = length_mask(torch.from_numpy(real), time) if padded else None
    before = 1 + torch.rand(len(lengths), time, mel, generator=torch.Generator().manual_seed(seed % 2**32))
    before = before if mask is None else before * mask[:, :, None]
    random = np.random.default_rng(seed)
    after = hide(before, mask, real, MASKS, Segments(normalise=normalise), random)
    for one, other, length in zip(before, after, real, strict=True):
        assert (other[length:] == one[length:]).all()
        one, other = one[:length], other[:length]
        hidden = one != other
        mean = one.mean() if normalise == "none" else torch.zeros(())
        torch.testing.assert_close(other[hidden], mean.expand(int(hidden.sum())))
        times, bands = hidden.all(dim=1), hidden.all(dim=0)
        assert torch.equal(hidden, times[:, None] | bands[None, :])
        assert int(times.sum()) <= 2 * 6 or bool(bands.all())
        assert int(bands.sum()) <= 2 * 5 or bool(times.all())


def test_masks_differ_from_step_to_step_and_from_item_to_item() -> None:
    segments = Segments(frames=30, batch_size=8)
    batches = TrainingBatches(STORE, ALL, segments, 1, MASKS)
    plain = TrainingBatches(STORE, ALL, segments, 1)
    assert torch.equal(batches.at(0).speakers, plain.at(0).speakers)
    first, second = (batches.at(step).frames != plain.at(step).frames for step in (0, 1))
    assert first.any()
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


# ------------------------------------------------------------------------------------------------------- normalisation


def sliding_mean(frames: np.ndarray, size: int) -> np.ndarray:
    """Kaldi's SlidingWindowCmnInternal with --center=true --norm-vars=false, a frame at a time in float64."""
    frames = frames.astype(np.float64)
    result = np.empty_like(frames)
    for place in range(len(frames)):
        begin = place - size // 2
        end = begin + size
        if begin < 0:
            begin, end = 0, end - begin
        if end > len(frames):
            begin, end = begin - (end - len(frames)), len(frames)
        result[place] = frames[place] - frames[max(0, begin) : end].mean(axis=0)
    return result


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(ALL) - 1), st.integers(1, 80))
def test_the_running_mean_is_that_of_the_window_around_each_frame(utterance: int, size: int) -> None:
    frames = frames_of(PACKED, utterance)
    ours = normalised(frames, Segments(normalise="running", normalise_frames=size))
    np.testing.assert_allclose(ours.numpy(), sliding_mean(frames.numpy(), size), atol=2e-6)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(ALL) - 1))
def test_the_utterance_mean_is_that_of_all_its_frames(utterance: int) -> None:
    frames = frames_of(PACKED, utterance)
    ours = normalised(frames, Segments(normalise="utterance")).numpy()
    expected = frames.numpy().astype(np.float64)
    np.testing.assert_allclose(ours, expected - expected.mean(axis=0), atol=2e-6)


@pytest.mark.parametrize("value", [65504.0, 2.0**-24, -20.72])
def test_sums_are_exact_at_both_ends_of_float16(value: float) -> None:
    frames = torch.full((5000, 2), value, dtype=torch.float16)
    for normalise in ("utterance", "running"):
        assert (normalised(frames, Segments(normalise=normalise)) == 0).all()


@pytest.mark.parametrize("normalise", ["utterance", "running"])
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_segments_frames_are_bit_for_bit_those_of_the_normalised_utterance(
    normalise: str, data: st.DataObject
) -> None:
    size, time, wrap = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70)), data.draw(st.booleans())
    segments = Segments(normalise=normalise, normalise_frames=size)
    rows = np.array(data.draw(st.lists(st.integers(0, len(ALL) - 1), min_size=1, max_size=6)))
    starts = np.array([data.draw(st.integers(0, int(PACKED.lengths[row]) - 1)) for row in rows])
    batch = FrameStore(PACKED, CPU, segments).gather(rows, starts, time, wrap)
    for item, (row, start) in enumerate(zip(rows, starts, strict=True)):
        whole = normalised(frames_of(PACKED, int(row)), segments)
        real = time if wrap else min(time, len(whole) - start)
        assert torch.equal(batch.frames[item, :real], torch.cat([whole] * (2 + time))[start : start + real])
        assert (batch.frames[item, real:] == 0).all()


@pytest.mark.parametrize("normalise", ["utterance", "running"])
def test_validation_looks_at_normalised_segments_and_utterances_whatever_their_padding(normalise: str) -> None:
    segments = Segments(frames=16, batch_size=8, normalise=normalise, normalise_frames=25)
    store = FrameStore(PACKED, CPU, segments)
    batches = ValidationBatches(store, PACKED, ALL, segments, 0)
    seen = 0
    for batch in batches.utterance_batches(most_frames=200):
        for row in range(len(batch.frames)):
            whole = normalised(frames_of(PACKED, int(batches.utterances[seen])), segments)
            assert torch.equal(batch.frames[row, : len(whole)], whole)
            seen += 1
    assert seen == len(ALL)
    segment = next(batches.segment_batches())
    for item, (utterance, start) in enumerate(zip(batches.utterances, batches.starts, strict=True)):
        whole = normalised(frames_of(PACKED, int(utterance)), segments)
        assert torch.equal(segment.frames[item], torch.cat([whole] * 8)[start : start + 16])


# ----------------------------------------------------------------------------------------------------- segment lengths


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 400), st.integers(0, 400))
def test_lengths_are_few_and_lie_between_the_two_that_are_given(shortest: int, more: int) -> None:
    lengths = lengths_of(Segments(frames=shortest + more, shortest=shortest))
    assert 1 <= len(lengths) <= 8
    assert lengths[0] == shortest
    assert lengths[-1] == shortest + more
    gaps = np.diff(lengths)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


def test_every_length_comes_about_as_often_and_validation_keeps_its_own() -> None:
    segments = Segments(frames=24, shortest=10, batch_size=2)
    batches = TrainingBatches(STORE, ALL, segments, 5)
    drawn = np.bincount([batches.frames_at(step) for step in range(4000)], minlength=25)
    assert np.flatnonzero(drawn).tolist() == [10, 12, 14, 16, 18, 20, 22, 24]
    assert drawn[drawn > 0].min() > 400  # of 500 expected
    assert all(batches.at(step).frames.shape[1] == batches.frames_at(step) for step in range(20))
    validation = ValidationBatches(STORE, PACKED, ALL, segments, 0)
    assert {batch.frames.shape[1] for batch in validation.segment_batches()} == {24}


# -------------------------------------------------------------------------------------------------------------- copies


def test_an_item_comes_from_any_version_of_its_utterance_and_from_its_own_where_a_copy_lacks_it() -> None:
    copies = [Copy(changed(PACKED, missing=0), "speed 0.9"), Copy(changed(PACKED), "speed 1.1", speakers_as=2)]
    store = FrameStore(PACKED, CPU, None, copies)
    segments = Segments(frames=3, batch_size=35)
    batches = TrainingBatches(store, ALL, segments, 3)
    versions_of_0, found = set(), np.zeros(3)
    for step in range(60):
        batch, utterances, rows = batches.at(step), batches.utterances_at(step), batches.rows_at(step)
        for frames, speaker, utterance, row in zip(batch.frames, batch.speakers, utterances, rows, strict=True):
            version = store.versions[:, utterance].tolist().index(row)
            found[version] += 1
            source = frames_of(PACKED, utterance).float()
            if version:
                source = -source.repeat_interleave(2, dim=0)
            assert any(torch.equal(frames, source[start : start + 3]) for start in range(len(source) - 2))
            assert speaker == PACKED.speakers_of[utterance] + (10 if version == 2 else 0)
            if utterance == 0:
                versions_of_0.add(version)
    assert versions_of_0 == {0, 2}
    assert found.min() > 0.25 * found.sum()


def test_validation_looks_at_no_copy() -> None:
    segments = Segments(frames=16)
    with_copies = FrameStore(PACKED, CPU, segments, [Copy(changed(PACKED), "speed 0.9")])
    for left, right in zip(
        ValidationBatches(with_copies, PACKED, ALL, segments, 0).segment_batches(),
        ValidationBatches(STORE, PACKED, ALL, segments, 0).segment_batches(),
        strict=True,
    ):
        assert torch.equal(left.frames, right.frames)
        assert torch.equal(left.speakers, right.speakers)


def test_on_a_cpu_memory_maps_stay_where_they_are_and_elsewhere_all_frames_become_one_tensor() -> None:
    packs = [PACKED, changed(PACKED, missing=3)]
    apart, source_of, offsets = _place(packs, CPU)
    assert [tensor.data_ptr() for tensor in apart] == [pack.frames.ctypes.data for pack in packs]
    together, source, places = _place(packs, torch.device("meta"))
    assert len(together) == 1
    assert not source.any()
    everything = torch.cat(apart)
    assert together[0].shape == everything.shape
    for row, place in enumerate(places):
        assert torch.equal(everything[place], apart[source_of[row]][offsets[row]])


# ---------------------------------------------------------------------------------------------------- all of it at once


@pytest.mark.parametrize("normalise", ["none", "utterance", "running"])
@settings(deadline=None, max_examples=60)
@given(SEEDS, STEPS, SHORT)
def test_with_everything_on_a_batch_is_still_a_function_of_seed_and_step(
    normalise: str, seed: int, step: int, short: str
) -> None:
    segments = Segments(frames=30, shortest=8, batch_size=6, short=short, normalise=normalise, normalise_frames=20)
    store = FrameStore(PACKED, CPU, segments, [Copy(changed(PACKED, missing=4), "noise")])
    fresh, used = (TrainingBatches(store, ALL, segments, seed, MASKS) for _ in range(2))
    used.at(step + 11)
    batch = fresh.at(step)
    assert all(left is right or torch.equal(left, right) for left, right in zip(batch, used.at(step), strict=True))
    assert torch.isfinite(batch.frames).all()
    assert any(fresh.at(step + more).frames.shape != batch.frames.shape for more in range(60))
