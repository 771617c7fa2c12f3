"""VCTK: both versions, the choice of the microphone, and what is not VCTK."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.corpus.opening import LAYOUTS, open_corpus
from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split_of
from engine.errors import InputError
from engine.preset import Data, Features, Validation
from tests.made_corpora import recorded

TRIMMED = "wav48_silence_trimmed"
BOTH = [f"{s}/{s}_00{n}_mic{m}.flac" for s in ("p225", "s5") for n in (1, 2, 3) for m in (1, 2)]
ONE = [f"{s}/{s}_00{n}.wav" for s in ("p225", "p226") for n in (1, 2, 3)]


def of(microphone: str) -> list[str]:
    return [name for name in BOTH if microphone in name]


@pytest.mark.parametrize(
    ("below", "named"),
    [
        (TRIMMED, "."),
        (TRIMMED, TRIMMED),
        (f"VCTK-Corpus-0.92/{TRIMMED}", "."),
        (f"VCTK-Corpus/{TRIMMED}", "VCTK-Corpus"),
        ("wav48", "."),
        (".", "."),
    ],
)
@pytest.mark.parametrize("microphone", ["mic1", "mic2"])
def test_every_root_gives_one_recording_an_utterance(tmp_path: Path, below: str, named: str, microphone: str) -> None:
    root = tmp_path / "corpus"
    recorded(root / below, *BOTH)
    (root / below / "log.txt").write_text("log")
    (root / "txt" / "p225").mkdir(parents=True)
    (root / "speaker-info.txt").write_text("ID  AGE  GENDER  ACCENTS\np225  23  F  English\n")
    corpus = open_corpus(str(root / named), Data(microphone=microphone))  # type: ignore[arg-type]
    assert (corpus.layout, corpus.speakers) == ("vctk", ["p225", "s5"])
    assert [utterance.id for utterance in corpus.utterances] == of(microphone)
    assert {(utterance.session, utterance.part) for utterance in corpus.utterances} == {("", "")}
    assert corpus.problems == []


@pytest.mark.parametrize("microphone", ["mic1", "mic2"])
def test_version_0_80_has_one_microphone(tmp_path: Path, microphone: str) -> None:
    recorded(tmp_path / "VCTK-Corpus" / "wav48", *ONE)
    corpus = open_corpus(str(tmp_path), Data(microphone=microphone))  # type: ignore[arg-type]
    assert [utterance.id for utterance in corpus.utterances] == ONE
    assert corpus.problems == []


def test_trimmed_recordings_go_before_untrimmed_ones(tmp_path: Path) -> None:
    recorded(tmp_path, *(f"wav48/{name}" for name in ONE), *(f"{TRIMMED}/{name}" for name in BOTH))
    assert open_corpus(str(tmp_path)).speakers == ["p225", "s5"]


def test_where_the_chosen_microphone_recorded_nothing_the_other_is_taken_with_a_remark(tmp_path: Path) -> None:
    lonely = [f"p280/p280_00{n}_mic1.flac" for n in (1, 2)]
    recorded(tmp_path / TRIMMED, *BOTH, *lonely)
    (tmp_path / TRIMMED / "s5" / "s5_002_mic2.flac").unlink()
    first = open_corpus(str(tmp_path))
    assert (first.problems, len(first.utterances)) == ([], 8)
    second = open_corpus(str(tmp_path), Data(microphone="mic2"))
    ids = [utterance.id for utterance in second.utterances]
    assert ids == [*of("mic2")[:3], *lonely, "s5/s5_001_mic2.flac", "s5/s5_002_mic1.flac", "s5/s5_003_mic2.flac"]
    assert [(problem.kind, problem.where) for problem in second.problems] == [
        ("other microphone", "p280"),
        ("other microphone", "s5"),
    ]
    assert (
        second.problems[0].detail == "has no mic2 recording of 2 of its 2 utterances; the other microphone's is taken"
    )
    assert not any(problem.leaves_out for problem in second.problems)


def test_the_fingerprint_is_that_of_what_is_taken(tmp_path: Path) -> None:
    recorded(tmp_path / TRIMMED, *BOTH)
    seen = [open_corpus(str(tmp_path)).fingerprint]
    assert open_corpus(str(tmp_path / TRIMMED)).fingerprint == seen[0]
    os.utime(tmp_path / TRIMMED / of("mic2")[0], ns=(1, 1))
    assert open_corpus(str(tmp_path)).fingerprint == seen[0]
    seen.append(open_corpus(str(tmp_path), Data(microphone="mic2")).fingerprint)
    os.utime(tmp_path / TRIMMED / of("mic1")[0], ns=(1, 1))
    seen.append(open_corpus(str(tmp_path)).fingerprint)
    assert len(set(seen)) == len(seen)


def test_what_cannot_be_read_is_named_and_links_in_circles_end(tmp_path: Path) -> None:
    recorded(tmp_path / TRIMMED, *BOTH)
    (tmp_path / TRIMMED / "p225" / "p225_009_mic1.flac").symlink_to(tmp_path / "nowhere")
    (tmp_path / TRIMMED / "p225" / "up").symlink_to(tmp_path)
    corpus = open_corpus(str(tmp_path))
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [("unreadable", "p225/p225_009_mic1.flac")]
    assert [utterance.id for utterance in corpus.utterances] == of("mic1")


@pytest.mark.parametrize(
    "names",
    [
        ("p1/p1_001.wav", "p2/p2_001.wav"),
        ("p225/hello.wav", "p226/hello.wav"),
        ("p225/session/p225_001.wav", "p226/session/p226_001.wav"),
        ("wav48/p225.wav", "txt/p225.wav"),
    ],
)
def test_folders_that_are_no_vctk_stay_audio_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    recorded(tmp_path / "corpus", *names)
    assert open_corpus(str(tmp_path / "corpus")).layout == "audio_folder"


def test_the_layout_can_be_forced_and_says_when_it_finds_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "own", "p225/hello.wav", "p226/hello.wav")
    assert open_corpus(str(tmp_path / "own"), Data(layout="vctk")).layout == "vctk"
    recorded(tmp_path / "other", "alice/1.wav", "bob/1.wav")
    with pytest.raises(InputError, match="no recordings found") as error:
        open_corpus(str(tmp_path / "other"), Data(layout="vctk"))
    assert LAYOUTS["vctk"].picture in str(error.value)


def test_packed_and_split_no_utterance_is_on_both_sides_by_its_other_microphone(tmp_path: Path) -> None:
    recorded(tmp_path / TRIMMED, *BOTH)
    packed = prepare_corpus(str(tmp_path), Features())
    split = split_of(packed, Validation())
    assert split.way == "utterances"
    train, held_out = ({packed.ids[index][:-10] for index in side} for side in (split.train, split.validation))
    assert len(held_out) == 1
    assert train | held_out == {name[:-10] for name in BOTH}
    assert not train & held_out
