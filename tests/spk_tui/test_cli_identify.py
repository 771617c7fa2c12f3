"""The commands enroll, identify, predict and embed on a small run, and what they refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from spk_tui.cli import main
from spk_tui.exit_codes import BAD_INPUT, WELL
from tests.engine.use.trained import Trained, trained
from tests.made_corpora import voice


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _home(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{variable}", str(folder / variable.lower()))
    monkeypatch.setenv("SPK_TUI_ENROLMENTS", str(tmp_path / "enrolments"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="module")
def run(folder: Path) -> Trained:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(folder / "cache"))
        return trained(folder)


def test_a_person_enrolls_asks_and_is_forgotten(
    run: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [str(run.root / "speaker00" / f"0{number}.wav") for number in range(3)]
    (tmp_path / "bad.wav").write_text("no audio")
    assert main(["enroll", "Ann", *own[:2], str(tmp_path / "bad.wav")]) == WELL
    said = capsys.readouterr()
    assert said.out.startswith("Ann is enrolled with quick-tour (")
    assert said.out.endswith("2 recordings\n")
    assert said.err == f"spk-tui: {tmp_path / 'bad.wav'}: Format not recognised\n"

    long = tmp_path / "long.flac"
    soundfile.write(long, voice(90, 12, seed=1), 16_000)
    assert main(["identify", own[2], str(long)]) == WELL
    said = capsys.readouterr()
    *_, facts = said.out.partition("1 candidate, with quick-tour")
    assert "held-out utterances of 5 speakers" in " ".join(facts.split())
    assert "A letter is 1 s." in said.out
    assert "\x1b" not in said.out
    assert max(map(len, said.out.replace(own[2], "").replace(str(long), "").splitlines())) <= 80

    assert main(["enroll", "--list", "--json"]) == WELL
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["speakers"] == {"Ann": own[:2]}
    assert main(["enroll", "--remove", "Ann"]) == WELL
    assert main(["enroll", "--list"]) == WELL
    assert "nobody is enrolled" in capsys.readouterr().out


def test_many_recordings_are_a_table(run: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(run.root / f"speaker0{speaker}" / "03.wav") for speaker in range(4)]
    assert main(["identify", *files, "--trained", "--threshold", "-1", "--candidates", "2"]) == WELL
    heads, *rows = capsys.readouterr().out.splitlines()[:5]
    assert heads.split() == ["RECORDING", "LENGTH", "SPEAKER", "SCORE", "NEXT"]
    assert all("(trained)" in row for row in rows)


def test_predictions_and_embeddings_are_files(run: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "run", "--data", str(run.root), "--out", str(tmp_path / "p.csv")]) == WELL
    assert "50 utterances" in capsys.readouterr().out
    assert (tmp_path / "p.csv").read_text().startswith("Id,Category\nspeaker00/00.wav,")
    assert main(["embed", "run", "--out", str(tmp_path / "e.npz")]) == WELL
    said = capsys.readouterr().out
    with np.load(tmp_path / "e.npz", allow_pickle=False) as arrays:
        assert f"{len(arrays['embeddings'])} embeddings of width {arrays['embeddings'].shape[1]}, 5 speakers" in said
    assert "  A  speaker00   B  speaker01" in said
    drawn = said.split("┌")[1].split("└")[0]
    assert all(letter in drawn for letter in "ABCDE")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["enroll"], "whose voice is it"),
        (["enroll", "Ann"], "give recordings of Ann"),
        (["enroll", "unknown", "a.wav"], "what strangers are called"),
        (["enroll", "Ann", "a.wav", "--list"], "take no recordings"),
        (["enroll", "--remove", "Zoe"], "'Zoe' is not enrolled with this model"),
        (["identify"], "give recordings"),
        (["identify", "a.wav", "--false-accepts", "2"], "false-accepts"),
        (["predict", "run", "--data", "/tmp", "--out", "p.txt"], "give it the ending .csv"),
        (["embed", "run", "--out", "/no/folder/e.npz"], "there is no folder"),
    ],
)
def test_bad_input_gets_one_message(
    run: Trained, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == BAD_INPUT
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


class _Listener(ModuleType):
    """What sounddevice is on a machine with a microphone into which somebody hums, or on one without any."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *, is_there: bool) -> None:
        super().__init__("sounddevice")
        self.is_there = is_there

    def check_input_settings(self, samplerate: int, channels: int) -> None:
        if not self.is_there:
            raise self.PortAudioError("Error querying device -1")

    def rec(self, frames: int, samplerate: int, **_: object) -> np.ndarray:
        return voice(90, frames / samplerate, seed=3)[:, None]


def test_the_microphone_is_a_recording_where_there_is_one(
    run: Trained, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert main(["enroll", "Ann", "--microphone", "1"]) == BAD_INPUT
    assert "pip install 'spk-tui[microphone]'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "sounddevice", _Listener(is_there=False))
    assert main(["enroll", "Ann", "--microphone", "1"]) == BAD_INPUT
    said = capsys.readouterr().err
    assert "is a microphone there? (Error querying device -1)" in said
    assert "please speak" not in said
    monkeypatch.setitem(sys.modules, "sounddevice", _Listener(is_there=True))
    assert main(["identify", "--microphone", "1", "--trained", "--threshold", "-1", "--json"]) == WELL
    said = capsys.readouterr()
    assert "recording for 1 s: please speak" in said.err
    (found,) = json.loads(said.out)["recordings"]
    assert (found["path"], found["seconds"], found["timeline"]) == ("microphone", 1.0, [])
    assert found["speaker"] == found["matches"][0]["speaker"]
    assert len(found["matches"]) == 5
