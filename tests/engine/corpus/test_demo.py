"""The demo corpus: real synthesis of a few voices by the real library, in its own process."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.corpus.demo import demo_folder, make_demo, parse_demo
from engine.corpus.opening import open_corpus
from engine.corpus.preparing import prepare_corpus
from engine.corpus.sentences import SENTENCES
from engine.corpus.summary import summarize
from engine.corpus.voices import voice_names
from engine.errors import InputError
from engine.preset import Features

SMALL = "demo:5x4"


def silently(*_: object) -> None:
    pass


def make(spec: str = SMALL) -> Path:
    size = parse_demo(spec)
    assert size is not None
    return make_demo(size, silently)


def test_the_whole_demo_has_at_least_100_voices_with_30_different_sentences() -> None:
    size = parse_demo("demo")
    assert size is not None
    assert size.voices >= 100
    assert size.sentences == len(set(SENTENCES)) == 30
    assert len(open_corpus("demo").utterances) == size.total  # known before any of it is made


@pytest.mark.parametrize("spec", ["demo:", "demo:5", "demo:1x10", "demo:5x1", "demo:5x31", "demo:1000x3", "demo:axb"])
def test_a_size_that_is_not_to_be_had_says_which_are(spec: str) -> None:
    with pytest.raises(InputError, match="demo:VOICESxSENTENCES, such as demo:20x10"):
        open_corpus(spec)


def test_voices_speak_for_about_two_seconds_and_differ(cache: Path) -> None:
    heard: list[tuple[str, int, int, str]] = []
    packed = prepare_corpus(SMALL, Features(), lambda *progress: heard.append(progress))
    assert heard[0] == ("making the demo voices", 0, 20, "utterances")
    assert ("making the demo voices", 20, 20, "utterances") in heard
    assert heard[-1] == ("packing the corpus", 20, 20, "utterances")
    assert len(packed.speakers) == 5
    assert len(packed.ids) == 20
    assert packed.problems == []
    assert (packed.lengths > 100).all()
    assert (packed.lengths < 400).all()
    folder = make()
    assert folder.is_relative_to(cache / "demo")
    recordings = [soundfile.read(path) for path in sorted(folder.rglob("*.wav"))]
    assert {rate for _, rate in recordings} == {16_000}
    for samples, _ in recordings:
        assert np.abs(samples).max() > 0.05
        power = np.abs(np.fft.rfft(samples)) ** 2
        hertz = np.fft.rfftfreq(len(samples), 1 / 16_000)
        assert power[(hertz > 80) & (hertz < 5000)].sum() > 0.8 * power.sum()  # where speech has its energy
    means = np.array(
        [packed.frames[packed.speakers_of[np.repeat(np.arange(20), packed.lengths)] == s].mean(0) for s in range(5)]
    )
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)
    assert apart[~np.eye(5, dtype=bool)].min() > 1.0


def test_the_folder_says_that_the_voices_are_synthetic() -> None:
    text = (make() / "README.txt").read_text()
    assert text.startswith("Synthetic voices, made by eSpeak NG.")
    assert "5 voice variants" in text
    assert not list(make().glob(".*"))  # no logs left behind


def test_made_again_it_is_the_same_sound_for_sound() -> None:
    first = make()
    sounds = {path.relative_to(first): path.read_bytes() for path in first.rglob("*.wav")}
    fingerprint = open_corpus(SMALL).fingerprint
    shutil.rmtree(first)
    second = make()
    assert {path.relative_to(second): path.read_bytes() for path in second.rglob("*.wav")} == sounds
    assert open_corpus(SMALL).fingerprint == fingerprint


def test_a_voice_is_no_constant() -> None:
    folder = make("demo:2x30")
    for voice in folder.iterdir():
        if voice.is_dir():
            assert len({path.stat().st_size for path in voice.glob("*.wav")}) > 25


def test_the_plan_and_what_is_made_agree() -> None:
    planned = open_corpus(SMALL)
    make()
    made = open_corpus(SMALL)
    assert planned == made
    assert all(utterance.path.is_file() for utterance in made.utterances)


def test_a_voice_that_is_missing_because_it_was_silent_is_named() -> None:
    folder = make()
    silent = sorted(path for path in folder.iterdir() if path.is_dir())[0]
    shutil.rmtree(silent)
    corpus = open_corpus(SMALL)
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [("silent", silent.name)]
    assert silent.name not in corpus.speakers


def test_two_processes_make_it_once() -> None:
    program = "import sys; from engine.corpus.summary import summarize; print(summarize(sys.argv[1]).utterances)"
    processes = [
        subprocess.Popen([sys.executable, "-c", program, "demo:8x10"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120)[0].strip() for process in processes] == ["80", "80"]
    assert summarize("demo:8x10").problems == []


def test_a_report_that_raises_leaves_neither_files_nor_processes(cache: Path) -> None:
    size = parse_demo("demo:20x30")
    assert size is not None

    def report(stage: str, done: int, total: int, unit: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo(size, report)
    assert [path for path in (cache / "demo").iterdir() if path.is_dir()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix")
def test_a_library_that_crashes_or_can_not_load_points_to_audio_folders(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real loader package with a broken library in it, found before the installed one."""
    found = importlib.util.find_spec("espeakng_loader")
    assert found is not None
    assert found.origin is not None
    broken = tmp_path / "site" / "espeakng_loader"
    shutil.copytree(Path(found.origin).parent, broken, ignore=shutil.ignore_patterns("libespeak-ng*", "*_dict"))
    (broken / "libespeak-ng.so").write_bytes(b"no library")
    (broken / "libespeak-ng.dylib").write_bytes(b"no library")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{Path.cwd()}")
    with pytest.raises(InputError) as error:
        make()
    assert "eSpeak NG ended with exit code 1" in str(error.value)
    assert "libespeak-ng" in str(error.value)
    assert "<speaker>/<utterance>.wav" in str(error.value)
    assert not demo_folder(parse_demo(SMALL)).exists()  # type: ignore[arg-type]


def test_an_environment_that_lies_deep_can_speak_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """eSpeak NG keeps the path of its data in 160 bytes."""
    found = importlib.util.find_spec("espeakng_loader")
    assert found is not None
    assert found.origin is not None
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    (deep / "espeakng_loader").symlink_to(Path(found.origin).parent)
    monkeypatch.setenv("PYTHONPATH", f"{deep}:{Path.cwd()}")
    assert len(list(make("demo:2x2").rglob("*.wav"))) == 4


def test_every_voice_has_a_name_of_its_own() -> None:
    assert len(voice_names()) == len(set(voice_names())) >= 100
