"""SpeechBrain's CSV files: data roots, samples that become seconds, parts by file, sessions of VoxCeleb."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings

from engine.corpus.readers import speechbrain
from engine.preset import Data
from tests.engine.corpus.readers.manifest_corpora import (
    arbitrary_manifests,
    held_out,
    ids,
    opened,
    problems,
    reads_or_refuses,
    record,
    refusal,
    write,
)

HEADER = "ID,duration,wav,start,stop,spk_id"
VIDEOS = [f"{speaker}/{video}/{number}.wav" for speaker in ("alice", "bob") for video in "xyz" for number in range(2)]


def line(name: str, root: str = "$data_root", seconds: float = 0.4) -> str:
    speaker, video, number = name.removesuffix(".wav").split("/")
    return f"{speaker}--{video}--{number},{seconds},{root}/{name},0,{round(seconds * 16_000)},{speaker}"


@pytest.mark.parametrize("root", ["$data_root", "${data_root}", "{data_root}", "."])
def test_recordings_are_found_below_any_data_root(tmp_path: Path, root: str) -> None:
    record(tmp_path / "data", *VIDEOS)
    beside = write(tmp_path / "data" / "train.csv", HEADER, *(line(name, root) for name in VIDEOS))
    above = write(tmp_path / "data" / "save" / "train.csv", HEADER, *(line(name, root) for name in VIDEOS))
    for manifest in (beside, above):
        corpus = opened(manifest)
        assert corpus.layout == "speechbrain"
        assert corpus.problems == []
        assert ids(corpus)[0] == "alice--x--0"
        assert all((utterance.start, utterance.end) == (0.0, None) for utterance in corpus.utterances)
        assert {utterance.session for utterance in corpus.utterances} == {"x", "y", "z"}
    assert opened(beside.parent).utterances == opened(beside).utterances


def test_the_three_files_of_a_recipe_are_one_corpus_with_its_own_split(tmp_path: Path) -> None:
    record(tmp_path, *VIDEOS)
    write(tmp_path / "train.csv", HEADER, *(line(name) for name in VIDEOS if "/x/" in name))
    write(tmp_path / "dev.csv", HEADER, *(line(name) for name in VIDEOS if "/y/" in name))
    write(tmp_path / "test.csv", HEADER, *(line(name) for name in VIDEOS if "/z/" in name))
    write(tmp_path / "enrol.csv", HEADER, line("carol/x/0.wav"))
    write(tmp_path / "noise.csv", "ID,duration,wav,wav_format,wav_opts", "n1,3.0,noise.wav,wav,")
    packed, split, validation = held_out(tmp_path)
    assert split.way == "official"
    assert validation == {"alice--y--0", "alice--y--1", "bob--y--0", "bob--y--1"}
    assert not any("--z--" in packed.ids[index] for index in split.train)


def test_videos_are_sessions_where_there_is_no_split(tmp_path: Path) -> None:
    record(tmp_path, *VIDEOS)
    packed, split, validation = held_out(write(tmp_path / "all.csv", HEADER, *map(line, VIDEOS)))
    assert split.way == "sessions"
    videos = {name.rpartition("--")[0] for name in validation}
    assert videos
    assert videos.isdisjoint(packed.ids[index].rpartition("--")[0] for index in split.train)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_samples_become_seconds_by_the_rate_of_the_recording(tmp_path: Path, rate: int) -> None:
    for name in ("alice", "bob"):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(4 * rate), rate)
    chunks = [
        f"{name}_{start}_{start + 2},4.0,{name}.wav,{start * rate},{(start + 2) * rate},{name}"
        for name in ("alice", "bob")
        for start in (0, 2)
    ]
    corpus = opened(write(tmp_path / "chunks.csv", HEADER, *chunks, "rest,,alice.wav,,,alice"))
    assert [(utterance.start, utterance.end) for utterance in corpus.utterances] == [(0, 2), (2, 4)] * 2 + [(0, None)]
    assert [utterance.session for utterance in corpus.utterances] == ["alice.wav"] * 2 + ["bob.wav"] * 2 + ["alice.wav"]


def test_a_whole_recording_at_another_rate_than_the_first_is_still_the_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "alice.wav", np.zeros(32_000), 16_000)
    soundfile.write(tmp_path / "bob.wav", np.zeros(16_000), 8_000)
    rows = ("a,2.0,alice.wav,0,32000,alice", "b,2.0,bob.wav,0,16000,bob", "c,2.0,bob.wav,8000,16000,bob")
    corpus = opened(write(tmp_path / "list.csv", HEADER, *rows))
    assert [(utterance.start, utterance.end) for utterance in corpus.utterances] == [(0, None), (0, 2), (1, 2)]


def test_columns_may_stand_in_any_order_with_others_between_and_without_stretches(tmp_path: Path) -> None:
    record(tmp_path, "alice/1.wav", "bob/1.wav")
    corpus = opened(
        write(
            tmp_path / "list.csv",
            "spk_id, ID, wrd, duration, wav",
            'alice, a1, "HELLO, WORLD", 0.4, alice/1.wav',
            'bob, b1, "GOOD BYE", 0.4, bob/1.wav',
        )
    )
    assert corpus.layout == "speechbrain"
    assert ids(corpus) == ["a1", "b1"]


def test_every_broken_line_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    record(tmp_path, "alice/1.wav", "bob/1.wav")
    (tmp_path / "noise.wav").write_bytes(b"this is no sound")
    corpus = opened(
        write(
            tmp_path / "train.csv",
            HEADER,
            "a1,0.4,alice/1.wav,0,6400,alice",
            ",0.4,alice/1.wav,0,6400,alice",
            "a2,0.4,,0,6400,alice",
            "a3,0.4,alice/1.wav,0,6400,",
            "a4,0.4,alice/1.wav,first,6400,alice",
            "a5,0.4,alice/1.wav,0,1e999,alice",
            "a6,0.4,alice/1.wav,6400,0,alice",
            "a7,long,alice/1.wav,0,6400,alice",
            "a8,0.4,noise.wav,100,6400,alice",
            "a9,0.4,gone.wav,100,6400,alice",
            "a1,0.4,alice/1.wav,0,6400,alice",
            "b1,0.4,bob/1.wav,0,6400,bob",
        )
    )
    assert ids(corpus) == ["a1", "b1"]
    kinds = [(kind, where) for kind, where, _ in problems(corpus)]
    assert kinds[:6] == [("bad line", f"train.csv line {number}") for number in (3, 4, 5, 6, 7, 9)]
    assert set(kinds[6:]) == {
        ("unreadable", "a8"), ("missing", "a9"), ("listed twice", "a1"), ("bad stretch", "a6"),
    }  # fmt: skip


def test_a_file_of_another_kind_is_told_what_is_missing(tmp_path: Path) -> None:
    other = write(tmp_path / "list.csv", "path,speaker", "alice/1.wav,alice")
    assert "has no column ID, duration, wav, spk_id" in refusal(other, "speechbrain")
    assert "holds nothing that looks like this" in refusal(tmp_path, "speechbrain")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=arbitrary_manifests(f"{HEADER}\n", "a.wav", ",", '"', "x", "1", "-1", "0", "$data_root/", "\0", "\ud800")
)
def test_nothing_but_a_corpus_or_a_message_comes_out_of_any_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.wav").write_bytes(b"RIFF")
        for text in (content, HEADER.encode() + b"\n" + content):
            (folder / "train.csv").write_bytes(text)
            reads_or_refuses(lambda: speechbrain.read(folder / "train.csv", Data()))
            reads_or_refuses(lambda: speechbrain.read(folder, Data()))
