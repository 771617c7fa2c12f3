"""What `data PATH` tells about a corpus, from headers alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.lengths import Lengths
from engine.corpus.opening import open_corpus
from engine.corpus.packed import pack
from engine.corpus.splits import LEAK, split_of
from engine.corpus.summary import KindOfProblem, SplitSummary, Spread, _summary, summarize, survey
from engine.errors import InputError
from engine.preset import Data, Features, Validation
from tests.made_corpora import audio_folder, homework_folder, voice


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
    assert (summary.speakers, summary.utterances) == (2, 6)  # the lonely one can't be trained on


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
    root = audio_folder(tmp_path / "speech")
    soundfile.write(root / "speaker00" / "silence.wav", np.zeros(16_000), 16_000)
    before = summarize(str(root))
    assert not before.packed
    assert before.problems == []
    pack(open_corpus(str(root)), Features())
    after = summarize(str(root))
    assert after.packed
    assert [(problem.kind, problem.where) for problem in after.problems] == [("silent", "speaker00/silence.wav")]


# ---------------------------------------------------------------------------------------- sessions, splits, parts


def folder_with_sessions(root: Path) -> Path:
    """Three speakers with 4 sessions of 5 utterances, and one whose sessions are unknown."""
    for speaker in range(3):
        for session in range(4):
            folder = root / f"speaker{speaker}" / f"session{session}"
            folder.mkdir(parents=True)
            for number in range(5):
                sound = voice(100 + 40 * speaker, 0.3, seed=100 * speaker + 10 * session + number)
                soundfile.write(folder / f"{number}.wav", sound, 16_000)
    (root / "unknown").mkdir()
    for number in range(5):
        soundfile.write(root / "unknown" / f"{number}.wav", voice(300, 0.3, seed=number), 16_000)
    return root


def test_whole_sessions_are_held_out_where_they_are_known(tmp_path: Path) -> None:
    summary = summarize(str(folder_with_sessions(tmp_path / "speech")))
    assert summary.sessions == 12
    assert summary.split is not None
    assert (summary.split.way, summary.split.train + summary.split.validation) == ("sessions", 65)
    assert summary.split.validation % 5 == 0
    assert "no session is on both sides" in summary.split.note


def test_without_sessions_the_report_says_that_the_split_can_leak(tmp_path: Path) -> None:
    summary = summarize(str(audio_folder(tmp_path / "speech", speakers=4, each=10)))
    assert summary.sessions == 0
    assert summary.split == SplitSummary("utterances", 36, 4, 0, LEAK)


def test_the_split_that_is_told_is_the_one_that_training_makes(tmp_path: Path, cache: Path) -> None:
    root = folder_with_sessions(tmp_path / "speech")
    soundfile.write(root / "speaker0" / "session0" / "silence.wav", np.zeros(16_000), 16_000)
    for validation in (Validation(), Validation(split="utterances", share=0.3, seed=5)):
        summary = summarize(str(root), full=True, validation=validation)
        parts = split_of(pack(open_corpus(str(root)), Features()), validation)
        assert summary.split == SplitSummary(parts.way, len(parts.train), len(parts.validation), 0, parts.note)


def test_an_official_split_is_told_with_the_part_that_is_not_looked_at() -> None:
    parts = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    utterances = [
        Utterance(f"{speaker}/{number}", speaker, Path("/nowhere"), part=part)  # type: ignore[arg-type]
        for speaker in ("anna", "ben")
        for number, part in enumerate(parts)
    ]
    corpus = Corpus("made", "made", Path("/nowhere"), utterances, [], "made")
    lengths = Lengths({utterance.id: 1.0 for utterance in utterances}, {}, [])
    summary = _summary(corpus, lengths, None, Validation())
    assert summary.split == SplitSummary("official", 12, 4, 4, "the corpus's own split")


def test_the_part_that_is_asked_for_is_summed_up(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=5, each=8)
    summary = summarize(str(root), data=Data(speakers=3, max_utterances_per_speaker=4))
    assert (summary.speakers, summary.utterances) == (3, 12)
    with pytest.raises(InputError, match=r"data\.speakers = 9"):
        summarize(str(root), data=Data(speakers=9))
    with pytest.raises(InputError, match="is no layout"):
        summarize(str(root), data=Data(layout="voxcelb"))


def test_ready_made_frames_are_summed_up_without_a_look_into_them() -> None:
    utterances = [
        Utterance(f"{speaker}-{number}", speaker, Path("/no/such.pt"), frames=100 * (number + 1))
        for speaker in ("anna", "ben")
        for number in range(3)
    ]
    corpus = Corpus("made", "made", Path("/nowhere"), utterances, [], "made", mel_bands=80)
    lengths = Lengths({utterance.id: (utterance.frames or 0) / 100 for utterance in utterances}, {}, [])
    summary = _summary(corpus, lengths, None, Validation())
    assert (summary.mel_bands, summary.sample_rates) == (80, {})
    assert summary.hours == pytest.approx(12 / 3600)
    assert summary.problems == []


# ------------------------------------------------------------------------------------------------ the full survey


def test_a_full_survey_finds_what_headers_do_not_show(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=3, each=4)
    soundfile.write(root / "speaker00" / "silence.wav", np.zeros(16_000), 16_000)
    soundfile.write(root / "speaker01" / "loud.wav", np.sign(voice(200, 1.0, seed=1)), 16_000)
    shutil.copy(root / "speaker00" / "00.wav", root / "speaker00" / "again.wav")
    shutil.copy(root / "speaker00" / "01.wav", root / "speaker02" / "of another.wav")
    assert summarize(str(root)).problems == []
    summary = summarize(str(root), full=True)
    assert summary.packed
    assert summary.problem_kinds[0] == KindOfProblem("silent", 1, leaves_out=True)
    assert {(kind.kind, kind.number, kind.leaves_out) for kind in summary.problem_kinds[1:]} == {
        ("clipped", 1, False),
        ("duplicate", 1, False),
        ("same under two speakers", 1, False),
    }
    assert Problem(
        "same under two speakers", "speaker02/of another.wav", "has the same content as speaker00/01.wav"
    ) in (summary.problems)
    assert summarize(str(root)).problems == summary.problems  # from then on it is known without decoding


def test_once_packed_the_numbers_are_those_of_what_is_trained_on(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=4, each=4)
    (root / "lonely").mkdir()
    for name in ("lonely/1.wav", "speaker00/silent.wav"):
        soundfile.write(root / name, voice(150, 1.0, seed=1) * (name == "lonely/1.wav"), 16_000)
    for number in range(1, 4):  # one sound utterance is left of this speaker
        soundfile.write(root / "speaker03" / f"{number:02d}.wav", np.zeros(64_000), 32_000)
    before = survey(str(root))
    assert (before.summary.speakers, before.summary.utterances) == (4, 17)
    assert before.summary.sample_rates == {16_000: 14, 32_000: 3}
    found = survey(str(root), full=True)
    packed, summary = pack(open_corpus(str(root)), Features()), found.summary
    assert (summary.speakers, summary.utterances) == (len(packed.speakers), len(packed.ids)) == (3, 12)
    assert summary.hours == pytest.approx(sum(found.seconds[name] or 0 for name in packed.ids) / 3600)
    assert summary.sample_rates == {16_000: 12}
    assert summary.utterances_per_speaker == Spread(4, 4, 4)
    assert summary.seconds is not None
    assert summary.seconds.max == pytest.approx(0.92)
    assert summary.seconds_histogram is not None
    assert sum(summary.seconds_histogram.counts) == 12
    assert summary.split is not None
    assert summary.split.train + summary.split.validation == 12
    assert found.seconds["speaker00/silent.wav"] == 1.0  # what is left out can still be looked at


def test_once_packed_ready_made_frames_are_as_many_as_the_files_hold(tmp_path: Path, cache: Path) -> None:
    root = homework_folder(tmp_path / "features", speakers=2, each=3)
    metadata = msgspec.json.decode((root / "metadata.json").read_bytes())
    metadata["speakers"]["id00000"][0]["mel_len"] = 5000
    (root / "metadata.json").write_bytes(msgspec.json.encode(metadata))
    assert survey(str(root)).seconds["uttr-0000.pt"] == 50.0
    pack(open_corpus(str(root)), Features())
    found = survey(str(root))
    assert found.seconds["uttr-0000.pt"] == pytest.approx(0.3)
    assert found.summary.hours == pytest.approx(2 * (30 + 33 + 36) * 0.01 / 3600)


def test_a_survey_names_the_length_of_every_readable_utterance(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=3, seconds=0.4)
    (root / "speaker00" / "broken.wav").write_bytes(b"no audio")
    found = survey(str(root))
    assert found.seconds["speaker00/00.wav"] == pytest.approx(0.4)
    assert len(found.seconds) == found.summary.utterances == 6
    assert len(found.corpus.utterances) == 7


def test_a_full_survey_of_ready_made_frames_loads_no_torch_here(tmp_path: Path, cache: Path) -> None:
    root = homework_folder(tmp_path / "features", speakers=3, each=4)
    program = (
        "import sys; from engine.corpus.summary import summarize; summary = summarize(sys.argv[1], full=True);"
        "print(summary.packed, summary.utterances, summary.mel_bands, 'torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(root)], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["True", "12", "40", "False"]
