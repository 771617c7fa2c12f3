"""LibriSpeech: roots, subsets, chapters as sessions, and what is not LibriSpeech."""

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

CHAPTERS = {"103": ("1240", "1241"), "1034": ("121119", "121120")}
NAMES = [
    f"{speaker}/{chapter}/{speaker}-{chapter}-000{n}.flac"
    for speaker, chapters in CHAPTERS.items()
    for chapter in chapters
    for n in (0, 1)
]
SPEAKERS_TXT = (
    "; Some pipe(|) separated metadata\n;ID  |SEX| SUBSET\n103  | F | train-clean-100 | 25.10 | Karen Savage\n"
)


@pytest.mark.parametrize(
    ("below", "named"),
    [
        ("LibriSpeech/train-clean-100", "."),
        ("LibriSpeech/train-clean-100", "LibriSpeech"),
        ("LibriSpeech/train-clean-100", "LibriSpeech/train-clean-100"),
        ("LibriSpeech/train-clean-5", "LibriSpeech"),
        ("LibriSpeech/dev-clean-2", "."),
        ("test-other", "."),
        (".", "."),
    ],
)
def test_every_root_that_people_name_gives_the_same_corpus(tmp_path: Path, below: str, named: str) -> None:
    root = tmp_path / "corpus"
    recorded(root / below, *NAMES)
    (root / below / "103" / "1240" / "103-1240.trans.txt").write_text("103-1240-0000 CHAPTER ONE\n")
    corpus = open_corpus(str(root / named))
    assert corpus.layout == "librispeech"
    assert corpus.speakers == sorted(CHAPTERS)
    assert [utterance.id for utterance in corpus.utterances] == NAMES
    assert all(utterance.id.split("/")[:2] == [utterance.speaker, utterance.session] for utterance in corpus.utterances)
    assert {utterance.part for utterance in corpus.utterances} == {""}
    assert corpus.problems == []


def test_all_subsets_are_read_and_a_speaker_in_two_of_them_is_one(tmp_path: Path) -> None:
    recorded(tmp_path / "LibriSpeech" / "train-clean-5", *NAMES)
    recorded(tmp_path / "LibriSpeech" / "dev-clean-2", "84/121123/84-121123-0000.flac", NAMES[0])
    corpus = open_corpus(str(tmp_path))
    assert corpus.speakers == ["103", "1034", "84"]
    assert sorted(utterance.id for utterance in corpus.utterances) == sorted([*NAMES, "84/121123/84-121123-0000.flac"])
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [("other copies", "103")]


def test_a_subset_of_any_name_is_known_beside_speakers_txt(tmp_path: Path) -> None:
    root = recorded(tmp_path / "LibriSpeech", *(f"my-part/{name}" for name in NAMES))
    with pytest.raises(InputError, match="only one speaker found"):
        open_corpus(str(root))
    (root / "SPEAKERS.TXT").write_text(SPEAKERS_TXT)
    corpus = open_corpus(str(root))
    assert (corpus.layout, corpus.speakers, corpus.problems) == ("librispeech", sorted(CHAPTERS), [])


def test_the_fingerprint_is_that_of_the_recordings_wherever_they_lie(tmp_path: Path) -> None:
    subset = recorded(tmp_path / "LibriSpeech" / "dev-clean", *NAMES)
    seen = [open_corpus(str(tmp_path)).fingerprint]
    assert open_corpus(str(subset)).fingerprint == seen[0]
    (subset.parent / "SPEAKERS.TXT").write_bytes(b"\xff\xfe;|" + SPEAKERS_TXT.encode())
    (subset / "103" / "1240" / "103-1240.trans.txt").write_text("changed")
    assert open_corpus(str(tmp_path)).fingerprint == seen[0]
    os.utime(subset / NAMES[0], ns=(1, 1))
    seen.append(open_corpus(str(tmp_path)).fingerprint)
    (subset / NAMES[0]).unlink()
    seen.append(open_corpus(str(tmp_path)).fingerprint)
    assert len(set(seen)) == len(seen)


def test_what_cannot_be_read_is_named_and_what_is_hidden_is_not(tmp_path: Path) -> None:
    subset = recorded(tmp_path / "train-clean-100", *NAMES)
    (subset / "103" / "1240" / "103-1240-0009.flac").symlink_to(tmp_path / "nowhere")
    (subset / "103" / "1240" / "103-1240-0008.wma").write_bytes(b"")
    (subset / "103" / "1240" / "._103-1240-0000.flac").write_bytes(b"")
    (subset / "103" / "up").symlink_to(subset)
    corpus = open_corpus(str(tmp_path))
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [
        ("unsupported", "103/1240/103-1240-0008.wma"),
        ("unreadable", "103/1240/103-1240-0009.flac"),
    ]
    assert [utterance.id for utterance in corpus.utterances] == NAMES


@pytest.mark.parametrize(
    "names",
    [
        ("103/1240/a.flac", "1034/121119/b.flac"),
        ("103/1240/103_1240_000001_000000.wav", "1034/1/1034_1_000001_000000.wav"),  # LibriTTS
        ("103/103-1240-0000.flac", "1034/1034-1-0000.flac"),
        ("train-clean-100/a.flac", "dev-clean/b.flac"),
    ],
)
def test_folders_that_are_no_librispeech_stay_audio_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    recorded(tmp_path / "corpus", *names)
    assert open_corpus(str(tmp_path / "corpus")).layout == "audio_folder"


def test_the_layout_can_be_forced_and_says_when_it_finds_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "flat", "103/103-1240-0000.flac", "1034/1034-1-0000.flac")
    forced = open_corpus(str(tmp_path / "flat"), Data(layout="librispeech"))
    assert (forced.layout, forced.speakers) == ("librispeech", ["103", "1034"])
    recorded(tmp_path / "other", "alice/1.wav", "bob/1.wav")
    with pytest.raises(InputError, match="no recordings found") as error:
        open_corpus(str(tmp_path / "other"), Data(layout="librispeech"))
    assert LAYOUTS["librispeech"].picture in str(error.value)


def test_packed_and_split_no_chapter_is_on_both_sides(tmp_path: Path) -> None:
    recorded(tmp_path / "LibriSpeech" / "dev-clean", *NAMES)
    packed = prepare_corpus(str(tmp_path / "LibriSpeech"), Features())
    split = split_of(packed, Validation())
    assert split.way == "sessions"
    train, held_out = (
        {packed.ids[index].rpartition("/")[0] for index in side} for side in (split.train, split.validation)
    )
    assert held_out
    assert not train & held_out
    assert len(split.train) + len(split.validation) == len(NAMES)
