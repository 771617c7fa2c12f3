"""The command `fit` as a person or a script uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli

from engine.budget import count
from engine.model_settings import EBranchformer
from engine.preset_library import find_preset
from spk_tui.cli import main
from spk_tui.wording import small_size
from tests.spk_tui.dashboards import Home


def test_a_fitted_encoder_is_shown_as_a_table_and_as_toml(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--encoder", "e_branchformer", "--parameters", "100000"]) == 0
    told, _, section = capsys.readouterr().out.partition("[encoder]")
    assert "e_branchformer: 9" in told
    assert "of 100,000 parameters" in told
    assert "million multiply-adds a second of audio" in told
    lines = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line.startswith(("d_model", "layers"))}
    encoder = tomli.loads(f"[encoder]{section}")["encoder"]
    for key, (near, fitted) in lines.items():
        assert int(near) == getattr(EBranchformer(), key)
        assert int(fitted) == encoder[key]


def test_what_is_saved_is_a_preset_like_any_other(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["fit", "--near", "quick-tour", "--parameters", "60000", "--set", "encoder.layers=3", "--save", "mine"]
    assert main([*asked, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["saved"] == str(home.presets / "mine.toml")
    saved, near = find_preset("mine"), find_preset("quick-tour")
    assert saved.encoder.layers == answer["sizes"]["layers"] == 3  # type: ignore[union-attr]
    assert 58_200 <= answer["parameters"] == saved.preset.encoder_parameters <= 60_000
    assert (saved.head, saved.segments, saved.run) == (near.head, near.segments, near.run)
    before = Path(answer["saved"]).read_bytes()
    assert main(asked) == 2
    assert "the name is taken" in capsys.readouterr().err
    assert Path(answer["saved"]).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [([], "say what to fit"),
     (["--encoder", "conformr"], "did you mean 'conformer'"),
     (["--encoder", "mine.py:Mine"], "only that file knows its sizes"),
     (["--encoder", "conformer", "--parameters", "9"], "parameters at least"),
     (["--encoder", "conformer", "--parameters", "0"], "--parameters"),
     (["--near", "nothing"], "no preset is called"),
     (["--near", "quick-tour", "--save", "quick-tour"], "the name is taken"),
     (["--near", "quick-tour", "--save", "../outside"], "preset.name"),
     (["--near", "quick-tour", "--set", "encoder.wide=3"], "unknown key encoder.wide")],
)  # fmt: skip
def test_what_cannot_be_fitted_is_said(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["fit", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert list(home.presets.iterdir()) == []


def test_the_budget_command_tells_sizes_and_memory(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "quick-tour", "--set", "run.precision=float32"]) == 0
    told = capsys.readouterr().out
    assert "A checkpoint takes 223 kB (111 kB as float16, 64 kB as int8)" in told
    step = count(find_preset("quick-tour"), precision="float32").step_memory
    assert f"A training step takes about {small_size(step.total)} of memory (float32)" in told
