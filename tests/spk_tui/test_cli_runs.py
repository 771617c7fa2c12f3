"""Runs from the command line: lists that are filtered and ordered, labels, and runs beside each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.preset_library import find_preset
from engine.runs.directory import Labels, RunDirectory
from spk_tui.cli import main
from tests.spk_tui.run_directories import BEGAN, finished_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, RunDirectory]:
    for name in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{name}", str(tmp_path / name.lower()))
    folder = tmp_path / "runs"
    return {
        "old": finished_run(folder, until=6000, name="old", created=BEGAN),
        "new": finished_run(folder, until=2000, name="new", preset=find_preset("conformer-225k"), created=BEGAN + 9),
    }


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    assert main(["runs", "--json", *options]) == 0
    return [row["id"] for row in json.loads(capsys.readouterr().out)]


def test_lists_are_ordered_and_filtered(runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == ["new", "old"]
    assert listed(capsys, "--sort", "best") == ["old", "new"]
    assert listed(capsys, "--sort", "best", "--reverse") == ["new", "old"]
    assert listed(capsys, "--filter", "preset:conformer") == ["new"]
    assert main(["runs", "--filter", "nowhere"]) == 0
    assert "none of 2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["runs", "--filter", "tga:x"], "runs have no 'tga:', did you mean 'tag'?"),
        (["runs", "--sort", "luck"], "luck"),
        (["compare"], "name two or more different runs"),
        (["compare", "new", "new"], "name two or more different runs"),
        (["compare", "new", "newer"], "no run is called 'newer'"),
        (["label", "new", "--tag", "x" * 41], "a tag is a word"),
        (["label", "nobody", "--name", "x"], "no run is called 'nobody'"),
    ],
)
def test_bad_input_is_one_message_with_exit_code_2(
    arguments: list[str], told: str, runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert not any(run.labels_path.exists() for run in runs.values())


def test_labels_are_written_told_and_taken_away(
    runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", "new", "--name", "wide", "--note", "two\nlines", "--tag", "a", "--tag", "b"]) == 0
    assert runs["new"].labels() == Labels(name="wide", notes="two\nlines", tags=["a", "b"])
    assert capsys.readouterr().out == "new: wide\n#a #b\ntwo\nlines\n"
    assert main(["label", "new", "--untag", "a", "--name", "", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["note"], answer["tags"]) == (None, "two\nlines", ["b"])
    assert main(["label", "old"]) == 0
    assert "nothing is written on it" in capsys.readouterr().out
    assert not runs["old"].labels_path.exists()
    assert listed(capsys, "--filter", "tag:b") == ["new"]


def test_runs_beside_each_other(runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "old", "new"]) == 0
    head, first, second, *rest = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["RUN", "SEGMENT", "UTTERANCE"]
    assert "FFN" in head
    assert ("A transformer-154k" in first, "Transformer" in first, " 800 " in first) == (True, True, True)
    assert ("B conformer-225k" in second, "Conformer" in second, " 500 " in second) == (True, True, True)
    assert rest[-2:] == ["A  old", "B  new"]
    assert main(["compare", "old", "new", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert "encoder.ffn" in answer["differing"]
    assert [run["settings"]["encoder.ffn"] for run in answer["runs"]] == [800, 500]
    assert answer["runs"][0]["results"]["segment_accuracy"] == runs["old"].state().best_accuracy
