"""The command verify on a small run: the report for people, for scripts and as files, and what it refuses."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from engine.use.verification_results import Verification
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
    """A run on three of five voices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(folder / "cache"))
        return trained(folder, "run", "data.speakers=3")


def test_a_person_reads_tables_and_a_curve_that_fit_and_keeps_the_report(
    run: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a list that is wrong about every third pair, so that there are errors to draw."""
    strangers = [path for path in sorted(run.root.glob("*/*.*")) if path.parent.name not in run.packed.speakers]
    lines = [
        f"{int((a.parent == b.parent) != (place % 3 == 0))} {a.parent.name}/{a.name} {b.parent.name}/{b.name}"
        for place, (a, b) in enumerate(combinations(strangers, 2))
    ]
    (tmp_path / "trials.txt").write_text("\n".join(lines))
    asked = ["--trials", str(tmp_path / "trials.txt"), "--as-norm", "2", "--out", str(tmp_path / "report.md")]
    assert main(["verify", "run", *asked, "--scores", str(tmp_path / "scores.txt")]) == WELL
    said = capsys.readouterr().out
    assert "190 trials: " in said
    assert "speakers whose names the model doesn't know: 2 of 2" in said
    assert "AS-norm, top 2" in said
    assert "false alarms, %" in said
    printed = said.splitlines()
    assert max(map(len, printed[:-3])) <= 80
    written = [tmp_path / name for name in ("report.svg", "report.md", "scores.txt")]
    assert printed[-3:] == [f"written to {path}" for path in written]
    scored = (tmp_path / "scores.txt").read_text().splitlines()
    assert [" ".join(line.split("\t")[:3]) for line in scored] == lines
    assert "(<report.svg>)" in (tmp_path / "report.md").read_text()


def test_a_script_reads_json_and_a_moved_file_is_enough(
    run: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trials come from the speakers whom the model was not trained on."""
    copy = shutil.copy(run.run.best_path, tmp_path / "copy.safetensors")
    asked = ["--data", str(run.root), "--trials-per-speaker", "7", "--as-norm", "50", "--cohort", str(run.root)]
    assert main(["verify", str(copy), *asked, "--json", "--out", str(tmp_path / "report.json")]) == WELL
    answer = capsys.readouterr().out
    found = msgspec.json.decode(answer, type=Verification)
    assert (found.trials.same, found.trials.new_speakers, found.trials.trained_trials) == (14, 2, 0)
    assert [one.name for one in found.scorings] == ["cosine", "AS-norm, top 3"]
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(answer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no run is called 'nobody'"),
        (["run", "--trials", "gone.txt"], "--trials gone.txt: there is no such file"),
        (["run", "--trials", "gone.txt", "--seed", "3"], "are for drawn ones"),
        (["run", "--cohort", "demo"], "--cohort PATH is for --as-norm N"),
        (["run", "--scores", "/no/such/folder/scores.txt"], "there is no folder"),
        (["run", "--out", "report.pdf"], "take .md for Markdown or .json for JSON"),
        (["run", "--trials-per-speaker", "-1"], "Must be >= 0"),
    ],
)
def test_bad_input_gets_one_message(
    run: Trained, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["verify", *arguments]) == BAD_INPUT
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
