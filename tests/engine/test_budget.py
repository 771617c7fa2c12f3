"""The budget meter: exact counts, by part and by kind of layer, from a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.budget import count
from engine.budget_client import BudgetMeter
from engine.errors import InputError
from engine.fit import fit
from engine.models.speaker_model import SpeakerModel
from engine.preset_file import with_overrides
from engine.preset_library import built_in_folder, find_preset
from engine.training.checkpoint import save_best
from tests.own_encoders import GOOD, preset_for, write_code

BUILT_IN = sorted(path.stem for path in built_in_folder().glob("*.toml"))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("homework-sample-67k", 67_536), ("transformer-154k", 154_880), ("conformer-225k", 225_720)],
)
def test_the_course_encoders_have_exactly_their_parameters(name: str, parameters: int) -> None:
    preset = find_preset(name)
    assert count(preset).encoder == parameters
    assert preset.preset.encoder_parameters == parameters
    assert preset.budget.encoder_parameters == 300_000


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_meter_counts_what_the_real_model_has(name: str) -> None:
    preset = find_preset(name)
    cost, model = count(preset, 250), SpeakerModel(preset, 250)
    assert cost.total == sum(parameter.numel() for parameter in model.parameters())
    assert cost.parts == {
        "front_end": sum(parameter.numel() for parameter in model.front_end.parameters()),
        "encoder": sum(parameter.numel() for parameter in model.encoder.parameters()),
        "pooling": sum(parameter.numel() for parameter in model.pooling.parameters()),
        "head": sum(parameter.numel() for parameter in model.head.parameters()),
    }
    assert sum(cost.encoder_layers.values()) == cost.encoder
    assert preset.preset.encoder_parameters in (None, cost.encoder)


def test_the_parts_of_the_course_transformer_by_hand() -> None:
    cost = count(find_preset("transformer-154k"), 600)
    assert cost.encoder_layers == {
        "attention": 3 * 80 * 80 + 80 * 80 + 80,
        "feed-forward": 80 * 800 + 800 + 800 * 80 + 80,
        "normalisation": 2 * 2 * 80,
    }
    assert cost.unused == 2 * 80
    assert cost.parts["head"] == 80 * 80 + 80 + 80 * 600 + 600


def test_multiply_adds_by_hand() -> None:
    cost = count(find_preset("transformer-154k"), 600)
    frames, positions = 100, 3
    per_position = frames * (4 * 80 * 80 + 2 * 80 * 800) + 2 * frames * frames * 80
    expected = frames * 40 * 80 + positions * per_position + 80 * 80 + 80 * 600
    assert cost.multiply_adds_per_second_of_audio == expected


@pytest.mark.parametrize("name", BUILT_IN)
def test_multiply_adds_are_those_that_torch_counts(name: str) -> None:
    preset = find_preset(name)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        SpeakerModel(preset, 600)(torch.empty(2, 100, preset.features.mel_bands))
    for _ in range(2):  # as it is counted, and as it is remembered
        assert count(preset, 600).multiply_adds_per_second_of_audio == counter.get_total_flops() // 4


@pytest.mark.parametrize("name", BUILT_IN)
def test_sizes_are_those_of_real_tensors(name: str) -> None:
    preset = find_preset(name)
    cost, model = count(preset, 250), SpeakerModel(preset, 250)
    assert cost.size.float32 == _bytes(model)
    assert cost.size.float16 == _bytes(SpeakerModel(preset, 250).half())
    assert cost.size_without_head.float32 == _bytes(model) - _bytes(model.head)
    parameters = list(model.parameters())
    matrices = [parameter for parameter in parameters if parameter.dim() > 1]
    in_one_byte = sum(matrix.numel() for matrix in matrices)
    assert cost.size.int8 == cost.size.float32 - 3 * in_one_byte + 4 * sum(matrix.shape[0] for matrix in matrices)
    assert cost.size.int8 < cost.size.float16 < cost.size.float32


def test_a_checkpoint_is_as_large_as_was_said(tmp_path: Path) -> None:
    preset, speakers = find_preset("quick-tour"), [f"s{number}" for number in range(50)]
    save_best(tmp_path / "best.safetensors", SpeakerModel(preset, 50), preset, speakers, {}, 1)
    saved = (tmp_path / "best.safetensors").read_bytes()
    description = 8 + int.from_bytes(saved[:8], "little")  # safetensors: its length, then JSON
    assert len(saved) - description == count(preset, 50).size.float32


def _bytes(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in module.state_dict().values())


def test_a_child_process_fits_an_encoder_to_a_budget() -> None:
    meter = BudgetMeter()
    try:
        preset = find_preset("quick-tour")
        fitted = meter.fit(preset, 100_000, ["layers"])
        assert fitted == fit(preset, 100_000, ["layers"])
        assert 97_000 <= meter.count(fitted).encoder <= 100_000
        with pytest.raises(InputError, match="at least"):
            meter.fit(preset, 10)
    finally:
        meter.close()


def test_a_child_process_counts_and_answers_for_bad_sizes_too() -> None:
    meter = BudgetMeter()
    try:
        preset = find_preset("quick-tour")
        cost = meter.count(preset, 100)
        assert cost.parts == count(preset, 100).parts
        assert cost.seconds_per_step is not None
        assert cost.seconds_per_step > 0
        wider = meter.count(with_overrides(preset, ["encoder.d_model=80"]))
        assert wider.encoder > cost.encoder
        assert wider.speakers == 600
        meter._child.kill()  # type: ignore[union-attr]
        meter._child.wait()  # type: ignore[union-attr]
        assert meter.count(preset, 100).parts == cost.parts
    finally:
        meter.close()


def test_a_meter_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(InputError, match="can't start"):
        BudgetMeter().count(find_preset("quick-tour"))


def test_a_preset_that_ends_or_stalls_the_count_is_named_and_others_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))
    dying = preset_for(write_code(tmp_path, f"import os\nos._exit(7)\n{GOOD}", "dying.py"))
    hanging = preset_for(write_code(tmp_path, f"while True: pass\n{GOOD}", "hanging.py"))
    raising = preset_for(write_code(tmp_path, f"raise KeyboardInterrupt\n{GOOD}", "raising.py"))
    meter = BudgetMeter()
    try:
        with pytest.raises(InputError, match=r"counting mine ended the process that counts \(exit code 7\)"):
            meter.count(dying)
        with pytest.raises(InputError, match=r"mine can't be counted: .*raising\.py, line 1: KeyboardInterrupt"):
            meter.count(raising)
        child = meter._child
        assert child is not None
        with monkeypatch.context() as patch:
            patch.setattr("engine.budget_client.LIMIT_SECONDS", 1.0)
            with pytest.raises(InputError, match="its encoder hangs"):
                meter.count(hanging)
        assert child.poll() is not None
        assert meter.count(find_preset("quick-tour")).encoder > 0
    finally:
        meter.close()


def test_counting_allocates_no_weights() -> None:
    big = with_overrides(find_preset("conformer-225k"), ["encoder.d_model=8000", "encoder.ffn=8000"])
    assert count(big).total > 500_000_000
    assert torch.get_default_device().type == "cpu"
