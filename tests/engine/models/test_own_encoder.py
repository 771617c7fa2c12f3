"""A user's own class as a part of a model, and what is said when it can't be one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from engine.budget import count
from engine.budget_client import BudgetMeter
from engine.errors import InputError
from engine.models.own_encoder import blame
from engine.models.speaker_model import SpeakerModel
from engine.trust import NotTrusted
from tests.own_encoders import GOOD, HEAD, attention, preset_for, write_code

FORWARD = "    def forward(self, frames, mask):\n        return frames\n"


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))


def module(body: str, forward: str = FORWARD, init: str = "self, input_width") -> str:
    """A file with a class whose __init__ does this and that."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    return f"{HEAD}class Mine(nn.Module):\n    def __init__({init}):\n{lines}\n{forward}"


WHOLE = "super().__init__()\nself.layer = nn.Linear(input_width, input_width)\nself.output_width = input_width"


def refused(folder: Path, text: str, options: str = "") -> str:
    """What a person is told when a model is made of this file."""
    code = write_code(folder, text)
    with pytest.raises(InputError) as caught:
        SpeakerModel(preset_for(code, options), 3)
    assert code.path in str(caught.value)
    return str(caught.value)


def test_the_class_becomes_the_encoder_and_gets_its_options(tmp_path: Path) -> None:
    model = SpeakerModel(preset_for(write_code(tmp_path), "width = 20"), 3)
    assert type(model.encoder).__name__ == "Mine"
    assert model.encoder.inner.in_features == 40  # no d_model, no front end: the mel bands themselves
    assert model(torch.randn(2, 9, 40)).shape == (2, 3)
    assert model.pooling.output_width == 20


def test_a_d_model_is_the_width_that_the_front_end_gives(tmp_path: Path) -> None:
    text = module(WHOLE, init="self, input_width, d_model")
    model = SpeakerModel(preset_for(write_code(tmp_path, text), "d_model = 24"), 3)
    assert model.front_end.output_width == 24
    assert model.encoder.layer.in_features == 24
    halved = preset_for(write_code(tmp_path, text), "d_model = 24", '[front_end]\nkind = "convolution"')
    assert SpeakerModel(halved, 3)(torch.randn(2, 9, 40)).shape == (2, 3)


def test_untrusted_code_never_runs(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    code = write_code(tmp_path, f"open({str(ran)!r}, 'w')\n{GOOD}", trusted=False)
    with pytest.raises(NotTrusted):
        SpeakerModel(preset_for(code), 3)
    meter = BudgetMeter()
    try:
        with pytest.raises(InputError, match="nobody has allowed"):
            meter.count(preset_for(code))
    finally:
        meter.close()
    assert not ran.exists()


def test_a_changed_file_is_a_new_class_in_the_same_process(tmp_path: Path) -> None:
    narrow = SpeakerModel(preset_for(write_code(tmp_path, GOOD)), 3)
    wide = SpeakerModel(preset_for(write_code(tmp_path, GOOD.replace("width=12", "width=16"))), 3)
    assert (narrow.encoder.output_width, wide.encoder.output_width) == (12, 16)
    before = set(sys.modules)
    again = SpeakerModel(preset_for(write_code(tmp_path, GOOD)), 3)
    assert type(again.encoder) is type(narrow.encoder)
    assert set(sys.modules) == before


def test_dataclasses_and_annotations_find_their_module(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        + module(WHOLE)
        + "\n\n@dataclass\nclass Sizes:\n    width: int = 3\n"
    )
    SpeakerModel(preset_for(write_code(tmp_path, text)), 3)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("class Mine: pass\n", "", "Mine is no torch.nn.Module; write 'class Mine(nn.Module):'"),
        (HEAD + "def Mine(input_width): pass\n", "", "Mine is no torch.nn.Module"),
        ("1 / 0\nclass Mine: pass\n", "", "line 1: ZeroDivisionError: division by zero"),
        ("import no_such_package\nclass Mine: pass\n", "", "install it where spk-tui is installed"),
        ("import sys\nsys.exit(3)\nclass Mine: pass\n", "", "line 2: SystemExit: 3"),
        (module("self.layer = nn.Linear(1, 1)"), "", "line 8, in __init__: AttributeError"),
        (module("super().__init__()\nraise ValueError('heads')"), "", "line 9, in __init__: ValueError: heads"),
        (module("super().__init__()\nraise SystemExit"), "", "line 9, in __init__: SystemExit"),
        (module("super().__init__()"), "", "output_width is None; set it in __init__"),
        (module("super().__init__()\nself.output_width = 2.5"), "", "output_width is 2.5"),
        (module("super().__init__()\nself.output_width = 0"), "", "output_width is 0"),
        (module(WHOLE, init="self"), "", "takes no input width; write 'def __init__(self, input_width, ...)'"),
        (GOOD, "widht = 3", "unknown key encoder.widht = 3, did you mean 'width'? (Mine takes: width, dropout;"),
        (module(WHOLE), "width = 3", "unknown key encoder.width = 3 (Mine takes no options;"),
        (module(WHOLE, init="self, input_width, *, depth"), "", "encoder.depth is missing"),
        (GOOD, 'width = "wide"', "line 9, in __init__: TypeError"),
        (module(WHOLE, FORWARD.replace(", mask", "")), "", "def forward(self, frames, mask)"),
        (module(WHOLE + "\nself.lazy = nn.LazyLinear(3)"), "", "lazy layers"),
    ],
)  # fmt: skip
def test_a_class_that_cannot_be_made_says_what_to_do(tmp_path: Path, text: str, options: str, said: str) -> None:
    assert said in refused(tmp_path, text, options)


def test_any_options_may_be_taken_in_one_go(tmp_path: Path) -> None:
    text = module(f"{WHOLE}\nself.options = options", init="self, input_width, **options")
    model = SpeakerModel(preset_for(write_code(tmp_path, text), 'a = 1\nb = ["x"]'), 3)
    assert model.encoder.options == {"a": 1, "b": ["x"]}


def test_an_error_is_blamed_on_the_file_only_when_it_comes_from_there(tmp_path: Path) -> None:
    code = write_code(tmp_path, module(WHOLE, "    def forward(self, frames, mask):\n        return frames @ frames\n"))
    model = SpeakerModel(preset_for(code), 3)
    with pytest.raises(RuntimeError) as caught:
        model(torch.randn(2, 9, 40))
    assert f"{code.path}, line 13, in forward: RuntimeError" in (blame(caught.value, code.path) or "")
    with pytest.raises(RuntimeError) as caught:
        model(torch.randn(2, 9, 41) @ torch.randn(40, 2))
    assert blame(caught.value, code.path) is None


# ------------------------------------------------------------------------------------------------------------ the meter


def test_the_meter_counts_it_as_any_other(tmp_path: Path) -> None:
    code = write_code(tmp_path)
    preset = preset_for(code, "width = 20")
    by_hand = 40 * 20 + 20 + 20 * 20 * 3 + 20
    meter = BudgetMeter()
    try:
        cost = meter.count(preset, 7)
    finally:
        meter.close()
    assert cost.encoder == by_hand == count(preset, 7).encoder
    assert cost.multiply_adds_per_second_of_audio == 100 * (40 * 20 + 20 * 20 * 3) + 20 * 7
    assert cost.unused == 0


def test_attention_is_counted_with_its_products(tmp_path: Path) -> None:
    preset = preset_for(write_code(tmp_path, attention()), "", "[features]\nmel_bands = 8")
    frames, width = 100, 8
    products = 4 * frames * width * width + 2 * frames * frames * width
    assert count(preset, 7).multiply_adds_per_second_of_audio == products + width * 7


SHARED = {
    "a layer at several places": "self.layers = nn.ModuleList([nn.Linear(input_width, input_width)] * 3)",
    "one weight in two layers": "self.a = nn.Linear(input_width, input_width)\n"
    "self.b = nn.Linear(input_width, input_width)\nself.b.weight = self.a.weight\nself.b.bias = self.a.bias",
}


@pytest.mark.parametrize("body", SHARED.values(), ids=SHARED.keys())
def test_what_serves_twice_counts_once(tmp_path: Path, body: str) -> None:
    text = module(f"super().__init__()\nself.output_width = input_width\n{body}")
    assert count(preset_for(write_code(tmp_path, text)), 3).encoder == 40 * 40 + 40


def test_a_constructor_may_look_at_values(tmp_path: Path) -> None:
    text = module(f"{WHOLE}\nself.rates = [rate.item() for rate in torch.linspace(0, 0.1, 3)]")
    preset = preset_for(write_code(tmp_path, text))
    assert [count(preset, 3).encoder for _ in range(3)] == [40 * 40 + 40] * 3


def test_a_meter_outlives_whatever_a_class_does(tmp_path: Path) -> None:
    talkative = write_code(tmp_path, f"print('{{}}')\n{GOOD}", "talks.py")
    raising = write_code(
        tmp_path, module(WHOLE, "    def forward(self, frames, mask):\n        raise KeyError('no')\n")
    )
    leaving = write_code(tmp_path, f"import sys\nsys.exit()\n{GOOD}", "leaves.py")
    meter = BudgetMeter()
    try:
        expected = meter.count(preset_for(talkative)).encoder
        child = meter._child
        with pytest.raises(InputError, match=r"mine\.py, line 13, in forward: KeyError: 'no'"):
            meter.count(preset_for(raising))
        with pytest.raises(InputError, match=r"leaves\.py, line 2: SystemExit"):
            meter.count(preset_for(leaving))
        assert meter.count(preset_for(talkative)).encoder == expected
        assert meter._child is child
    finally:
        meter.close()
