"""A report from logs alone: what stands in it in each language, what is compared with what, and what is refused."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from engine.budget import count
from engine.cost import Cost
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import Labels, RunDirectory
from spk_tui.cli import main
from spk_tui.exit_codes import BAD_INPUT, WELL
from spk_tui.report.measuring import common_ground, nearest_before
from spk_tui.report.reading import read_run
from tests.spk_tui.run_directories import beginning, finished_run, new_run, training, training_run, write

CHANGED = ("encoder.ffn=400", "head.kind=batchnorm_linear")


class HereMeter:
    """Counts in this process: that the real one asks a child is held by the tests of the budget."""

    def count(self, preset: Preset, speakers: int | None = None) -> Cost:
        return count(preset, speakers or 600)

    def close(self) -> None:
        """Nothing was started."""


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{variable}", str(tmp_path / variable.lower()))
    monkeypatch.setattr("engine.budget_client.BudgetMeter", HereMeter)
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def two_runs(folder: Path) -> tuple[RunDirectory, RunDirectory]:
    preset = find_preset("transformer-154k")
    one = finished_run(folder, name="one", preset=preset, until=12_000)
    other = finished_run(folder, name="other", preset=with_overrides(preset, CHANGED), until=60_000)
    one.write_labels(Labels(name="a|b <c>", notes="tried\nfirst", tags=["base_line"]))
    return one, other


def report(*arguments: str) -> int:
    return main(["report", *arguments, "--logged"])


def test_a_report_has_log_parameters_layers_and_what_a_change_did(runs: Path, tmp_path: Path) -> None:
    one, _ = two_runs(runs)
    out = tmp_path / "my report.md"
    assert report("one", "other", "--out", str(out)) == WELL
    text = out.read_text()
    for validated in read_run(one, "A").facts.validations:
        row = f"| {validated.step:,} | {validated.loss:.3f} | {validated.segment_accuracy:.4f} |"
        assert row in text
    assert "| encoder | 154,880 |" in text
    assert "154,880 of 300,000 are used (51.6 %), 145,120 are left" in text
    assert "| encoder.ffn | width inside the feed-forward networks | 800 | 400 |" in text
    assert "| head.kind | head | mlp | batchnorm\\_linear |" in text
    assert "Linear 80 → 800 ─> ReLU ─> Linear 800 → 80" in text
    assert re.search(r"On whole utterances B is better than A by \+\d+\.\d points", text)
    assert "Wilson" in text
    assert "Newcombe" in text
    assert "a\\|b \\<c>" in text
    assert "Note: tried first" in text


def test_curves_lie_beside_the_report_and_are_named_in_it(runs: Path, tmp_path: Path) -> None:
    two_runs(runs)
    out = tmp_path / "my report.md"
    assert report("one", "other", "--out", str(out)) == WELL
    names = re.findall(r"!\[.*?\]\((.*?)\)", out.read_text())
    assert names == ["my%20report-curves.svg", "my%20report-A.svg", "my%20report-B.svg"]
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == sorted(name.replace("%20", " ") for name in names)
    assert "a|b &lt;c&gt;" in (tmp_path / "my report-A.svg").read_text()


def test_in_chinese_every_heading_sentence_and_table_head_is_chinese(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_runs(runs)
    assert report("one", "other", "--language", "zh-TW") == WELL
    prose = re.sub(r"````toml.*?````|```.*?```", "", capsys.readouterr().out, flags=re.DOTALL).splitlines()
    heads = [line for line, below in pairwise(prose) if below.startswith("| ---")]
    sentences = [line for line in prose if line.endswith(("。", ".")) or line.startswith(("# ", "## "))]
    assert len(heads) >= 8
    assert len(sentences) > 20
    cells = [cell for line in heads for cell in re.findall(r"[^|]+", line) if not re.fullmatch(r"\s*[A-Z]?\s*", cell)]
    assert [text for text in [*cells, *sentences] if not re.search(r"[\u4e00-\u9fff]", text)] == []


def test_a_script_gets_the_same_in_json(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_runs(runs)
    assert report("one", "other", "--json", "--out", str(tmp_path / "r.json")) == WELL
    answer = json.loads(capsys.readouterr().out)
    assert answer == json.loads((tmp_path / "r.json").read_text())
    assert [change["ground"] for change in answer["changes"]] == ["logged"]
    assert answer["changes"][0]["settings"]["encoder.ffn"] == [800, 400]
    best = answer["runs"][1]["run"]["best"]
    interval = answer["runs"][1]["accuracy"]["whole"]
    assert interval["low"] < best["utterance_accuracy"] == interval["value"] < interval["high"]


def test_a_run_is_compared_with_the_one_that_it_differs_least_from() -> None:
    assert nearest_before(3, [4, 1, 2]) == 1
    assert nearest_before(3, [1, 2, 1]) == 2


@pytest.mark.parametrize(
    ("change", "ground"),
    [
        ("run.seed=3", "paired"),
        ("validation.every=500", "paired"),
        ("validation.seed=3", "other utterances"),
        ("data.speakers=20", "other speakers"),
    ],
)
def test_only_utterances_that_neither_was_trained_on_are_compared(change: str, ground: str) -> None:
    preset = find_preset("quick-tour")
    before: Any = SimpleNamespace(preset=preset, corpus="/a", fingerprint="x")
    after: Any = SimpleNamespace(preset=with_overrides(preset, [change]), corpus="/moved/a", fingerprint="x")
    assert common_ground(before, after) == ground
    after.fingerprint = "y"
    assert common_ground(before, after) == "other corpus"
    assert common_ground(before, after, elsewhere=True) == ground


def test_lines_that_cant_be_read_are_counted_and_left_out(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, _ = two_runs(runs)
    with one.events_path.open("ab") as file:
        file.write(b'{"event": "validated", "step": "many"}\nnot JSON\n')
    write(one, e.Diagnosis(step=500, severity="warning", finding="the loss\nis high"))
    write(one, e.Diagnosis(step=500, severity="notice", finding="nothing much"))
    assert report("one") == WELL
    said = capsys.readouterr().out
    assert "can't be read, and are left out: 2." in said
    assert "- step 500: the loss is high" in said
    assert "nothing much" not in said


def test_a_run_that_cant_be_evaluated_keeps_its_log_and_says_why(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_runs(runs)  # their checkpoints hold no weights
    assert main(["report", "one", "--out", str(tmp_path / "r.json")]) == WELL
    assert "A one: can't be evaluated, so its log's accuracies stand" in capsys.readouterr().out
    measured = json.loads((tmp_path / "r.json").read_text())["runs"][0]["accuracy"]
    assert not measured["evaluated"]
    assert "can't be read as a checkpoint" in measured["why_logged"]
    assert main(["report", "one", "--data", "/nowhere"]) == BAD_INPUT
    assert "can't be read as a checkpoint" in capsys.readouterr().err


def test_what_cant_be_reported_is_refused_and_nothing_is_written(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = two_runs(runs)
    early = training_run(runs, until=1_000, name="early")
    unborn = new_run(runs, name="unborn")
    damaged = training_run(runs, until=4_000, name="damaged")
    damaged.preset_path.write_text("[preset\n")
    broken = training_run(runs, until=4_000, name="broken")
    broken.info_path.write_text("{")
    (tmp_path / "taken-A.svg").mkdir()
    before = sorted(tmp_path.rglob("*"))
    out = ["--out", str(tmp_path / "report.md")]
    for arguments, message in (
        ([early.id, *out], "early: has no validation yet"),
        ([unborn.id, *out], "unborn: has no validation yet"),
        ([one.id, damaged.id, *out], "preset.toml"),
        ([broken.id, *out], "can't be read as a run's description"),
        (["nobody", *out], "no run is called 'nobody'"),
        (out, "name one or more runs"),
        ([one.id, "--out", "report.pdf"], "take .md for Markdown or .json for JSON"),
        ([one.id, "--data", "demo", *out], "--logged evaluates nothing"),
        ([one.id, "--language", "fr", *out], "fr"),
        ([other.id, "--out", str(tmp_path / "taken.md")], "taken-A.svg: can't be written"),
    ):
        assert report(*arguments) == BAD_INPUT
        said = capsys.readouterr()
        assert message in said.err
        assert "Traceback" not in said.err
        assert sorted(tmp_path.rglob("*")) == before


def test_validations_of_a_life_that_was_lost_are_no_part_of_the_log(runs: Path) -> None:
    run = new_run(runs, name="twice")
    write(
        run, *beginning(), *training(6_000), e.Resumed(step=4_000, steps=70_000), *training(8_000, start=4_000, seed=9)
    )
    read = read_run(run, "A").facts
    assert [each.step for each in read.validations] == [2_000, 4_000, 6_000, 8_000]
    assert structs.asdict(read.best) in [structs.asdict(each) for each in read.validations]
