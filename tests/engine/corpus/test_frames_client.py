"""Single utterances decoded in a child process: the very frames of the recipe, and no harm from any file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from engine.corpus.corpus import Corpus, Utterance
from engine.corpus.features import extract
from engine.corpus.frames_child import MOST_COLUMNS, thinned
from engine.corpus.frames_client import FrameReader, Superseded
from engine.corpus.opening import open_corpus
from engine.errors import InputError
from engine.preset import Features
from tests.made_corpora import audio_folder


@pytest.fixture
def reader() -> Iterator[FrameReader]:
    reader = FrameReader()
    yield reader
    reader.close()


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    root = audio_folder(tmp_path / "speech", speakers=2, each=4)
    (root / "speaker00" / "broken.wav").write_bytes(b"no audio")
    return open_corpus(str(root))


def test_the_frames_are_those_of_the_recipe(reader: FrameReader, corpus: Corpus) -> None:
    features = msgspec.structs.replace(Features(), mel_bands=24)
    first = corpus.utterances[0]
    stretch = msgspec.structs.replace(first, start=0.2, end=0.6)
    for utterance in (first, stretch):
        glimpse = reader.read(utterance, corpus, features)
        frames = extract(utterance.path, features, utterance.start, utterance.end)
        np.testing.assert_array_equal(glimpse.columns, frames)
        assert glimpse.seconds == pytest.approx(len(frames) * 0.01)
        assert glimpse.problems == []


def test_what_is_wrong_with_a_file_is_told_and_the_next_one_is_read(reader: FrameReader, corpus: Corpus) -> None:
    broken = next(utterance for utterance in corpus.utterances if "broken" in utterance.id)
    glimpse = reader.read(broken, corpus, Features())
    assert (glimpse.columns.shape, glimpse.seconds) == ((0, 40), 0.0)
    assert [problem.kind for problem in glimpse.problems] == ["unreadable"]
    assert len(reader.read(corpus.utterances[0], corpus, Features()).columns)


def test_a_recipe_that_cannot_work_is_told(reader: FrameReader, corpus: Corpus) -> None:
    glimpse = reader.read(corpus.utterances[0], corpus, msgspec.structs.replace(Features(), mel_bands=400))
    assert "would hear nothing" in glimpse.problems[0].detail


@pytest.fixture
def long(tmp_path: Path) -> Utterance:
    """Ten minutes, which take seconds to decode."""
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000 * 600)
    soundfile.write(tmp_path / "long.wav", noise, 16_000)
    return Utterance("long", "anna", tmp_path / "long.wav")


def asked_in_a_thread(reader: FrameReader, utterance: Utterance, corpus: Corpus) -> tuple[threading.Thread, list[str]]:
    """The reader at work on an utterance, and what that will have ended with."""
    ended: list[str] = []

    def ask() -> None:
        try:
            reader.read(utterance, corpus, Features())
            ended.append("frames")
        except (Superseded, InputError) as error:
            ended.append(f"{type(error).__name__} {error}")

    before = reader._patience_ends
    asking = threading.Thread(target=ask)
    asking.start()
    while reader._patience_ends == before:  # set when a living child is about to get the question
        assert asking.is_alive()
    return asking, ended


def test_a_child_that_dies_over_a_file_costs_that_file_alone(reader: FrameReader, corpus: Corpus) -> None:
    reader.read(corpus.utterances[0], corpus, Features())
    child = reader._child
    assert child is not None
    child.send_signal(signal.SIGSTOP)  # it answers nothing before it dies
    asking, ended = asked_in_a_thread(reader, corpus.utterances[1], corpus)
    child.send_signal(signal.SIGSEGV)
    child.send_signal(signal.SIGCONT)
    asking.join()
    assert ended == [f"InputError {corpus.utterances[1].id} can't be shown: decoding it ended the decoder"]
    assert len(reader.read(corpus.utterances[0], corpus, Features()).columns)


def test_a_later_question_ends_the_decoding_of_a_very_long_recording(
    reader: FrameReader, corpus: Corpus, long: Utterance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.corpus.frames_client.PATIENCE_SECONDS", 0.0)
    reader.read(corpus.utterances[0], corpus, Features())
    asking, ended = asked_in_a_thread(reader, long, corpus)
    assert len(reader.read(corpus.utterances[1], corpus, Features()).columns)
    asking.join()
    assert ended == ["Superseded "]


def test_closing_ends_the_child(corpus: Corpus) -> None:
    reader = FrameReader()
    reader.read(corpus.utterances[0], corpus, Features())
    child = reader._child
    assert child is not None
    reader.close()
    assert child.poll() is not None


def test_many_frames_become_means_of_a_few() -> None:
    frames = np.repeat(np.arange(4 * MOST_COLUMNS, dtype=np.float32)[:, None] % 100, 3, axis=1)
    columns = thinned(frames.astype(np.float16))
    assert columns.shape == (MOST_COLUMNS, 3)
    np.testing.assert_allclose(columns[:, 0], frames[:, 0].reshape(-1, 4).mean(axis=1))
    few = np.ones((7, 40), np.float16)
    np.testing.assert_array_equal(thinned(few), few)
