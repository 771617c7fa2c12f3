"""A part of a corpus: which speakers and utterances are chosen, and that a choice is stable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.corpus.corpus import Corpus, Utterance
from engine.corpus.selecting import select
from engine.errors import InputError
from engine.preset import Data


def corpus(counts: list[int], parts: dict[str, list[str]] | None = None) -> Corpus:
    utterances = [
        Utterance(
            id=f"s{speaker}/{number}",
            speaker=f"s{speaker}",
            path=Path(f"/s{speaker}/{number}"),
            part=parts[f"s{speaker}"][number] if parts else "",  # type: ignore[arg-type]
        )
        for speaker, count in enumerate(counts)
        for number in range(count)
    ]
    return Corpus(name="made", layout="made", root=Path("/"), utterances=utterances, problems=[], fingerprint="f")


def test_all_is_the_corpus_itself() -> None:
    whole = corpus([3, 3])
    assert select(whole, Data()) is whole


def test_the_speakers_with_most_utterances_are_chosen() -> None:
    chosen = select(corpus([2, 9, 5, 7]), Data(speakers=2))
    assert Counter(utterance.speaker for utterance in chosen.utterances) == {"s1": 9, "s3": 7}
    assert chosen.fingerprint != "f"


@given(st.integers(2, 30), st.integers(0, 99), st.integers(2, 8))
def test_a_smaller_choice_lies_within_a_greater_one(speakers: int, seed: int, most: int) -> None:
    whole = corpus([10] * 31)
    small = select(whole, Data(speakers=speakers, choose="random", seed=seed, max_utterances_per_speaker=most))
    great = select(whole, Data(speakers=speakers + 1, choose="random", seed=seed, max_utterances_per_speaker=most + 1))
    counts = Counter(utterance.speaker for utterance in small.utterances)
    assert len(counts) == speakers
    assert set(counts.values()) == {most}
    assert {utterance.id for utterance in small.utterances} < {utterance.id for utterance in great.utterances}
    order = [utterance.id for utterance in whole.utterances]
    assert sorted(small.utterances, key=lambda utterance: order.index(utterance.id)) == small.utterances


def test_another_seed_draws_others() -> None:
    whole = corpus([5] * 40)
    drawn = [select(whole, Data(speakers=10, choose="random", seed=seed)).speakers for seed in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]


@pytest.mark.parametrize("speakers", [1, 5])
def test_what_can_not_be_had_is_said(speakers: int) -> None:
    with pytest.raises(InputError, match=rf"data.speakers = {speakers} can't be had: made has 4 speakers"):
        select(corpus([3] * 4), Data(speakers=speakers))


def test_one_utterance_of_each_speaker_leaves_nothing_to_hold_out() -> None:
    with pytest.raises(InputError, match="max_utterances_per_speaker = 1 leaves nothing to hold out"):
        select(corpus([3] * 4), Data(max_utterances_per_speaker=1))


def test_speakers_who_are_only_tested_on_are_named_and_left_out() -> None:
    official = {"s0": ["train", "test"], "s1": ["train", "train"], "s2": ["test", "validation"]}
    chosen = select(corpus([2, 2, 2], official), Data())
    assert chosen.speakers == ["s0", "s1"]
    assert [(problem.kind, problem.where) for problem in chosen.problems] == [("not in the training part", "s2")]


def test_a_split_that_no_speaker_is_on_both_sides_of_leaves_nobody_out() -> None:
    official = {"s0": ["train"] * 2, "s1": ["train"] * 2, "s2": ["test"] * 2}
    assert select(corpus([2, 2, 2], official), Data()).speakers == ["s0", "s1", "s2"]
