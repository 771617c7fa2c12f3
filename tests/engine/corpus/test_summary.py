"""What `data PATH` tells about a corpus, from headers alone."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from engine.corpus.summary import summarize
from engine.errors import InputError
from tests.made_corpora import audio_folder


def test_the_numbers_are_those_of_the_files(tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "speech"
    for speaker, (count, rate, channels) in {"a": (3, 16_000, 1), "b": (5, 44_100, 2), "c": (2, 16_000, 1)}.items():
        (root / speaker).mkdir(parents=True)
        for number in range(count):
            noise = np.random.default_rng(number).normal(0, 0.1, (rate * (number + 1), channels))
            soundfile.write(root / speaker / f"{number}.flac", noise, rate)
    summary = summarize(str(root))
    assert (summary.speakers, summary.utterances, summary.layout) == (3, 10, "audio_folder")
    assert summary.hours == pytest.approx((6 + 15 + 3) / 3600)
    assert summary.sample_rates == {16_000: 5, 44_100: 5}
    assert summary.channels == {1: 5, 2: 5}
    assert summary.seconds is not None
    assert (summary.seconds.min, summary.seconds.median, summary.seconds.max) == (1.0, 2.0, 5.0)
    assert summary.utterances_per_speaker is not None
    assert (summary.utterances_per_speaker.min, summary.utterances_per_speaker.max) == (2, 5)
    assert summary.problems == []
    assert not cache.exists()  # nothing was packed
    keys = msgspec.json.decode(msgspec.json.encode(summary))
    assert {"layout", "speakers", "utterances", "hours", "problems"} <= keys.keys()


def test_what_a_header_shows_to_be_wrong_is_named(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=3, seconds=0.2)
    (root / "speaker00" / "broken.ogg").write_bytes(b"no audio")
    (root / "speaker00" / "empty.wav").write_bytes(b"")
    soundfile.write(root / "speaker01" / "nothing.wav", np.zeros(0), 16_000)
    soundfile.write(root / "speaker01" / "blink.wav", np.zeros(100), 16_000)
    (root / "lonely").mkdir()
    soundfile.write(root / "lonely" / "one.wav", np.zeros(8000), 16_000)
    summary = summarize(str(root))
    assert {(problem.kind, problem.where) for problem in summary.problems} == {
        ("unreadable", "speaker00/broken.ogg"),
        ("empty", "speaker00/empty.wav"),
        ("empty", "speaker01/nothing.wav"),
        ("short", "speaker01/blink.wav"),
        ("too few utterances", "lonely"),
    }
    assert (summary.speakers, summary.utterances) == (3, 7)


def test_a_corpus_without_one_readable_file_is_summed_up_too(tmp_path: Path) -> None:
    for speaker in "ab":
        (tmp_path / speaker).mkdir()
        (tmp_path / speaker / "1.wav").write_bytes(b"no audio")
    summary = summarize(str(tmp_path))
    assert (summary.speakers, summary.utterances, summary.hours, summary.seconds) == (0, 0, 0.0, None)
    assert [problem.kind for problem in summary.problems[-3:]] == [*["too few utterances"] * 2, "can't be trained on"]
    assert len(summary.problems) == 5


def test_a_folder_that_is_no_corpus_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recordings found"):
        summarize(str(tmp_path))


@pytest.mark.skipif(not os.environ.get("SPK_TUI_CORPORA"), reason="real speech: SPK_TUI_CORPORA is not set")
def test_real_speech_is_summed_up() -> None:
    summary = summarize(str(Path(os.environ["SPK_TUI_CORPORA"]) / "speechocean762"))
    assert (summary.speakers, summary.utterances, summary.problems) == (250, 5000, [])
    assert summary.hours == pytest.approx(5.57, abs=0.01)
    assert summary.sample_rates == {16_000: 5000}


def test_what_packing_found_is_told_from_then_on(tmp_path: Path, cache: Path) -> None:
    from engine.corpus.opening import open_corpus
    from engine.corpus.packed import pack
    from engine.preset import Features

    root = audio_folder(tmp_path / "speech")
    soundfile.write(root / "speaker00" / "silence.wav", np.zeros(16_000), 16_000)
    before = summarize(str(root))
    assert not before.packed
    assert before.problems == []
    pack(open_corpus(str(root)), Features())
    after = summarize(str(root))
    assert after.packed
    assert [(problem.kind, problem.where) for problem in after.problems] == [("silent", "speaker00/silence.wav")]
