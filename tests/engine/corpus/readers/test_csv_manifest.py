"""CSV manifests: columns, delimiters, parts, stretches, sessions, and every way in which a line can be wrong."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings

from engine.corpus.readers import audio_folder, csv_manifest
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
ROWS = ("alice/1.wav,alice", "alice/2.wav,alice", "bob/1.wav,bob", "bob/2.wav,bob")


def test_a_file_and_the_folder_that_holds_it_are_the_same_corpus(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    manifest = write(tmp_path / "metadata.csv", "path,speaker", *ROWS)
    by_file, by_folder = opened(manifest), opened(tmp_path)
    assert by_file.layout == by_folder.layout == "csv"
    assert by_file.utterances == by_folder.utterances
    assert by_file.fingerprint == by_folder.fingerprint
    assert ids(by_file) == list(FOUR)
    assert [utterance.speaker for utterance in by_file.utterances] == ["alice", "alice", "bob", "bob"]
    assert by_file.problems == []
    assert by_file.name == "metadata"


@pytest.mark.parametrize(
    "header",
    ["path,speaker", "File;SPK_ID", "Speaker ID;text;WAV", "audio\tlabel", '"filepath", "spk"', "\ufefffile,spk"],
)
def test_columns_have_many_names_and_any_delimiter(tmp_path: Path, header: str) -> None:
    record(tmp_path, *FOUR)
    delimiter = next(mark for mark in ";\t," if mark in header)
    rows = [row.split(",") for row in ROWS]
    if header.startswith("Speaker"):
        rows = [[speaker, "says, this", path] for path, speaker in rows]
    corpus = opened(write(tmp_path / "list.csv", header, *(delimiter.join(row) for row in rows)))
    assert ids(corpus) == list(FOUR)
    assert corpus.speakers == ["alice", "bob"]


def test_paths_may_lead_anywhere(tmp_path: Path) -> None:
    record(tmp_path / "audio", *FOUR)
    absolute = str(tmp_path / "audio" / "alice" / "2.wav")
    corpus = opened(
        write(
            tmp_path / "lists" / "train.csv",
            "path,speaker",
            "../audio/./alice/1.wav,alice",
            f"{absolute},alice",
            "../audio/bob/1.wav,bob",
            "~/bob/2.wav,bob",
        )
    )
    assert ids(corpus) == ["../audio/alice/1.wav", absolute, "../audio/bob/1.wav"]
    assert all(utterance.path.is_file() for utterance in corpus.utterances)
    assert problems(corpus) == [("missing", "~/bob/2.wav", "is listed, and there is no such file")]


def test_ids_come_from_their_column_and_are_listed_once(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    rows = [f"{row},u{number % 3}" for number, row in enumerate(ROWS)]
    corpus = opened(write(tmp_path / "list.csv", "path,speaker,utterance", *rows))
    assert ids(corpus) == ["u0", "u1", "u2"]
    assert [(kind, where) for kind, where, _ in problems(corpus)] == [("listed twice", "u0")]


def test_files_named_by_parts_make_one_corpus_with_its_own_split(tmp_path: Path) -> None:
    names = [f"{speaker}/{number}.wav" for speaker in ("alice", "bob") for number in range(4)]
    record(tmp_path, *names)
    rows = [f"{name},{name.split('/')[0]}" for name in names]
    write(tmp_path / "train.csv", "path,speaker", *(row for row in rows if "/0" in row or "/1" in row))
    write(tmp_path / "valid.csv", "path,speaker", *(row for row in rows if "/2" in row))
    write(tmp_path / "test.csv", "path,speaker", *(row for row in rows if "/3" in row))
    write(tmp_path / "train_small.csv", "path,speaker", rows[0])
    write(tmp_path / "scores.csv", "epoch,loss", "1,2")
    packed, split, validation = held_out(tmp_path)
    assert split.way == "official"
    assert validation == {"alice/2.wav", "bob/2.wav"}
    assert {packed.ids[index] for index in split.train} == {"alice/0.wav", "alice/1.wav", "bob/0.wav", "bob/1.wav"}


def test_a_split_column_wins_over_the_name_of_the_file(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    parts = ("Train", "", "validation", "TEST")
    corpus = opened(
        write(tmp_path / "train.csv", "path,speaker,split", *(",".join(row) for row in zip(ROWS, parts, strict=True)))
    )
    assert [utterance.part for utterance in corpus.utterances] == ["train", "", "validation", "test"]


def test_sessions_are_held_out_whole(tmp_path: Path) -> None:
    names = [f"{speaker}/{number}.wav" for speaker in ("alice", "bob") for number in range(6)]
    record(tmp_path, *names)
    rows = [f"{name},{name.split('/')[0]},day {number % 3}" for number, name in enumerate(names)]
    write(tmp_path / "manifest.csv", "path,speaker,session", *rows)
    packed, split, validation = held_out(tmp_path)
    assert split.way == "sessions"
    of = dict(zip(packed.ids, zip(packed.speakers_of.tolist(), packed.sessions, strict=True), strict=True))
    assert validation
    assert not {of[name] for name in validation} & {of[packed.ids[index]] for index in split.train}


def test_stretches_of_a_recording_are_a_session_and_sound_as_if_cut_out(tmp_path: Path) -> None:
    record(tmp_path, "alice/long.wav", "alice/other.wav", "bob/long.wav", "bob/other.wav", seconds=2.0)
    rows = [
        f"{name},{name.split('/')[0]},{start},{start + 0.5}"
        for name in ("alice/long.wav", "alice/other.wav", "bob/long.wav", "bob/other.wav")
        for start in (0.0, 0.5123, 1.1)
    ]
    write(tmp_path / "stretches.csv", "path,speaker,start,end", *rows)
    packed, split, validation = held_out(tmp_path)
    assert "alice/long.wav@0.5123-1.0123" in packed.ids
    assert split.way == "sessions"
    assert {name.partition("@")[0] for name in validation}.isdisjoint(
        packed.ids[index].partition("@")[0] for index in split.train
    )
    cut = tmp_path / "cut"
    cut_rows = []
    for row in rows:
        name, speaker, start, end = row.split(",")
        samples, rate = soundfile.read(tmp_path / name, dtype="int16")
        own = cut / f"{name.replace('/', '-')}@{float(start):g}-{float(end):g}.wav"
        own.parent.mkdir(exist_ok=True)
        soundfile.write(own, samples[round(float(start) * rate) : round(float(end) * rate)], rate)
        cut_rows.append(f"{own.name},{speaker}")
    alone, _, _ = held_out(write(cut / "list.csv", "path,speaker", *cut_rows))
    assert (packed.frames == alone.frames).all()
    assert packed.lengths.tolist() == alone.lengths.tolist()


def test_stretches_late_in_a_long_recording_keep_names_of_their_own(tmp_path: Path) -> None:
    record(tmp_path, "alice/1.wav", "bob/1.wav")
    rows = [f"alice/1.wav,alice,{5000 + number / 1000},5001" for number in range(3)]
    corpus = opened(write(tmp_path / "list.csv", "path,speaker,start,end", *rows, "bob/1.wav,bob,0.1,0.3"))
    assert corpus.problems == []
    assert ids(corpus)[:2] == ["alice/1.wav@5000-5001", "alice/1.wav@5000.001-5001"]


def test_a_single_speaker_is_refused_with_the_picture_of_a_manifest_alone(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    message = refusal(write(tmp_path / "list.csv", "path,speaker", *ROWS[:2]))
    assert "only one speaker found ('alice')" in message
    assert csv_manifest.PICTURE in message
    assert audio_folder.PICTURE not in message


def test_a_duration_ends_a_stretch_where_no_end_is_given(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    corpus = opened(
        write(
            tmp_path / "list.csv",
            "path,speaker,start,duration,end",
            f"{ROWS[0]},0.1,0.2,",
            f"{ROWS[1]},0.1,9,0.2",
            f"{ROWS[2]},,0.4,",
            f"{ROWS[3]},0.1,,",
        )
    )
    times = [(utterance.start, utterance.end) for utterance in corpus.utterances]
    assert times == [(0.1, pytest.approx(0.3)), (0.1, 0.2), (0.0, None), (0.1, None)]
    assert ids(corpus)[2:] == ["bob/1.wav", "bob/2.wav@0.1-"]


def test_every_broken_line_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    (tmp_path / "pipe.wav").mkdir()
    lines = [
        b"path,speaker,start,end,split",
        b"alice/1.wav,alice,,,",
        b'"alice/2.wav,alice,,,',  # a quote that is never closed
        b"alice/2.wav,alice,,,,,",  # more delimiters than needed
        b",alice,,,",
        b"bob/1.wav,,,,",
        b"bob/1.wav,bob,soon,,",
        b"bob/1.wav,bob,3,2,",
        b"bob/1.wav,bob,-1,,",
        b"bob/1.wav,bob,1e999,,",
        b"bob/1.wav,bob,,,sometimes",
        b"bob/1.wav,bob",
        b"b\xf6b/1.wav,bob,,,",
        b"bob/" + 200_000 * b"x" + b",bob,,,",
        b"",
        b"gone.wav,bob,,,",
        b"pipe.wav,bob,,,",
        b"a.wma,bob,,,",
        b"bob/\x001.wav,bob,,,",
        b'"bob/1.wav","bob",,,',
        b"bob/2.wav,bob,,,",
    ]
    (tmp_path / "list.csv").write_bytes(b"\r\n".join(lines))
    corpus = opened(tmp_path / "list.csv")
    assert ids(corpus) == list(FOUR)
    found = {where: (kind, detail) for kind, where, detail in problems(corpus)}
    for line, words in {
        3: "can't be told apart", 5: "has no path", 6: "has no speaker", 7: "'soon' is no number", 10: "too far",
        11: "'sometimes' is no split", 12: "has 2 fields, and the header 5", 13: "not UTF-8", 14: "can't be told apart",
    }.items():  # fmt: skip
        kind, detail = found.pop(f"list.csv line {line}")
        assert kind == "bad line"
        assert words in detail
    assert found.pop("bob/1.wav@3-2") == ("bad stretch", "goes from 3 s to 2 s")
    assert found.pop("gone.wav")[0] == "missing"
    assert found.pop("pipe.wav") == ("unreadable", "is not a file")
    assert found.pop("a.wma")[0] == "unsupported"
    assert len(found) == 2  # the negative start and the zero byte, which Python's versions tell in different ways
    assert len(corpus.problems) == 15


def test_a_record_may_go_over_several_lines_inside_quotes(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    rows = [f'{row},"first\nsecond, ""third"""' for row in ROWS]
    assert ids(opened(write(tmp_path / "list.csv", "path,speaker,text", *rows))) == list(FOUR)


@pytest.mark.parametrize("column", ["speaker", "text"])
def test_a_quote_that_is_closed_rows_below_spoils_its_own_row_alone(tmp_path: Path, column: str) -> None:
    record(tmp_path, *FOUR)
    rows = [*ROWS[:1], 'alice/3.wav,"alice', *ROWS[1:3], 'bob/3.wav,bob"', *ROWS[3:]]
    if column == "text":
        rows = [row if '"' in row else f"{row},hello" for row in rows]
        rows[1], rows[4] = 'alice/3.wav,alice,"hello', 'bob/3.wav,bob,"hello, again"'
    corpus = opened(write(tmp_path / "list.csv", f"path,speaker{',text' * (column == 'text')}", *rows))
    assert ids(corpus) == list(FOUR)
    told = {where: detail for kind, where, detail in problems(corpus) if kind == "bad line"}
    assert "a quote opens" in told["list.csv line 3"]


def test_a_quote_that_is_never_closed_names_its_line(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    rows = [*ROWS, '"alice/3.wav,alice']
    [(kind, where, detail)] = problems(opened(write(tmp_path / "list.csv", "path,speaker", *rows)))
    assert (kind, where) == ("bad line", "list.csv line 6")
    assert "a quote opens in this line and isn't closed" in detail


def forbid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes reading a file fail as without permission, which root would have."""
    opening = Path.open

    def refuse(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opening(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)


@pytest.mark.parametrize("name", ["manifest.csv", "train.csv", "list.tsv", "dev.json"])
def test_a_manifest_that_may_not_be_read_is_named_in_its_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    record(tmp_path, *FOUR)
    manifest = write(tmp_path / name, "path,speaker", *ROWS)
    forbid(manifest, monkeypatch)
    for given_path in (manifest, tmp_path):
        assert refusal(given_path) == f"{manifest}: can't be read (Permission denied)"
    assert opened(tmp_path, "audio_folder").layout == "audio_folder"


def test_a_missing_part_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path, *FOUR)
    write(tmp_path / "train.csv", "path,speaker", *ROWS)
    forbid(write(tmp_path / "test.csv", "path,speaker", *ROWS), monkeypatch)
    assert "test.csv: can't be read" in refusal(tmp_path)


def test_another_table_that_may_not_be_read_is_nobodys_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, *FOUR)
    forbid(write(tmp_path / "ages.csv", "speaker,age"), monkeypatch)
    assert opened(tmp_path).layout == "audio_folder"


def test_a_file_without_the_columns_is_told_what_is_missing(tmp_path: Path) -> None:
    assert "has no column for the speaker; known names: speaker, speaker_id" in refusal(
        write(tmp_path / "a.csv", "path,who", "alice/1.wav,alice")
    )
    assert "has no column for the path" in refusal(write(tmp_path / "b.tsv", "speaker\ttext", "alice\thello"))
    assert "(found: a blank first line)" in refusal(write(tmp_path / "late.csv", "", "path,speaker", *ROWS))
    for content in ("", "\n \n"):
        (tmp_path / "empty.csv").write_text(content)
        assert refusal(tmp_path / "empty.csv") == f"{tmp_path / 'empty.csv'}: is empty"
    assert "has no column for the path" in refusal(record(tmp_path, "alice/1.wav") / "alice" / "1.wav", "csv")
    assert "holds nothing that looks like this" in refusal(record(tmp_path / "plain", *FOUR), "csv")


def test_a_file_with_no_usable_line_shows_the_first_problems_and_what_is_expected(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "list.csv", "path,speaker", *(f"{number}.wav,alice" for number in range(5))))
    assert "lists nothing that can be used" in message
    assert "0.wav is listed, and there is no such file" in message
    assert "and 2 more" in message
    assert "path,speaker\n" in message


def test_several_manifests_without_parts_are_not_guessed_between(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    write(tmp_path / "one.csv", "path,speaker", *ROWS)
    write(tmp_path / "two.csv", "path,speaker", *ROWS)
    assert "several manifests (one.csv, two.csv); give the path of the one" in refusal(tmp_path)
    assert ids(opened(tmp_path / "two.csv")) == list(FOUR)


def test_a_folder_of_speakers_with_other_tables_in_it_stays_an_audio_folder(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    write(tmp_path / "speakers.csv", "speaker,sex,age", "alice,f,30")
    write(tmp_path / "vox1_meta.csv", "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet")
    write(tmp_path / "files.csv", "path,seconds", "alice/1.wav,3")
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")  # whoever opens it waits for ever
    assert opened(tmp_path).layout == "audio_folder"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=arbitrary_manifests(
        "path,speaker,start,end\n", "path", "speaker", ",", ";", "\t", '"', "a.wav", "b.wav", "alice", "1", "nan", "\r",
        "\0", "../", "\ud800", "split", "id", "1e308",
    )
)  # fmt: skip
def test_nothing_but_a_corpus_or_a_message_comes_out_of_any_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for audio in ("a.wav", "b.wav"):
            (folder / audio).touch()
        manifest = folder / "list.csv"
        manifest.write_bytes(content)
        assert csv_manifest.recognises(manifest)
        reads_or_refuses(lambda: csv_manifest.read(manifest, Data()))
        reads_or_refuses(lambda: csv_manifest.read(folder, Data()))


def test_one_recording_on_both_sides_of_a_split_is_told(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    lines = [f"{row},{'train' if number % 2 else 'dev'},{number}" for number, row in enumerate([*ROWS, *ROWS[::-1]])]
    corpus = opened(write(tmp_path / "list.csv", "path,speaker,split,id", *lines))
    told = [problem for problem in corpus.problems if problem.kind == "duplicate"]
    assert len(told) == len(ROWS)
    assert all("and on another side of the split" in problem.detail for problem in told)
    assert not any(problem.leaves_out for problem in told)
