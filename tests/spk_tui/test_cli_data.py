"""`spk-tui data`, and the options that choose a part of a corpus: text, JSON, what is refused, and Ctrl+C."""

from __future__ import annotations

import json
import shutil
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from engine.corpus.opening import open_corpus
from engine.corpus.packed import packed_folder
from engine.preset import Features
from engine.runs.lock import Lock
from spk_tui.cli import main
from spk_tui.commands.training import prepare_preset
from tests.made_corpora import audio_folder

DOCUMENTED = {
    "name", "layout", "root", "speakers", "utterances", "hours", "sessions", "mel_bands", "sample_rates", "channels",
    "seconds", "utterances_per_speaker", "seconds_histogram", "utterances_per_speaker_histogram", "split",
    "problem_kinds", "problems", "fingerprint", "packed",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{name}", str(tmp_path / name.lower()))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Four speakers with 6 utterances each, and a silent recording more."""
    root = audio_folder(tmp_path / "speech", speakers=4, each=6, seconds=0.5)
    soundfile.write(root / "speaker00" / "silence.wav", np.zeros(8000), 16_000)
    return root


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["data", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_has_every_documented_key(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = answer(capsys, str(corpus))
    assert set(summary) == DOCUMENTED
    assert summary["split"]["way"] == "utterances"
    assert summary["split"]["train"] + summary["split"]["validation"] == 25
    assert sum(summary["seconds_histogram"]["counts"]) == 25
    assert main(["data", "--help"]) == 0
    page = capsys.readouterr().out.replace("\n", "")
    assert all(f'"{key}"' in page for key in DOCUMENTED)


def test_the_text_fits_the_terminal_and_tells_split_and_distributions(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in (50, 80, 160):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main(["data", str(corpus)]) == 0
        text = capsys.readouterr().out
        assert max(len(line) for line in text.splitlines() if str(corpus) not in line) <= columns
        said = " ".join(text.split())
        assert "sessions none known" in said
        assert "of 25 utterances, single utterances" in said
        assert "no sessions are known, so held-out utterances can come" in said
        assert "Length of an utterance" in said
        assert "█" in said
        assert "No problems found." in said


def test_full_decodes_everything_and_tells_what_is_left_out(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, str(corpus))["problems"] == []
    summary = answer(capsys, str(corpus), "--full")
    assert summary["packed"]
    assert summary["problem_kinds"] == [{"kind": "silent", "number": 1, "leaves_out": True}]
    assert summary["split"]["train"] + summary["split"]["validation"] == 24
    assert main(["data", str(corpus)]) == 0
    text = capsys.readouterr().out
    assert "1 problem found." in text
    assert "Left out:\n  1 × silent\n      speaker00/silence.wav: contains no sound" in text
    assert "Worth knowing" not in text


def test_remarks_are_told_apart_from_what_is_left_out(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "speaker01" / "again.wav").write_bytes((corpus / "speaker02" / "00.wav").read_bytes())
    assert main(["data", str(corpus), "--full"]) == 0
    text = capsys.readouterr().out
    left_out, worth_knowing = text.split("Worth knowing, not left out:")
    assert "× silent" in left_out
    assert "1 × same under two speakers" in worth_knowing


def test_a_part_of_a_corpus_is_summed_up(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = answer(capsys, str(corpus), "--speakers", "3", "--max-utterances-per-speaker", "4")
    assert (part["speakers"], part["utterances"]) == (3, 12)
    assert answer(capsys, str(corpus), "--layout", "audio_folder")["utterances"] == 25


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--speakers", "9"], "data.speakers = 9 can't be had"),
        (["--speakers", "-1"], "--speakers"),
        (["--max-utterances-per-speaker", "many"], "--max-utterances-per-speaker"),
        (["--layout", "audio-folder"], "'audio-folder' is no layout, did you mean 'audio_folder'?"),
    ],
)
def test_a_part_that_cannot_be_had_is_refused_by_both_commands(
    arguments: list[str], told: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["data", str(corpus)], ["train", "quick-tour", "--data", str(corpus)]):
        assert main([*command, *arguments]) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_more_speakers_than_the_demo_has_are_refused_before_a_run_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "quick-tour", "--speakers", "1000"]) == 2
    assert "data.speakers = 1000 can't be had: demo has" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_the_options_of_train_are_short_for_keys_of_the_preset() -> None:
    preset = prepare_preset("quick-tour", [], layout="audio_folder", speakers=7, max_utterances_per_speaker=0)
    assert (preset.data.layout, preset.data.speakers, preset.data.max_utterances_per_speaker) == ("audio_folder", 7, 0)
    same = prepare_preset("quick-tour", ["data.layout=audio_folder", "data.speakers=7"])
    assert same == preset


def test_names_cannot_write_on_the_terminal(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "speaker01" / "\x1b[31mred.wav").write_bytes(b"no audio")
    assert main(["data", str(corpus)]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "·[31mred.wav" in text


def test_names_of_other_files_in_a_problem_stay_in_its_line(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = corpus / "speaker00" / "\x1b[31mfirst\n\tline.wav"
    shutil.copy(corpus / "speaker00" / "00.wav", odd)
    assert main(["data", str(corpus), "--full"]) == 0
    text = capsys.readouterr().out
    assert not {"\x1b", "\t"} & set(text)
    assert "speaker00/00.wav: has the same content as speaker00/·[31mfirst··line.wav" in text


def test_ctrl_c_ends_a_full_check_and_its_child(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = packed_folder(open_corpus(str(corpus)), Features())
    folder.parent.mkdir(parents=True)
    children: list[psutil.Process] = []

    def interrupt(stage: str, done: int, total: int, unit: str) -> None:
        if "waiting" in stage:
            children.extend(psutil.Process().children())
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("spk_tui.commands.corpus_report.progress", lambda: nullcontext(interrupt))
    lock = Lock(folder.with_name(f"{folder.name}.lock"))  # as if another process packed it: the check waits for it
    try:
        with pytest.raises(SystemExit) as ended:
            main(["data", str(corpus), "--full"])
    finally:
        lock.release()
    assert (ended.value.code, capsys.readouterr().out) == (130, "")
    assert len(children) == 1
    assert not children[0].is_running()
    assert not folder.exists()
