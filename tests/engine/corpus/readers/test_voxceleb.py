"""VoxCeleb as people have it: roots, parts of the official split, and what is wrong with either."""

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

SPEAKERS = ("id10001", "id10002")
VIDEOS = ("-Jxx_3aB1cd", "zELwAz2W6hM", "5ssVY9a5X-M")
NAMES = [f"{speaker}/{video}/0000{n}.wav" for speaker in SPEAKERS for video in VIDEOS for n in (1, 2)]
PART_OF_VIDEO = dict(zip(VIDEOS, (1, 2, 3), strict=True))


def split_lines(names: list[str]) -> list[str]:
    return [f"{PART_OF_VIDEO[name.split('/')[1]]} {name}" for name in names]


def write_split(folder: Path, names: list[str] = NAMES) -> None:
    (folder / "iden_split.txt").write_text("".join(f"{line}\n" for line in split_lines(names)))


@pytest.mark.parametrize(
    ("below", "named"),
    [
        ("wav", "."),
        ("wav", "wav"),
        ("dev/wav", "."),
        ("dev/wav", "dev"),
        ("vox1_dev_wav/wav", "."),
        ("VoxCeleb1/dev/wav", "."),
        ("voxceleb2/dev/aac", "."),
        ("vox1_test_wav", "vox1_test_wav"),
        (".", "."),
    ],
)
def test_every_root_that_people_name_gives_the_same_corpus(tmp_path: Path, below: str, named: str) -> None:
    recorded(tmp_path / "corpus" / below, *NAMES)
    corpus = open_corpus(str(tmp_path / "corpus" / named))
    assert corpus.layout == "voxceleb"
    assert corpus.speakers == list(SPEAKERS)
    assert sorted(utterance.id for utterance in corpus.utterances) == sorted(NAMES)
    assert {utterance.session for utterance in corpus.utterances} == set(VIDEOS)
    assert all(utterance.id.split("/")[:2] == [utterance.speaker, utterance.session] for utterance in corpus.utterances)
    assert {utterance.part for utterance in corpus.utterances} == {""}
    assert corpus.problems == []


def test_dev_and_test_are_read_together(tmp_path: Path) -> None:
    recorded(tmp_path / "dev" / "wav", *(name for name in NAMES if "id10001" in name))
    recorded(tmp_path / "test" / "wav", *(name for name in NAMES if "id10002" in name))
    assert [utterance.id for utterance in open_corpus(str(tmp_path)).utterances] == sorted(NAMES)


@pytest.mark.parametrize("place", ["", "dev", "dev/wav"])
@pytest.mark.parametrize("named", [".", "dev/wav"])
def test_the_official_split_is_found_beside_the_speakers_and_above_them(tmp_path: Path, place: str, named: str) -> None:
    recorded(tmp_path / "dev" / "wav", *NAMES)
    write_split(tmp_path / place)
    corpus = open_corpus(str(tmp_path / named))
    parts = {utterance.session: utterance.part for utterance in corpus.utterances}
    assert parts == dict(zip(VIDEOS, ("train", "validation", "test"), strict=True))
    assert corpus.problems == []


def test_the_split_is_found_by_name_whatever_the_recordings_were_converted_to(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *(name.replace(".wav", ".flac") for name in NAMES))
    write_split(tmp_path)
    corpus = open_corpus(str(tmp_path))
    assert {utterance.part for utterance in corpus.utterances} == {"train", "validation", "test"}
    assert corpus.problems == []


def test_recordings_in_the_list_and_not_there_are_missing_and_the_others_have_no_part(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    gone, unlisted = NAMES[0], NAMES[-1]
    write_split(tmp_path, NAMES[:-1])
    (tmp_path / "wav" / gone).unlink()
    corpus = open_corpus(str(tmp_path))
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [("missing", gone.removesuffix(".wav"))]
    assert [utterance.id for utterance in corpus.utterances if not utterance.part] == [unlisted]


def test_lines_that_make_no_sense_are_named_with_their_number(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    good = [line.encode() for line in split_lines(NAMES)]
    bad = [b"4 " + NAMES[0].encode(), b"1", b"\xff\xfe\x00 \x1b[31m", b"1 ../../etc/passwd", b"1 " + NAMES[0].encode()]
    (tmp_path / "iden_split.txt").write_bytes(b"\r\n".join([good[0], *bad, b"", *good[1:]]))
    corpus = open_corpus(str(tmp_path))
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [
        *(("bad line", f"iden_split.txt line {number}") for number in (2, 3, 4, 5)),
        ("listed twice", "iden_split.txt line 6"),
    ]
    assert all(problem.detail.isprintable() for problem in corpus.problems)
    assert all(utterance.part for utterance in corpus.utterances)


def test_a_list_in_another_encoding_is_named_line_by_line_and_then_there_are_no_parts(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    (tmp_path / "iden_split.txt").write_text("\n".join(split_lines(NAMES)), encoding="utf-16")
    corpus = open_corpus(str(tmp_path))
    assert {problem.kind for problem in corpus.problems} == {"bad line"}
    assert len(corpus.problems) >= len(NAMES)
    assert {utterance.part for utterance in corpus.utterances} == {""}
    (tmp_path / "iden_split.txt").write_text("\r\n".join(split_lines(NAMES)), encoding="utf-8-sig")
    corpus = open_corpus(str(tmp_path))
    assert corpus.problems == []
    assert all(utterance.part for utterance in corpus.utterances)


def test_trial_lists_and_other_files_beside_the_recordings_disturb_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    before = open_corpus(str(tmp_path))
    for name in ("veri_test.txt", "veri_test2.txt", "wav/vox1_meta.csv", "wav/id10001/notes.txt", "wav/.id10009"):
        (tmp_path / name).write_text(f"1 {NAMES[0]} {NAMES[1]}\n")
    after = open_corpus(str(tmp_path))
    assert (after.problems, after.utterances, after.fingerprint) == ([], before.utterances, before.fingerprint)


def test_the_fingerprint_changes_with_files_and_parts_and_with_nothing_else(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    seen = [open_corpus(str(tmp_path)).fingerprint]
    assert open_corpus(str(tmp_path / "wav")).fingerprint == seen[0]
    write_split(tmp_path)
    seen.append(open_corpus(str(tmp_path)).fingerprint)
    os.utime(tmp_path / "wav" / NAMES[0], ns=(1, 1))
    seen.append(open_corpus(str(tmp_path)).fingerprint)
    recorded(tmp_path / "wav", "id10001/zELwAz2W6hM/00009.wav")
    seen.append(open_corpus(str(tmp_path)).fingerprint)
    assert len(set(seen)) == len(seen)


def test_a_recording_in_two_encodings_counts_once(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    for name in NAMES[:2]:  # converted in place, the original kept
        (tmp_path / "wav" / name).with_suffix(".m4a").write_bytes(b"the original")
    recorded(tmp_path / "flac", NAMES[2].replace(".wav", ".flac"))
    corpus = open_corpus(str(tmp_path))
    assert len(corpus.utterances) == len(NAMES)
    assert not any(utterance.id.endswith(".m4a") for utterance in corpus.utterances)
    (problem,) = corpus.problems
    assert (problem.kind, problem.where, problem.leaves_out) == ("other copies", "id10001", False)
    assert problem.detail.startswith("has 6 recordings in 9 files")


def test_links_that_lead_back_up_end_there(tmp_path: Path) -> None:
    recorded(tmp_path / "dev" / "wav", *NAMES)
    (tmp_path / "dev" / "dev").symlink_to(tmp_path / "dev" / "dev")
    for number, target in enumerate((tmp_path, tmp_path / "dev" / "wav", tmp_path / "dev" / "wav" / "id10001")):
        (tmp_path / "dev" / "wav" / "id10001" / f"up{number}").symlink_to(target)
    assert [utterance.id for utterance in open_corpus(str(tmp_path)).utterances] == sorted(NAMES)


@pytest.mark.parametrize(
    "names",
    [
        ("id10001/00001.wav", "id10002/00001.wav"),  # no videos
        ("id1/abc/00001.wav", "id2/abc/00001.wav"),
        ("alice/abc/00001.wav", "bob/abc/00001.wav"),
        ("dev/wav/1.wav", "test/wav/1.wav"),  # speakers may have any name
    ],
)
def test_folders_that_are_no_voxceleb_stay_audio_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    recorded(tmp_path / "corpus", *names)
    corpus = open_corpus(str(tmp_path / "corpus"))
    assert corpus.layout == "audio_folder"
    assert sorted(utterance.id for utterance in corpus.utterances) == sorted(names)


def test_the_layout_can_be_forced_and_says_when_it_finds_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "flat", "id10001/00001.wav", "id10002/00001.wav")
    forced = open_corpus(str(tmp_path / "flat"), Data(layout="voxceleb"))
    assert (forced.layout, forced.speakers) == ("voxceleb", list(SPEAKERS))
    recorded(tmp_path / "other", "alice/1.wav", "bob/1.wav")
    with pytest.raises(InputError, match="no recordings found") as error:
        open_corpus(str(tmp_path / "other"), Data(layout="voxceleb"))
    assert LAYOUTS["voxceleb"].picture in str(error.value)


def test_recognition_looks_into_few_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        (tmp_path / "wav" / f"id{number:05d}").mkdir(parents=True)
        (tmp_path / "other" / f"speaker{number:05d}").mkdir(parents=True)
    looked: list[str] = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: looked.append(str(path)) or listdir(path))
    for layout in LAYOUTS.values():
        layout.recognises(tmp_path)
        layout.recognises(tmp_path / "other")
    assert 0 < len(looked) < 40


def test_packed_with_the_official_split_what_it_says_is_held_out(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    write_split(tmp_path)
    packed = prepare_corpus(str(tmp_path), Features())
    split = split_of(packed, Validation())
    assert split.way == "official"
    videos = [{packed.ids[index].split("/")[1] for index in side} for side in (split.train, split.validation)]
    assert videos == [{VIDEOS[0]}, {VIDEOS[1]}]  # the third one is for tests


def test_packed_without_it_no_video_is_on_both_sides(tmp_path: Path) -> None:
    recorded(tmp_path / "wav", *NAMES)
    packed = prepare_corpus(str(tmp_path / "wav"), Features())
    split = split_of(packed, Validation())
    assert split.way == "sessions"
    train, held_out = (
        {packed.ids[index].rpartition("/")[0] for index in side} for side in (split.train, split.validation)
    )
    assert held_out
    assert not train & held_out
    assert len(split.train) + len(split.validation) == len(NAMES)
