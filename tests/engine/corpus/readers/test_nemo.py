"""NeMo's manifests: lines of JSON, offsets, parts by file, and every way in which a line can be wrong."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings, strategies

from engine.corpus.readers import nemo
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


def line(name: str, **fields: object) -> str:
    return json.dumps({"audio_filepath": name, "duration": 0.4, "label": name.split("/")[0], **fields})


def test_a_file_and_the_folder_that_holds_it_are_the_same_corpus(tmp_path: Path) -> None:
    manifest = write(record(tmp_path, *FOUR) / "manifest.jsonl", *map(line, FOUR))
    by_file, by_folder = opened(manifest), opened(tmp_path)
    assert by_file.layout == by_folder.layout == "nemo"
    assert by_file.utterances == by_folder.utterances
    assert ids(by_file) == list(FOUR)
    assert by_file.speakers == ["alice", "bob"]
    assert all((utterance.start, utterance.end) == (0.0, None) for utterance in by_file.utterances)


def test_speakers_are_labels_or_speakers_as_text_or_numbers(tmp_path: Path) -> None:
    rows = [
        line(FOUR[0], label=7),
        line(FOUR[1], label="speech", speaker="7"),
        line(FOUR[2], label=None, speaker=8),
        line(FOUR[3], label="8", text="hello"),
    ]
    corpus = opened(write(record(tmp_path, *FOUR) / "list.json", *rows))
    assert [utterance.speaker for utterance in corpus.utterances] == ["7", "7", "8", "8"]


def test_files_named_by_parts_are_one_corpus_with_its_own_split(tmp_path: Path) -> None:
    names = [f"{speaker}/{number}.wav" for speaker in ("alice", "bob") for number in range(4)]
    record(tmp_path, *names)
    for part, numbers in (("train", "01"), ("validation", "2"), ("test", "3")):
        write(tmp_path / f"{part}_manifest.json", *(line(name) for name in names if name[-5] in numbers))
    write(tmp_path / "settings.json", '{"train": true}')
    packed, split, validation = held_out(tmp_path)
    assert split.way == "official"
    assert validation == {"alice/2.wav", "bob/2.wav"}
    assert len(split.train) == 4
    assert len(packed.ids) == 8


def test_offsets_make_stretches_and_their_recordings_sessions(tmp_path: Path) -> None:
    names = ("alice/1.wav", "alice/2.wav", "bob/1.wav", "bob/2.wav")
    record(tmp_path, *names, seconds=1.0)
    rows = [line(name, offset=offset, duration=0.5) for name in names for offset in (0, 0.5)]
    packed, split, validation = held_out(write(tmp_path / "list.json", *rows))
    assert sorted(packed.ids)[:2] == ["alice/1.wav@0-0.5", "alice/1.wav@0.5-1"]
    assert split.way == "sessions"
    assert {name.partition("@")[0] for name in validation}.isdisjoint(
        packed.ids[index].partition("@")[0] for index in split.train
    )


def test_every_broken_line_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    lines = [
        line("alice/1.wav").encode(),
        b'{"audio_filepath": "alice/2.wav", "label": "alice"',
        b"[]",
        b'{"label": "alice"}',
        b'{"audio_filepath": "alice/2.wav"}',
        b'{"audio_filepath": "", "label": "alice"}',
        b'{"audio_filepath": ["alice/2.wav", "bob/1.wav"], "label": "alice"}',
        b'{"audio_filepath": "alice/2.wav", "label": "alice", "offset": "soon"}',
        b'{"audio_filepath": "alice/2.wav", "label": "alice", "offset": 1e12}',
        b'{"audio_filepath": "alice/2.wav", "label": "alice\\ud800"}',
        b'{"audio_filepath": "alice/2.wav", "label": "al\xffice"}',
        100_000 * b"[",
        b"",
        line("bob/1.wav", offset=-1).encode(),
        line("gone.wav").encode(),
        b'{"audio_filepath": "bob/\\u00001.wav", "label": "bob"}',
        line("bob/2.wav", label="").encode(),
        line("bob/1.wav").encode(),
    ]
    (tmp_path / "list.json").write_bytes(b"\n".join(lines))
    corpus = opened(tmp_path)
    assert ids(corpus) == ["alice/1.wav", "bob/1.wav"]
    found = [(kind, where) for kind, where, _ in problems(corpus)]
    assert found[:11] == [("bad line", f"list.json line {number}") for number in range(2, 13)]
    assert found[11:] == [
        ("bad stretch", "bob/1.wav@-1--0.6"), ("missing", "gone.wav"), ("unreadable", "bob/\0" + "1.wav"),
        ("no speaker", "bob/2.wav"),
    ]  # fmt: skip


def test_files_of_other_kinds_are_no_manifests(tmp_path: Path) -> None:
    record(tmp_path, *FOUR)
    write(tmp_path / "ready" / "metadata.json", json.dumps({"n_mels": 40, "speakers": {"alice": []}}))
    write(tmp_path / "ready" / "mapping.json", json.dumps({"speaker2id": {"alice": 0}}, indent=2))
    assert not nemo.recognises(tmp_path / "ready")
    write(tmp_path / "list.json", json.dumps([{"audio_filepath": FOUR[0], "label": "alice"}]))
    assert opened(tmp_path).layout == "audio_folder"
    message = refusal(tmp_path / "list.json", "nemo")
    assert "list.json line 1 is not a JSON object of this kind" in message
    assert '"audio_filepath"' in message
    assert "holds nothing that looks like this" in refusal(tmp_path, "nemo")
    assert "lists nothing that can be used" in refusal(write(tmp_path / "empty.jsonl"))


VALUES = strategies.one_of(
    strategies.none(), strategies.integers(), strategies.floats(), strategies.text(), strategies.just("a.wav")
)
OBJECTS = strategies.dictionaries(
    strategies.sampled_from(["audio_filepath", "label", "speaker", "offset", "duration", "other"]), VALUES
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=strategies.one_of(
        arbitrary_manifests(
            '{"audio_filepath": "a.wav"', ', "label": "x"', "}", '"offset": ', "1e400", "\\ud800", "\n"
        ),
        strategies.lists(OBJECTS, max_size=5).map(lambda found: "\n".join(map(json.dumps, found)).encode()),
    )
)
def test_nothing_but_a_corpus_or_a_message_comes_out_of_any_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.wav").touch()
        manifest = folder / "list.json"
        manifest.write_bytes(content)
        assert nemo.recognises(manifest)
        reads_or_refuses(lambda: nemo.read(manifest, Data()))
        reads_or_refuses(lambda: nemo.read(folder, Data()))
