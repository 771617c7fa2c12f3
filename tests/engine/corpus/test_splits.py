"""Splits and fixed segments: exact sizes, stratified, pure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.splits import AS_ASKED, LEAK, ONE_SESSION, split, validation_starts
from engine.errors import InputError

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


sessions_of_speakers = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=6), min_size=1, max_size=20)


def recorded(sizes: list[list[int]]) -> tuple[list[str], np.ndarray, list[str]]:
    """ids, speakers, sessions; sizes: of each session of each speaker."""
    places = [(s, k, n) for s, found in enumerate(sizes) for k, size in enumerate(found) for n in range(size)]
    return [f"s{s}/{k}/{n}" for s, k, n in places], np.array([s for s, _, _ in places]), [str(k) for _, k, _ in places]


@given(sessions_of_speakers, shares, st.integers(0, 1000))
def test_no_session_is_on_both_sides(sizes: list[list[int]], share: float, seed: int) -> None:
    ids, speakers_of, sessions = recorded(sizes)
    if all(len(found) < 2 for found in sizes):
        return
    parts = split(ids, speakers_of, share, seed, sessions)
    assert parts.way == "sessions"
    assert sorted([*parts.train, *parts.validation]) == list(range(len(ids)))
    assert len(parts.validation) > 0
    sides = [{(speakers_of[i], sessions[i]) for i in side} for side in (parts.train, parts.validation)]
    assert not sides[0] & sides[1]
    assert set(speakers_of[parts.train]) == set(speakers_of)  # whoever is held out is trained on
    of_several = share * sum(sum(found) for found in sizes if len(found) > 1)
    assert abs(len(parts.validation) - of_several) <= max(map(max, sizes))


def test_single_sessions_are_trained_on_and_said() -> None:
    ids, speakers_of, sessions = recorded([[10], [5, 5], [4] * 5])
    parts = split(ids, speakers_of, 0.2, 0, sessions)
    assert 0 not in speakers_of[parts.validation]
    assert parts.note == "no session is on both sides; speakers with one session only, who are trained on alone: 1"


@given(sessions_of_speakers, st.integers(0, 50), st.randoms())
def test_held_out_sessions_do_not_depend_on_the_order_of_utterances(sizes, seed: int, random) -> None:
    ids, speakers_of, sessions = recorded(sizes)
    order = list(range(len(ids)))
    random.shuffle(order)
    straight = split(ids, speakers_of, 0.2, seed, sessions)
    shuffled = split([ids[i] for i in order], speakers_of[order], 0.2, seed, [sessions[i] for i in order])
    assert {ids[i] for i in straight.validation} == {ids[order[i]] for i in shuffled.validation}


def test_a_folder_that_all_speakers_have_is_no_session() -> None:
    ids, speakers_of, sessions = recorded([[10], [10]])
    parts = split(ids, speakers_of, 0.1, 0, sessions)
    assert parts.way == "utterances"
    assert parts.note == ONE_SESSION
    assert set(speakers_of[parts.validation]) == {0, 1}
    assert split(ids, speakers_of, 0.1, 0).note == LEAK


def test_an_official_split_comes_first_and_its_test_part_is_kept_apart() -> None:
    ids, speakers_of = corpus([3, 3])
    parts = split(ids, speakers_of, 0.1, 0, [], ["train", "validation", "test", "", "train", "validation"])
    assert (parts.train.tolist(), parts.validation.tolist(), parts.way) == ([0, 3, 4], [1, 5], "official")
    parts = split(ids, speakers_of, 0.1, 0, [], ["train", "train", "test"] * 2)
    assert (parts.train.tolist(), parts.validation.tolist()) == ([0, 1, 3, 4], [2, 5])
    assert "test part is held out" in parts.note


def test_an_official_split_through_sessions_says_how_many() -> None:
    ids, speakers_of, sessions = recorded([[4, 2], [3, 3]])
    parts = ["train", "train", "validation", "train", "validation", "validation"] * 2
    note = split(ids, speakers_of, 0.1, 0, sessions, parts).note
    assert "sessions on both sides: 3, so accuracies may be better" in note
    clean = ["train"] * 4 + ["validation"] * 2 + ["train"] * 3 + ["validation"] * 3
    assert split(ids, speakers_of, 0.1, 0, sessions, clean).note == "the corpus's own split"


def test_a_split_by_speakers_is_not_one_for_telling_them_apart() -> None:
    ids, speakers_of = corpus([4, 4, 4])
    parts = ["train"] * 8 + ["test"] * 4
    assert split(ids, speakers_of, 0.25, 0, [], parts).way == "utterances"
    with pytest.raises(InputError, match="no split of its own"):
        split(ids, speakers_of, 0.25, 0, [], parts, "official")


def test_a_way_can_be_asked_for() -> None:
    ids, speakers_of, sessions = recorded([[4, 4], [4, 4]])
    official = ["train", "train", "train", "validation"] * 4
    assert split(ids, speakers_of, 0.25, 0, sessions, official).way == "official"
    assert split(ids, speakers_of, 0.25, 0, sessions, official, "sessions").way == "sessions"
    by_utterance = split(ids, speakers_of, 0.25, 0, sessions, official, "utterances")
    assert (by_utterance.way, by_utterance.note) == ("utterances", AS_ASKED)
    with pytest.raises(InputError, match="no speaker of this corpus has two known sessions"):
        split(ids, speakers_of, 0.25, 0, [], [], "sessions")


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
