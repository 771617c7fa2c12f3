"""Packing: what is packed, what is left out, once only, and whole whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from engine.corpus.features import extract
from engine.corpus.opening import open_corpus
from engine.corpus.packed import PackedCorpus, pack, packed_folder
from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split
from engine.errors import InputError
from engine.preset import Features
from tests.made_corpora import audio_folder

RECIPE = Features()

PACK = """
import sys
from engine.corpus.preparing import prepare_corpus
from engine.preset import Features

def report(*progress):
    print(*progress, sep="\\t", flush=True)

packed = prepare_corpus(sys.argv[1], Features(), report)
print("packed", packed.frames.shape[0], int(packed.frames.view("u2").astype("u8").sum()), sep="\\t", flush=True)
"""


def copied(corpus: Path, into: Path, times: int) -> Path:
    """A corpus in which each speaker is a copy of all of `corpus`; quicker than synthesising as much."""
    for number in range(times):
        shutil.copytree(corpus, into / f"speaker{number:02d}")
    return into


def start_packing(root: Path) -> subprocess.Popen[str]:
    """A real process that packs a corpus and prints its progress."""
    return subprocess.Popen([sys.executable, "-c", PACK, str(root)], stdout=subprocess.PIPE, text=True)


def assert_same(one: PackedCorpus, other: PackedCorpus) -> None:
    assert one.ids == other.ids
    assert one.speakers == other.speakers
    assert one.problems == other.problems
    for name in ("frames", "offsets", "lengths", "speakers_of"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_frames_lie_one_utterance_after_the_other(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=3, each=4, seconds=0.4)
    packed = prepare_corpus(str(root), RECIPE)
    assert packed.ids == [f"speaker{speaker:02d}/{number:02d}.wav" for speaker in range(3) for number in range(4)]
    assert packed.speakers == ["speaker00", "speaker01", "speaker02"]
    assert packed.speakers_of.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert packed.frames.dtype == np.float16
    assert packed.frames.shape == (packed.lengths.sum(), 40)
    for identifier, offset, length in zip(packed.ids, packed.offsets, packed.lengths, strict=True):
        np.testing.assert_array_equal(packed.frames[offset : offset + length], extract(root / identifier, RECIPE))
    assert packed.seconds == pytest.approx(len(packed.frames) / 100)
    assert packed.problems == []
    assert packed.fingerprint == open_corpus(str(root)).fingerprint


def test_what_can_not_be_used_is_named_and_left_out(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=3, each=4, seconds=0.3)
    (root / "speaker00" / "broken.wav").write_bytes(b"no audio")
    (root / "speaker01" / "empty.flac").write_bytes(b"")
    soundfile.write(root / "speaker01" / "silent.wav", np.zeros(8000), 16_000)
    soundfile.write(root / "speaker02" / "nan.wav", np.full(8000, np.nan), 16_000, subtype="FLOAT")
    soundfile.write(root / "speaker02" / "short.wav", np.ones(100), 16_000)
    (root / "alone").mkdir()
    shutil.copy(root / "speaker00" / "00.wav", root / "alone" / "one.wav")
    (root / "mute").mkdir()
    soundfile.write(root / "mute" / "silent.wav", np.zeros(8000), 16_000)
    clean = prepare_corpus(str(audio_folder(tmp_path / "clean", speakers=3, each=4, seconds=0.3)), RECIPE)
    packed = prepare_corpus(str(root), RECIPE)
    assert {(problem.kind, problem.where) for problem in packed.problems} == {
        ("unreadable", "speaker00/broken.wav"),
        ("empty", "speaker01/empty.flac"),
        ("silent", "speaker01/silent.wav"),
        ("not finite", "speaker02/nan.wav"),
        ("short", "speaker02/short.wav"),
        ("too few utterances", "alone"),
        ("silent", "mute/silent.wav"),
        ("too few utterances", "mute"),
        ("same under two speakers", "speaker00/00.wav"),  # which stays: one can't know whose it is
    }
    assert packed.ids == clean.ids
    np.testing.assert_array_equal(packed.frames, clean.frames)  # nothing of those left out stays behind


def test_every_speaker_left_can_be_trained_on_and_held_out(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=3, each=2, seconds=0.3)
    packed = prepare_corpus(str(root), RECIPE)
    parts = split(packed.ids, packed.speakers_of, 0.5, 0)
    assert set(packed.speakers_of[parts.train]) == set(packed.speakers_of[parts.validation]) == {0, 1, 2}


def test_a_corpus_is_packed_once_and_again_when_it_or_the_recipe_changes(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=3, seconds=0.3)
    heard: list[tuple[str, int, int, str]] = []
    first = prepare_corpus(str(root), RECIPE, lambda *progress: heard.append(progress))
    assert heard[0] == ("packing the corpus", 0, 6, "utterances")
    assert heard[-1] == ("packing the corpus", 6, 6, "utterances")
    heard.clear()
    assert_same(first, prepare_corpus(str(root), RECIPE, lambda *progress: heard.append(progress)))
    assert heard == []
    other = prepare_corpus(str(root), replace(RECIPE, mel_bands=24), lambda *progress: heard.append(progress))
    assert other.frames.shape[1] == 24
    assert heard != []
    shutil.copy(root / "speaker00" / "00.wav", root / "speaker00" / "new.wav")
    assert len(prepare_corpus(str(root), RECIPE).ids) == 7
    assert_same(first, first)  # the map of the old files stays readable


def test_a_damaged_pack_is_made_again(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=3, seconds=0.3)
    corpus = open_corpus(str(root))
    first = pack(corpus, RECIPE)
    expected = np.array(first.frames)
    for damage in ("frames.f16", "index.json"):
        path = packed_folder(corpus, RECIPE) / damage
        path.unlink()
        path.write_bytes(b"half")
        np.testing.assert_array_equal(pack(corpus, RECIPE).frames, expected)


def test_frames_can_not_be_written_to(tmp_path: Path) -> None:
    packed = prepare_corpus(str(audio_folder(tmp_path / "speech", speakers=2, each=2, seconds=0.3)), RECIPE)
    with pytest.raises(ValueError, match="read-only"):
        packed.frames[0] = 0


def test_nothing_usable_is_an_error_that_names_what_was_wrong(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=2, seconds=0.3)
    for path in (root / "speaker01").iterdir():
        path.write_bytes(b"no audio")
    with pytest.raises(InputError) as error:
        prepare_corpus(str(root), RECIPE)
    assert "only one speaker is left to train on" in str(error.value)
    assert "unreadable: speaker01/00.wav" in str(error.value)
    assert [path for path in (cache / "packed").iterdir() if path.is_dir()] == []


def test_a_recipe_that_can_not_work_is_told_before_anything_is_read(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=2, seconds=0.3)
    with pytest.raises(InputError, match="would hear nothing"):
        prepare_corpus(str(root), replace(RECIPE, mel_bands=300))
    assert not (cache / "packed").exists()


def test_a_cache_that_can_not_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=2, seconds=0.3)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match="SPK_TUI_CACHE"):
        prepare_corpus(str(root), RECIPE)


class Cancelled(Exception):
    pass


def test_a_report_that_raises_stops_packing_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=4, each=20, seconds=0.3)

    def report(stage: str, done: int, total: int, unit: str) -> None:
        if done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare_corpus(str(root), RECIPE, report)
    assert [path for path in (cache / "packed").iterdir() if path.is_dir()] == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("packing")]
    assert len(prepare_corpus(str(root), RECIPE).ids) == 80


def test_two_processes_that_pack_the_same_corpus_get_the_same_whole_result(tmp_path: Path) -> None:
    root = copied(audio_folder(tmp_path / "few", speakers=4, each=5), tmp_path / "speech", 20)
    processes = [start_packing(root), start_packing(root)]
    outputs = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0][-1] == outputs[1][-1]
    assert outputs[0][-1].startswith("packed\t")
    builders = [output for output in outputs if any(line.startswith("packing the corpus") for line in output)]
    assert len(builders) == 1  # the other one waited, or came late, and read
    assert len(prepare_corpus(str(root), RECIPE).ids) == 400


def test_a_killed_packing_leaves_nothing_that_the_next_one_stumbles_over(tmp_path: Path, cache: Path) -> None:
    root = copied(audio_folder(tmp_path / "few", speakers=3, each=10), tmp_path / "speech", 20)
    process = start_packing(root)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line.split("\t")[1]) > 100:
            process.kill()
            break
    assert process.wait() == -signal.SIGKILL
    left = sorted(path.name.split(".")[-1] for path in (cache / "packed").iterdir())
    assert left == ["lock", "partial"]
    packed = prepare_corpus(str(root), RECIPE)
    assert len(packed.ids) == 600
    np.testing.assert_array_equal(packed.frames[: packed.lengths[0]], extract(root / packed.ids[0], RECIPE))
    assert not list((cache / "packed").glob("*.partial"))


def test_whoever_waits_for_another_process_can_be_stopped(tmp_path: Path) -> None:
    root = copied(audio_folder(tmp_path / "few", speakers=3, each=10), tmp_path / "speech", 20)
    process = start_packing(root)
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)
    try:

        def report(stage: str, *_: object) -> None:
            assert stage.startswith("waiting for another process")
            raise Cancelled

        began = time.monotonic()
        with pytest.raises(Cancelled):
            prepare_corpus(str(root), RECIPE, report)
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    measure = (
        "import resource, sys\n"
        "from engine.corpus.preparing import prepare_corpus\nfrom engine.preset import Features\n"
        "packed = prepare_corpus(sys.argv[1], Features())\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)\n"
        "print(peak, packed.frames.nbytes)"
    )

    def peak_and_size(root: Path) -> tuple[int, int]:
        command = [sys.executable, "-c", measure, str(root)]
        peak, size = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return int(peak), int(size)

    small = audio_folder(tmp_path / "small", speakers=2, each=8, seconds=4.0)
    large = copied(small, tmp_path / "large", 40)
    (peak_of_small, _), (peak_of_large, size) = peak_and_size(small), peak_and_size(large)
    assert size > 20e6
    assert peak_of_large - peak_of_small < size / 3
