"""The command evaluate on a small run: the report for people, for scripts and as a file, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from engine.use.results import Evaluation
from spk_tui.cli import main
from spk_tui.exit_codes import BAD_INPUT, WELL
from tests.engine.use.trained import Trained, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{variable}", str(folder / variable.lower()))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="module")
def run(folder: Path) -> Trained:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(folder / "cache"))
        return trained(folder)


def test_a_person_reads_tables_that_fit_and_keeps_the_report(
    run: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copy(run.run.best_path, tmp_path / "copy.safetensors")
    assert main(["evaluate", "run", "--against", str(copy), "--out", str(tmp_path / "report.md")]) == WELL
    said = capsys.readouterr().out
    assert "the validation part: 20 of 50 utterances" in said
    assert f"{run.validated.segment_accuracy:.4f}" in said
    assert f"+{0:.4f} (+0.000 to +0.000)" in said
    *lines, _, written = said.splitlines()
    assert max(map(len, lines)) <= 80
    assert written == f"written to {tmp_path / 'report.md'}"
    report = (tmp_path / "report.md").read_text()
    assert f"| top 1 | {run.validated.segment_accuracy:.4f} (" in report


def test_a_script_reads_json_and_a_moved_file_is_enough(
    run: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copy(run.run.best_path, tmp_path / "copy.safetensors")
    arguments = ["--data", str(run.root), "--json", "--out", str(tmp_path / "report.json")]
    assert main(["evaluate", str(copy), *arguments]) == WELL
    answer = capsys.readouterr().out
    found = msgspec.json.decode(answer, type=Evaluation)
    assert found.whole.top1.value == run.validated.utterance_accuracy
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(answer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no run is called 'nobody'"),
        (["run", "--out", "report.pdf"], "take .md for Markdown or .json for JSON"),
        (["run", "--out", "/no/such/folder/report.md"], "there is no folder"),
        (["run", "--against", "gone.safetensors"], "gone.safetensors: there is no such file"),
        (["run", "--split", "half"], "half"),
    ],
)
def test_bad_input_gets_one_message(
    run: Trained, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["evaluate", *arguments]) == BAD_INPUT
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_file_in_no_run_needs_a_corpus(run: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shutil.copy(run.run.best_path, tmp_path / "copy.safetensors")
    assert main(["evaluate", str(copy)]) == BAD_INPUT
    assert "say which with --data PATH" in capsys.readouterr().err
    (tmp_path / "text.safetensors").write_text("no checkpoint of any kind")
    assert main(["evaluate", str(tmp_path / "text.safetensors")]) == BAD_INPUT
    assert "can't be read as a checkpoint" in capsys.readouterr().err
