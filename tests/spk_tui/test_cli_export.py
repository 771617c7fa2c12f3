"""The commands export and import: files for other programs and from them, and one message for what can't be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.models.speaker_model import SpeakerModel
from engine.saved_model import read_saved
from engine.training.checkpoint import save_best
from spk_tui.cli import main
from spk_tui.exit_codes import BAD_INPUT, WELL
from tests.engine.use.test_exporting import SPEAKERS, checkpoint, sample


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{variable}", str(tmp_path / variable.lower()))


def test_a_script_learns_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkpoint(tmp_path, sample())
    assert main(["export", str(path), "--to", "pt2", "--out", str(tmp_path), "--json"]) == WELL
    answer = json.loads(capsys.readouterr().out)
    assert answer["file"] == str(tmp_path / "best.pt2")
    assert answer["shape"] == ["batch", "time", "40"]
    assert answer["check"]["largest_difference"] <= answer["check"]["tolerance"]
    assert Path(answer["card"]).read_text().startswith("# Model card: homework-sample-67k")


def test_a_person_sees_what_went_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mapping.json").write_text(json.dumps({"speaker2id": {"ben": 2, "cleo": 0, "anna": 1}}))
    torch.save(SpeakerModel(sample(), 3).state_dict(), tmp_path / "model.ckpt")
    out = tmp_path / "imported.safetensors"
    sizes = [part for key in ("encoder.d_model=8", "encoder.ffn=8", "head.hidden=8") for part in ("--set", key)]
    arguments = ["--preset", "homework-sample-67k", *sizes, "--speakers", str(tmp_path), "--out", str(out)]
    assert main(["import", str(tmp_path / "model.ckpt"), *arguments]) == WELL
    assert "head.classifier.weight" in capsys.readouterr().out
    assert read_saved(out).speakers == ["cleo", "anna", "ben"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "onnx", "--out", "model.pt2"], "--to onnx writes a file that ends in .onnx"),
        (["--to", "pt2", "--out", "/no/such/folder/model.pt2"], "there is no folder /no/such/folder"),
        (["--to", "csv"], "lies in no run, and a checkpoint alone has no curves"),
        (["--to", "onnx", "--opset", "3"], "--opset"),
        (["--to", "keras"], "keras"),
    ],
)
def test_bad_input_gets_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    path = tmp_path / "best.safetensors"
    save_best(path, SpeakerModel(sample(), 3), sample(), SPEAKERS, {}, 1)
    assert main(["export", str(path), *arguments]) == BAD_INPUT
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
