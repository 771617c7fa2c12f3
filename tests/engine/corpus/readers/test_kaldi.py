"""Kaldi's data directories: recordings, segments, parts; and commands in wav.scp, which are never run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from engine.corpus.readers import kaldi
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

FOUR = ("alice/1.wav", "alice/2.wav", "bob/1.wav", "bob/2.wav")


def data_directory(folder: Path, *names: str, audio: str = "") -> Path:
    """wav.scp and utt2spk of recordings `<speaker>/<number>.wav`, whose paths begin with `audio`."""
    identifiers = [name.removesuffix(".wav").replace("/", "-") for name in names]
    write(folder / "wav.scp", *(f"{key} {audio}{name}" for key, name in zip(identifiers, names, strict=True)))
    write(folder / "utt2spk", *(f"{key} {key.split('-')[0]}" for key in identifiers))
    return folder


@pytest.mark.parametrize("place", ["egs/data/train", "egs/data", "egs", "elsewhere"])
def test_paths_are_looked_for_where_recipes_run(tmp_path: Path, place: str) -> None:
    record(tmp_path / place / "wavs", *FOUR)
    audio = f"{tmp_path}/elsewhere/wavs/" if place == "elsewhere" else "wavs/"
    folder = data_directory(tmp_path / "egs" / "data" / "train", *FOUR, audio=audio)
    corpus = opened(folder)
    assert corpus.layout == "kaldi"
    assert corpus.problems == []
    assert ids(corpus) == ["alice-1", "alice-2", "bob-1", "bob-2"]
    assert {utterance.session for utterance in corpus.utterances} == {""}
    assert all(utterance.path.is_file() for utterance in corpus.utterances)
    assert opened(folder / "wav.scp").utterances == corpus.utterances


def test_the_data_directory_comes_before_those_above_it(tmp_path: Path) -> None:
    folder = data_directory(record(tmp_path / "data" / "train", *FOUR), *FOUR)
    record(tmp_path, *FOUR)
    assert opened(folder).utterances[0].path == folder / "alice" / "1.wav"


def test_segments_are_stretches_and_their_recordings_sessions(tmp_path: Path) -> None:
    names = ("alice/1.wav", "alice/2.wav", "alice/3.wav", "bob/1.wav", "bob/2.wav", "bob/3.wav")
    folder = data_directory(record(tmp_path, *names, seconds=1.0), *names)
    segments = [
        (f"{key}-{start}", key, start, end)
        for key in ("alice-1", "alice-2", "alice-3", "bob-1", "bob-2", "bob-3")
        for start, end in ((0.0, 0.4), (0.5, -1))
    ]
    write(folder / "segments", *(" ".join(map(str, segment)) for segment in segments))
    write(folder / "utt2spk", *(f"{name}\t{key.split('-')[0]}" for name, key, _, _ in segments))
    corpus = opened(folder)
    assert corpus.problems == []
    assert {(utterance.start, utterance.end) for utterance in corpus.utterances} == {(0.0, 0.4), (0.5, None)}
    packed, split, validation = held_out(folder)
    assert split.way == "sessions"
    recordings = {name.rpartition("-")[0] for name in validation}
    assert recordings
    assert recordings.isdisjoint(packed.ids[index].rpartition("-")[0] for index in split.train)


def test_folders_named_by_parts_are_one_corpus_with_its_own_split(tmp_path: Path) -> None:
    names = [f"{speaker}/{number}.wav" for speaker in ("alice", "bob") for number in range(4)]
    record(tmp_path, *names)
    for part, numbers in (("train", "01"), ("dev", "2"), ("test", "3")):
        data_directory(tmp_path / "data" / part, *(name for name in names if name[-5] in numbers))
    data_directory(tmp_path / "data" / "train_again", *names)
    packed, split, validation = held_out(tmp_path / "data")
    assert split.way == "official"
    assert validation == {"alice-2", "bob-2"}
    assert {packed.ids[index] for index in split.train} == {"alice-0", "alice-1", "bob-0", "bob-1"}


def test_a_command_is_never_run(tmp_path: Path) -> None:
    folder = data_directory(record(tmp_path, *FOUR), *FOUR)
    proof = tmp_path / "proof"
    commands = [f"touch {proof} |", f"|touch {proof}", f"sox alice/1.wav -t wav - ; touch {proof}|", "feats.ark:1042"]
    with (folder / "wav.scp").open("a") as wav_scp, (folder / "utt2spk").open("a") as utt2spk:
        for number, command in enumerate(commands):
            wav_scp.write(f"alice-x{number} {command}\n")
            utt2spk.write(f"alice-x{number} alice\n")
    held_out(folder)
    corpus = opened(folder)
    assert not proof.exists()
    assert len(corpus.utterances) == 4
    told = "is made by a command, which is never run; write the audio to a file first"
    assert problems(corpus)[:3] == [("piped command", f"alice-x{number}", told) for number in range(3)]
    assert problems(corpus)[3][:2] == ("archive", "alice-x3")
    assert len(corpus.problems) == 4


def test_a_corpus_of_commands_alone_is_refused_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "wav.scp", *(f"u{number} touch {tmp_path}/proof |" for number in range(5)))
    write(tmp_path / "utt2spk", *(f"u{number} alice" for number in range(5)))
    message = refusal(tmp_path)
    assert "u0 is made by a command, which is never run" in message
    assert "and 2 more" in message
    assert not (tmp_path / "proof").exists()


def test_every_broken_line_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = record(tmp_path, *FOUR)
    (folder / "wav.scp").write_bytes(
        b"r1 alice/1.wav\nr2\n\n\xff bob/1.wav\nr1 bob/1.wav\nr3   bob/1.wav\r\nr4 gone.wav"
    )
    write(
        folder / "segments",
        "a1 r1 0 0.2",
        "a2 r1 0",
        "a3 r1 zero 0.2",
        "a4 r9 0 0.2",
        "a5 r1 0 0.2 1",
        "a6 r1 0.2 0.1",
        "a1 r1 0 0.3",
        "b1 r3 0.1 0.2",
        "b2 r3 0.2 0.3",
        "b3 r4 0.2 0.3",
    )
    write(folder / "utt2spk", "a1 alice", "a6 alice", "b1 bob", "b3 bob", "b4 bob", "nobody")
    corpus = opened(folder)
    assert ids(corpus) == ["a1", "b1"]
    found = [(kind, where) for kind, where, _ in problems(corpus)]
    assert sorted(found) == sorted(
        [("bad line", f"wav.scp line {number}") for number in (2, 4, 5)]
        + [("bad line", f"segments line {number}") for number in (2, 3, 4, 5, 7)]
        + [("bad line", "utt2spk line 6"), ("no speaker", "b2"), ("no recording", "b4")]
        + [("bad stretch", "a6"), ("missing", "b3")]
    )


def test_a_directory_without_speakers_says_what_is_missing(tmp_path: Path) -> None:
    write(record(tmp_path, "alice/1.wav") / "wav.scp", "u1 alice/1.wav")
    assert "has no file utt2spk" in refusal(tmp_path)
    assert "holds nothing that looks like this" in refusal(record(tmp_path / "plain", *FOUR), "kaldi")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    wav_scp=arbitrary_manifests("u1", "u2", " ", "\t", "a.wav", "\n", "|", "touch proof", ":12", "\0", "\ud800"),
    segments=arbitrary_manifests("s1", "s2", " ", "u1", "u2", "0", "-1", "nan", "1e308", "\n"),
)
def test_nothing_but_a_corpus_or_a_message_comes_out_of_any_file(wav_scp: bytes, segments: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.wav").touch()
        (folder / "wav.scp").write_bytes(wav_scp)
        write(folder / "utt2spk", "u1 alice", "u2 bob", "s1 alice", "s2 bob")
        reads_or_refuses(lambda: kaldi.read(folder, Data()))
        (folder / "segments").write_bytes(segments)
        reads_or_refuses(lambda: kaldi.read(folder, Data()))
        (folder / "utt2spk").write_bytes(wav_scp)
        reads_or_refuses(lambda: kaldi.read(folder, Data()))
        assert {path.name for path in folder.iterdir()} == {"a.wav", "wav.scp", "utt2spk", "segments"}
