"""Lengths from headers: one look at a file, none at ready-made frames, and an end at once when nobody waits."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from engine.corpus import lengths
from engine.corpus.corpus import Corpus, Utterance
from engine.corpus.lengths import read_lengths
from engine.corpus.opening import open_corpus
from engine.corpus.reporting import silently
from engine.preset import Features
from tests.made_corpora import audio_folder


def corpus_of(utterances: list[Utterance], mel_bands: int | None = None) -> Corpus:
    return Corpus("made", "made", Path("/nowhere"), utterances, [], "made", mel_bands)


def test_stretches_of_one_recording_read_its_header_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(10 * 8000), 8000)
    stretches = [(0.0, 2.5), (2.5, 4.0), (9.5, 12.0), (9.0, None), (11.0, 12.0)]
    utterances = [
        Utterance(f"{start:g}", "anna", path, start=start, end=end) for start, end in stretches
    ]  # the last one begins after the recording's end
    opened = []
    read_header = lengths.read_header
    monkeypatch.setattr(lengths, "read_header", lambda path: (opened.append(path), read_header(path))[1])
    found = read_lengths(corpus_of(utterances), Features(), silently)
    assert opened == [path]
    assert found.seconds == {"0": 2.5, "2.5": 1.5, "9.5": 0.5, "9": 1.0}
    assert [(problem.kind, problem.where) for problem in found.problems] == [("short", "11")]
    assert {(header.sample_rate, header.channels) for header in found.headers.values()} == {(8000, 1)}
    assert found.headers.keys() == found.seconds.keys()


def test_ready_made_frames_last_as_long_as_the_corpus_says_and_are_not_opened() -> None:
    nowhere = Path("/no/such/file.pt")
    utterances = [Utterance("1", "anna", nowhere, frames=250), Utterance("2", "anna", nowhere)]
    found = read_lengths(corpus_of(utterances, mel_bands=40), Features(), silently)
    assert found.seconds == {"1": 2.5, "2": None}
    assert (found.problems, found.headers) == ([], {})


def test_the_shortest_that_counts_is_one_window_of_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "blink.wav"
    soundfile.write(path, np.zeros(480), 16_000)
    blink = corpus_of([Utterance("blink", "anna", path)])
    assert read_lengths(blink, Features(), silently).seconds == {"blink": 0.03}
    longer = msgspec.structs.replace(Features(), window_ms=32.0)
    assert read_lengths(blink, longer, silently).problems[0].detail == "lasts 30 ms, less than one window"


def test_a_report_that_raises_ends_the_reading_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = open_corpus(str(audio_folder(tmp_path / "speech", speakers=10, each=20, seconds=0.1)))
    opened = []
    read_header = lengths.read_header
    monkeypatch.setattr(lengths, "read_header", lambda path: (opened.append(path), read_header(path))[1])

    def stop(stage: str, done: int, total: int, unit: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_lengths(corpus, Features(), stop)
    assert len(opened) < len(corpus.utterances)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("headers")]
