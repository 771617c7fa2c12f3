"""Splits and fixed segments: exact sizes, stratified, pure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.splits import split, validation_starts

counts_of_speakers = st.lists(st.integers(1, 40), min_size=1, max_size=30)
shares = st.floats(0.01, 0.5)


def corpus(counts: list[int]) -> tuple[list[str], np.ndarray]:
    ids = [f"s{speaker}/{number}" for speaker, count in enumerate(counts) for number in range(count)]
    return ids, np.repeat(np.arange(len(counts)), counts)


@given(counts_of_speakers, shares, st.integers(0, 2**63 - 1))
def test_the_total_is_exact_and_each_speaker_gets_a_fair_part(counts: list[int], share: float, seed: int) -> None:
    ids, speakers_of = corpus(counts)
    parts = split(ids, speakers_of, share, seed)
    assert sorted([*parts.train, *parts.validation]) == list(range(len(ids)))
    assert (np.diff(parts.train) > 0).all()
    assert (np.diff(parts.validation) > 0).all()
    assert len(parts.validation) == min(max(1, round(share * len(ids))), sum(count - 1 for count in counts))
    held_out = np.bincount(speakers_of[parts.validation], minlength=len(counts))
    assert (held_out < counts).all()
    if min(counts) >= 2:  # a speaker of one utterance can't give any, and others step in
        assert (np.abs(held_out - share * np.array(counts)) < 1 + 1e-9).all()


def test_a_tenth_of_the_course_corpus_is_5667_utterances() -> None:
    counts = [94 + (speaker < 266) for speaker in range(600)]
    ids, speakers_of = corpus(counts)
    assert len(ids) == 56_666
    parts = split(ids, speakers_of, 0.1, 0)
    assert len(parts.validation) == 5667
    assert set(np.bincount(speakers_of[parts.validation])) <= {9, 10}


@given(counts_of_speakers, st.integers(0, 1000), st.randoms())
def test_which_utterances_are_held_out_does_not_depend_on_their_order(counts: list[int], seed: int, random) -> None:
    ids, speakers_of = corpus(counts)
    order = list(range(len(ids)))
    random.shuffle(order)
    straight = split(ids, speakers_of, 0.2, seed)
    shuffled = split([ids[place] for place in order], speakers_of[order], 0.2, seed)
    assert {ids[i] for i in straight.validation} == {ids[order[i]] for i in shuffled.validation}


def test_another_seed_holds_out_others_and_the_same_seed_the_same() -> None:
    ids, speakers_of = corpus([20] * 10)
    assert np.array_equal(split(ids, speakers_of, 0.1, 5).validation, split(ids, speakers_of, 0.1, 5).validation)
    assert not np.array_equal(split(ids, speakers_of, 0.1, 5).validation, split(ids, speakers_of, 0.1, 6).validation)


def test_the_split_is_the_same_on_every_machine_and_in_every_version() -> None:
    ids, speakers_of = corpus([5, 5, 5])
    assert split(ids, speakers_of, 0.2, 0).validation.tolist() == [2, 6, 12]
    assert validation_starts(ids[:4], np.full(4, 500), 128, 0).tolist() == [74, 333, 95, 116]


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=50), st.integers(1, 400), st.integers(0, 2**63 - 1))
def test_validation_segments_lie_inside_their_utterances(lengths: list[int], frames: int, seed: int) -> None:
    ids = [f"u{number}" for number in range(len(lengths))]
    starts = validation_starts(ids, np.array(lengths), frames, seed)
    assert starts.dtype == np.int64
    assert (starts >= 0).all()
    assert (starts <= np.maximum(np.array(lengths) - frames, 0)).all()


@given(st.integers(0, 1000))
def test_a_validation_segment_is_a_function_of_seed_and_id_alone(seed: int) -> None:
    ids = [f"u{number}" for number in range(50)]
    lengths = np.arange(200, 250)
    together = validation_starts(ids, lengths, 128, seed)
    alone = [int(validation_starts([ids[i]], lengths[i : i + 1], 128, seed)[0]) for i in range(50)]
    assert together.tolist() == alone
    assert len(set(alone)) > 10  # and not one place for all


@pytest.mark.parametrize("share", [0.1, 0.29, 0.5])
def test_equal_speakers_with_equal_remainders_are_not_served_by_name(share: float) -> None:
    ids, speakers_of = corpus([7] * 40)
    held_out = np.bincount(speakers_of[split(ids, speakers_of, share, 1).validation], minlength=40)
    if held_out.min() != held_out.max():
        assert sorted(held_out, reverse=True) != list(held_out)
