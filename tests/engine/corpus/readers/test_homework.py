"""The homework's layout: what is listed, what is named as a problem, and how fast a corpus of its size is handled."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.corpus.corpus import Corpus
from engine.corpus.opening import open_corpus
from engine.corpus.packed import pack
from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split
from engine.corpus.summary import summarize
from engine.errors import InputError
from engine.preset import Data, Features
from tests.made_corpora import homework_folder

COURSE_SPEAKERS, COURSE_UTTERANCES = 600, 56_666


def change(root: Path, file: str, edit: Any) -> None:
    """Rewrites a JSON file after `edit` has changed its content in place."""
    content = json.loads((root / file).read_text())
    edit(content)
    (root / file).write_text(json.dumps(content, indent=1))


def found(corpus: Corpus) -> set[tuple[str, str]]:
    return {(problem.kind, problem.where) for problem in corpus.problems}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return homework_folder(tmp_path / "Dataset", speakers=3, each=4, mel_bands=24)


def test_the_entries_of_metadata_are_listed_by_speaker(root: Path) -> None:
    corpus = open_corpus(str(root))
    assert (corpus.layout, corpus.mel_bands, corpus.problems) == ("homework", 24, [])
    assert corpus.speakers == ["id00000", "id00001", "id00002"]
    assert [utterance.id for utterance in corpus.utterances][:5] == [
        "uttr-0000.pt", "uttr-0001.pt", "uttr-0002.pt", "uttr-0003.pt", "uttr-0100.pt",
    ]  # fmt: skip
    assert [utterance.frames for utterance in corpus.utterances][:4] == [30, 33, 36, 39]
    assert all(utterance.path == root / utterance.id for utterance in corpus.utterances)


def test_what_is_packed_is_what_the_files_hold(root: Path) -> None:
    packed = prepare_corpus(str(root), Features())
    assert packed.features.mel_bands == 24
    assert packed.problems == []
    assert len(packed.ids) == 12
    for identifier, offset, length in zip(packed.ids, packed.offsets, packed.lengths, strict=True):
        expected = torch.load(root / identifier, weights_only=True).half().numpy()
        np.testing.assert_array_equal(packed.frames[offset : offset + length], expected)


@pytest.mark.parametrize("missing", [("mapping.json",), ("testdata.json",), ("mapping.json", "testdata.json")])
def test_metadata_is_enough(root: Path, missing: tuple[str, ...]) -> None:
    for name in missing:
        (root / name).unlink()
    corpus = open_corpus(str(root))
    assert len(corpus.utterances) == 12
    assert {kind for kind, _ in found(corpus)} == ({"not listed"} if "testdata.json" in missing else set())


def test_another_metadata_is_another_layout(tmp_path: Path) -> None:
    for name in ("a/1.wav", "b/1.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"audio")
    (tmp_path / "metadata.json").write_text('{"title": "recordings", "speakers": 2}')
    assert open_corpus(str(tmp_path)).layout == "audio_folder"


def test_one_bad_entry_spoils_no_other(root: Path) -> None:
    def spoil(metadata: Any) -> None:
        speakers = metadata["speakers"]
        speakers["id00000"][1] = {"feature_path": "uttr-0001.pt"}
        speakers["id00000"].append(17)
        speakers["id00000"].append({"feature_path": "uttr-0000.pt", "mel_len": 30})
        speakers["id00001"][0]["mel_len"] = -3
        speakers["id00001"][1]["feature_path"] = "../Dataset/uttr-0101.pt"
        speakers["id00001"][2]["feature_path"] = str(root / "uttr-0102.pt")
        speakers["id00001"][3]["feature_path"] = "uttr-gone.pt"
        speakers["id00002"][3]["feature_path"] = "with\0zero.pt"
        speakers["nobody"] = {"feature_path": "uttr-0000.pt", "mel_len": 30}

    change(root, "metadata.json", spoil)
    (root / "mapping.json").unlink()
    corpus = open_corpus(str(root))
    assert [utterance.id for utterance in corpus.utterances] == [
        "uttr-0000.pt", "uttr-0002.pt", "uttr-0003.pt", "uttr-0200.pt", "uttr-0201.pt", "uttr-0202.pt",
    ]  # fmt: skip
    assert found(corpus) == {
        ("bad entry", "metadata.json: speakers.id00000[1]"),
        ("bad entry", "metadata.json: speakers.id00000[4]"),
        ("listed twice", "uttr-0000.pt"),
        ("bad entry", "metadata.json: speakers.id00001[0]"),
        ("outside", "metadata.json: speakers.id00001[1]"),
        ("outside", "metadata.json: speakers.id00001[2]"),
        ("missing", "uttr-gone.pt"),
        ("unreadable", "with\0zero.pt"),
        ("bad entry", "metadata.json: speakers.nobody"),
        ("not listed", "metadata.json"),
    }
    details = {problem.where: problem.detail for problem in corpus.problems}
    assert "mel_len" in details["metadata.json: speakers.id00000[1]"]
    assert details["metadata.json"] == "6 files end in .pt and stand in no list (the first is 'uttr-0001.pt')"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{\n"n_mels": 40,\n"speakers": {"a": NaN}}', "line 3: JSON is malformed: invalid character"),
        ('{"n_mels": 40, "speakers": {"a": [', "truncated"),
        ('{"speakers": {"a": []}}', "missing required field 'n_mels'"),
        ('{"n_mels": 100000, "speakers": {}}', "<= 512 at 'n_mels'"),
        ('{"n_mels": 40, "speakers": {"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"n_mels": 40, "speakers": []}', "Expected 'object', got 'array' at 'speakers'"),
        (b'{"n_mels": 40, "speakers": {"\xff": []}}', "is not UTF-8"),
        ("", "truncated"),
    ],
    ids=["NaN", "cut", "key missing", "too many bands", "deep", "wrong type", "bytes", "empty"],
)
def test_metadata_that_makes_no_sense_names_file_and_place(root: Path, content: str | bytes, said: str) -> None:
    (root / "metadata.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        open_corpus(str(root))
    assert str(error.value).startswith(f"{root / 'metadata.json'}: ")
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["metadata.json", "mapping.json", "testdata.json"])
def test_a_file_of_the_folder_is_no_corpus_and_the_folder_is_named(root: Path, name: str) -> None:
    with pytest.raises(InputError) as error:
        open_corpus(str(root / name))
    assert str(error.value) == f"{root / name}: is a file; give the folder that it lies in, {root}"


@pytest.mark.parametrize("layout", ["auto", "homework"])
def test_without_metadata_that_is_what_is_said(root: Path, layout: str) -> None:
    (root / "metadata.json").unlink()
    with pytest.raises(InputError) as error:
        open_corpus(str(root), Data(layout=layout))
    assert str(error.value).startswith(f"{root}: has no metadata.json; a corpus lies like this\n")
    assert "<speaker>/" not in str(error.value)


@pytest.mark.parametrize("kind", ["pipe", "link to itself"])
def test_metadata_that_is_no_file_is_named(root: Path, kind: str) -> None:
    metadata = root / "metadata.json"
    metadata.unlink()
    if kind == "pipe":
        os.mkfifo(metadata)
    else:
        metadata.symlink_to(metadata)
    with pytest.raises(InputError) as error:
        open_corpus(str(root))
    assert str(error.value).startswith(f"{metadata}: ")
    assert ("is no file that can be read" if kind == "pipe" else "symbolic links") in str(error.value)


@pytest.mark.parametrize("beside", ["mapping.json", "notes.txt"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "missing required field 'n_mels'"),
        (b"[]", "Expected 'object', got 'array'"),
        (b"", "truncated"),
        ('{"n_mels": 40, "speakers": {}}'.encode("utf-16"), "malformed"),
    ],
    ids=["object", "array", "empty", "UTF-16"],
)
def test_broken_metadata_are_named_where_nothing_else_is_a_corpus(
    tmp_path: Path, content: bytes, said: str, beside: str
) -> None:
    (tmp_path / "metadata.json").write_bytes(content)
    (tmp_path / beside).write_text("{}")
    with pytest.raises(InputError) as error:
        open_corpus(str(tmp_path))
    assert str(error.value).startswith(f"{tmp_path / 'metadata.json'}: ")
    assert said in str(error.value)


def test_a_single_file_in_no_list_is_told_in_the_singular(root: Path) -> None:
    shutil.copy(root / "uttr-0000.pt", root / "stray.pt")
    [problem] = open_corpus(str(root)).problems
    assert problem.detail == "one file ends in .pt and stands in no list ('stray.pt')"


def test_a_mapping_that_disagrees_is_remarked_and_leaves_nothing_out(root: Path) -> None:
    def differ(mapping: Any) -> None:
        del mapping["speaker2id"]["id00000"]
        mapping["speaker2id"]["stranger"] = 7
        mapping["id2speaker"]["1"] = "id00002"

    change(root, "mapping.json", differ)
    corpus = open_corpus(str(root))
    assert len(corpus.utterances) == 12
    assert {where for _, where in found(corpus)} == {"id00000", "stranger", "id00001", "id00002"}
    assert not any(problem.leaves_out for problem in corpus.problems)
    (root / "mapping.json").write_text("[]")
    assert found(open_corpus(str(root))) == {("mapping differs", "mapping.json")}


def test_test_data_are_looked_at_and_not_trained_on(root: Path) -> None:
    def differ(test: Any) -> None:
        test["n_mels"] = 40
        test["utterances"] += [{"feature_path": "gone.pt", "mel_len": 9}, {"feature_path": "../x.pt", "mel_len": 9}]

    change(root, "testdata.json", differ)
    corpus = open_corpus(str(root))
    assert found(corpus) == {("test data", "testdata.json"), ("test data", "gone.pt"), ("test data", "../x.pt")}
    assert not any(problem.leaves_out for problem in corpus.problems)
    assert "uttr-test.pt" not in {utterance.id for utterance in corpus.utterances}


def test_files_may_lie_in_folders_below(root: Path) -> None:
    (root / "more").mkdir()
    (root / "uttr-0000.pt").rename(root / "more" / "uttr-0000.pt")
    change(root, "metadata.json", lambda m: m["speakers"]["id00000"][0].update(feature_path="more/uttr-0000.pt"))
    corpus = open_corpus(str(root))
    assert corpus.problems == []
    assert corpus.utterances[0].path == root / "more" / "uttr-0000.pt"


def test_a_length_that_differs_is_remarked_and_stays(root: Path) -> None:
    change(root, "metadata.json", lambda metadata: metadata["speakers"]["id00000"][0].update(mel_len=31))
    packed = pack(open_corpus(str(root)), Features())
    assert len(packed.ids) == 12
    assert [(p.kind, p.where, p.detail) for p in packed.problems] == [
        ("length differs", "uttr-0000.pt", "has 30 frames, its metadata says 31")
    ]


@pytest.mark.parametrize("mel_len", [10_000_001, 10**30])
def test_a_length_beyond_belief_is_remarked_and_not_believed(root: Path, mel_len: int) -> None:
    honest = summarize(str(root))
    change(root, "metadata.json", lambda metadata: metadata["speakers"]["id00000"][0].update(mel_len=mel_len))
    told = [("length differs", "uttr-0000.pt", "has a mel_len beyond 10,000,000 frames")]
    summary = summarize(str(root))
    assert [(p.kind, p.where, p.detail) for p in summary.problems] == told
    assert summary.hours == pytest.approx(honest.hours - 30 * 0.01 / 3600)
    pack(open_corpus(str(root)), Features())
    summary = summarize(str(root))
    assert [(p.kind, p.where, p.detail) for p in summary.problems] == told
    assert summary.hours == pytest.approx(honest.hours)  # by then the file has been counted


def test_the_largest_length_that_is_believed(root: Path) -> None:
    change(root, "metadata.json", lambda metadata: metadata["speakers"]["id00000"][0].update(mel_len=10_000_000))
    corpus = open_corpus(str(root))
    assert (corpus.utterances[0].frames, corpus.problems) == (10_000_000, [])


def test_the_fingerprint_follows_files_and_metadata(root: Path) -> None:
    seen = {open_corpus(str(root)).fingerprint}
    assert open_corpus(str(root)).fingerprint in seen
    os.utime(root / "uttr-0000.pt", ns=(1, 1))
    seen.add(open_corpus(str(root)).fingerprint)
    change(root, "metadata.json", lambda metadata: metadata["speakers"]["id00001"].pop())
    seen.add(open_corpus(str(root)).fingerprint)
    assert len(seen) == 3


def test_the_course_corpus_is_listed_in_seconds_and_a_tenth_of_it_is_held_out(tmp_path: Path) -> None:
    root = homework_folder(tmp_path / "Dataset", speakers=2, each=2)
    speakers_of = np.sort(np.random.default_rng(0).integers(COURSE_SPEAKERS, size=COURSE_UTTERANCES))
    ids = [f"uttr-{number:032x}.pt" for number in range(COURSE_UTTERANCES)]
    speakers: dict[str, list[dict[str, object]]] = {f"id{number:05d}": [] for number in range(COURSE_SPEAKERS)}
    for identifier, speaker in zip(ids, speakers_of, strict=True):
        speakers[f"id{speaker:05d}"].append({"feature_path": identifier, "mel_len": 100})
    (root / "metadata.json").write_text(json.dumps({"n_mels": 40, "speakers": speakers}))
    for identifier in ids[::8]:  # the others are missing, and asked for one by one, which is the slower way
        os.link(root / "uttr-0000.pt", root / identifier)
    began = time.perf_counter()
    corpus = open_corpus(str(root), Data(layout="homework"))
    assert time.perf_counter() - began < 8  # one or two on an idle machine
    assert [utterance.id for utterance in corpus.utterances] == ids[::8]
    assert sum(problem.kind == "missing" for problem in corpus.problems) == COURSE_UTTERANCES - len(corpus.utterances)

    parts = split(ids, speakers_of, 0.1, 0)
    assert len(parts.validation) == 5_667
    assert len(parts.train) == COURSE_UTTERANCES - 5_667
    assert len(set(speakers_of[parts.train])) == len(set(speakers_of[parts.validation])) == COURSE_SPEAKERS


PACK_SLOWLY = """
import sys
from engine.corpus.preparing import prepare_corpus
from engine.preset import Features

def report(stage, done, *_):
    print(done, flush=True)
    if done > 3:
        sys.stdin.read()  # until it is killed

prepare_corpus(sys.argv[1], Features(), report)
"""


def test_a_killed_packing_leaves_nothing_that_the_next_one_stumbles_over(tmp_path: Path, cache: Path) -> None:
    root = homework_folder(tmp_path / "few", speakers=2, each=4)
    big = tmp_path / "Dataset"
    shutil.copytree(root, big)
    speakers = json.loads((root / "metadata.json").read_text())["speakers"]
    for speaker in list(speakers):
        for number in range(400):
            os.link(big / speakers[speaker][0]["feature_path"], big / f"{speaker}-{number}.pt")
            speakers[speaker].append({"feature_path": f"{speaker}-{number}.pt", "mel_len": 30})
    change(big, "metadata.json", lambda metadata: metadata.update(speakers=speakers))
    process = subprocess.Popen(
        [sys.executable, "-c", PACK_SLOWLY, str(big)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) > 3:
            process.kill()
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [path.name.split(".")[-1] for path in sorted((cache / "packed").iterdir())] == ["lock", "partial"]
    packed = prepare_corpus(str(big), Features())
    assert len(packed.ids) == 808
    assert len(packed.frames) == packed.lengths.sum()
    assert not list((cache / "packed").glob("*.partial"))
