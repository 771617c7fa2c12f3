"""A report on trained runs: their best checkpoints are tried on the same utterances, as `evaluate` does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.runs import events as e
from spk_tui.cli import main
from spk_tui.exit_codes import WELL
from tests.engine.use.trained import Trained, trained
from tests.spk_tui.run_directories import write


def told(run: Trained) -> Trained:
    """The run with the events that a worker would have written."""
    validated = run.validated
    started = e.Started(
        steps=12, device="cpu", device_name="a processor", precision="float32", threads=2, speakers=5,
        train_utterances=30, validation_utterances=20, encoder_parameters=1, total_parameters=2, seed=0,
    )  # fmt: skip
    best = e.Checkpoint(
        step=12, kind="best", path="checkpoints/best.safetensors", accuracy=validated.segment_accuracy
    )  # fmt: skip
    end = e.Finished(step=12, reason="completed", best_accuracy=best.accuracy, best_step=12, run=str(run.run.path))
    write(run.run, started, validated, best, end)
    return run


def test_runs_are_compared_on_the_same_utterances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{variable}", str(tmp_path / variable.lower()))
    one, other = (
        told(trained(tmp_path, name, "run.precision=float32", f"run.seed={seed}"))
        for name, seed in (("run", 0), ("other", 5))
    )
    assert main(["report", "run", "other", "--json", "--out", str(tmp_path / "report.md"), "--device", "cpu"]) == WELL
    answer = json.loads(capsys.readouterr().out)
    for run, found in zip((one, other), answer["runs"], strict=True):
        assert found["accuracy"]["evaluated"]
        assert found["accuracy"]["whole"]["value"] == run.validated.utterance_accuracy
        assert found["accuracy"]["utterances"] == 20
        assert found["cost"]["speakers"] == 5
    (change,) = answer["changes"]
    assert change["ground"] == "paired"
    assert change["settings"] == {"run.seed": [0, 5]}
    gap = other.validated.segment_accuracy - one.validated.segment_accuracy
    assert change["difference"]["segments"]["value"] == pytest.approx(gap)
    text = (tmp_path / "report.md").read_text()
    assert "on the same 20 utterances" in text
    assert "Only random numbers differ" in text
    assert "No sessions are known" in text
