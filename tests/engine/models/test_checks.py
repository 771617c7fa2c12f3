"""The checks of an encoder: right ones pass, and each known trap is caught and named for what it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from engine import asked_child
from engine.check_client import check_preset
from engine.check_report import Check, CheckReport
from engine.errors import InputError
from engine.model_settings import HomeworkTransformer
from engine.models.checks import check_encoder, check_model
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import built_in_folder, find_preset
from tests.own_encoders import GOOD, attention, preset_for, write_code

WIDTH = 8


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))


class Trial(nn.Module):
    """An encoder whose forward pass is given."""

    def __init__(self, passing: Callable[[Trial, Tensor, Tensor | None], Tensor], width: int = WIDTH) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)
        self.spare = nn.Linear(WIDTH, WIDTH)
        self.convolution = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.output_width = width
        self.passing = passing

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        return self.passing(self, frames, mask)


def convolved(self: Trial, frames: Tensor) -> Tensor:
    return self.convolution(frames.transpose(1, 2)).transpose(1, 2)


def all_used(self: Trial, frames: Tensor) -> Tensor:
    """Frames through every layer, so that nothing but the trap is wrong."""
    return self.spare(self.layer(frames)) + 0 * self.convolution.weight.sum() + 0 * self.convolution.bias.sum()


def masked(frames: Tensor, mask: Tensor | None) -> Tensor:
    return frames if mask is None else frames * mask[:, :, None]


def warnings(preset: Preset) -> list[str]:
    """What one is warned of before a training, by name. Raises `InputError`."""
    return [check.name for check in CheckReport(preset="mine", checks=check_model(preset)).warnings()]


def failures(encoder: nn.Module, width: int = WIDTH) -> dict[str, Check]:
    """What fails, by name."""
    return {check.name: check for check in check_encoder(encoder, width) if not check.ok}


TRAPS: dict[str, tuple[Callable[[Trial, Tensor, Tensor | None], Tensor], set[str], str]] = {
    "a mean over the batch": (
        lambda self, frames, mask: all_used(self, frames - frames.mean(dim=0)), {"batch-mates", "padding"},
        "dimension 0",
    ),
    "padding in a convolution": (
        lambda self, frames, mask: all_used(self, frames) + convolved(self, frames), {"padding"}, "a convolution needs",
    ),
    "padding in a mean over time": (
        lambda self, frames, mask: all_used(self, frames - frames.mean(dim=1, keepdim=True)), {"padding"},
        "means and norms over time",
    ),
    "dropout that never ends": (
        lambda self, frames, mask: all_used(self, nn.functional.dropout(frames, 0.5)),
        {"repeatable", "batch-mates", "padding"}, "dropout that never ends",
    ),
    "a layer that is never called": (
        lambda self, frames, mask: self.layer(frames) + convolved(self, masked(frames, mask)), {"gradients"},
        "never called in forward",
    ),
    "no gradient": (
        lambda self, frames, mask: self.layer(frames).detach(), {"gradients"}, "detaches",
    ),
    "a table of positions": (
        lambda self, frames, mask: all_used(self, frames + torch.zeros(500, WIDTH)[: frames.shape[1]]),
        {"long utterance"}, "fixed length",
    ),
    "a mean over the batch, where a mask is given": (
        lambda self, frames, mask: all_used(self, frames if mask is None else frames - frames.mean(dim=0)),
        {"batch-mates", "padding"}, "when a mask is given",
    ),
    "a mean over the batch, where some are padded": (
        lambda self, frames, mask: all_used(
            self, frames if mask is None or mask.all() else frames - masked(frames, mask).sum(dim=0) / mask.sum()
        ),
        {"batch-mates", "padding"}, "when some are padded",
    ),
    "a deviation over time": (
        lambda self, frames, mask: all_used(self, frames / masked(frames, mask).std(dim=1, keepdim=True)),
        {"one frame", "padding"}, "more than one frame",
    ),
    "time and batch change places": (
        lambda self, frames, mask: all_used(self, frames).transpose(0, 1), {"shape"}, "transpose(0, 1)",
    ),
    "channels before time": (
        lambda self, frames, mask: all_used(self, frames).transpose(1, 2), {"shape"}, "transpose(1, 2)",
    ),
    "pooled": (lambda self, frames, mask: all_used(self, frames).mean(dim=1), {"shape"}, "time is gone"),
    "fewer frames": (lambda self, frames, mask: all_used(self, frames)[:, ::2], {"shape"}, "as many frames must leave"),
    "another width": (
        lambda self, frames, mask: all_used(self, frames)[:, :, :3], {"shape"}, "output_width should be 3",
    ),
    "a pair": (lambda self, frames, mask: (frames, mask), {"shape"}, "return the frames alone"),  # type: ignore[return-value]
    "not finite": (lambda self, frames, mask: all_used(self, frames) / 0, {"shape"}, "NaN or infinite"),
}  # fmt: skip


@pytest.mark.parametrize(("passing", "expected", "cause"), TRAPS.values(), ids=TRAPS.keys())
def test_each_trap_is_caught_and_explained(
    passing: Callable[[Trial, Tensor, Tensor | None], Tensor], expected: set[str], cause: str
) -> None:
    found = failures(Trial(passing))
    assert set(found) == expected
    assert cause in " ".join(f"{check.seen} {check.cause}" for check in found.values())


def test_an_encoder_that_cannot_learn_is_told_and_one_without_parameters_only_warned_of() -> None:
    frozen = Trial(lambda self, frames, mask: all_used(self, frames)).requires_grad_(False)
    check = failures(frozen)["gradients"]
    assert (check.seen, check.severe) == ("no parameter is trainable", True)
    frozen.layer.requires_grad_(True)
    assert failures(frozen) == {}
    empty = nn.Identity()
    empty.forward = lambda frames, mask: 2 * frames  # type: ignore[method-assign,assignment]
    empty.output_width = WIDTH  # type: ignore[assignment]
    check = failures(empty)["gradients"]
    assert (check.seen, check.severe) == ("the encoder has no parameters, so it learns nothing", False)


@pytest.mark.parametrize("name", sorted(path.stem for path in built_in_folder().glob("*.toml")))
def test_the_built_in_encoders_pass(name: str) -> None:
    preset = find_preset(name)
    has_unused = isinstance(preset.encoder, HomeworkTransformer)  # its second norm, which the course counts
    failed = [check.name for check in check_model(preset) if not check.ok]
    assert failed == (["gradients"] if has_unused else [])


def test_pytorchs_attention_passes_when_it_is_used_rightly(tmp_path: Path) -> None:
    preset = preset_for(write_code(tmp_path, attention()))
    assert all(check.ok for check in check_model(preset))


@pytest.mark.parametrize(
    ("text", "name", "cause"),
    [
        (attention(batch_first=False, padding="None"), "batch-mates", "batch_first=True"),
        (attention(padding="None"), "padding", "pass ~mask"),
        (attention(padding="mask"), "padding", "pass ~mask"),
    ],
    ids=["swapped axes", "no mask", "the mask upside down"],
)
def test_the_traps_of_pytorchs_attention_are_caught(tmp_path: Path, text: str, name: str, cause: str) -> None:
    found = {check.name: check for check in check_model(preset_for(write_code(tmp_path, text))) if not check.ok}
    assert cause in found[name].cause


def test_what_a_file_raises_is_named_with_its_line(tmp_path: Path) -> None:
    code = write_code(tmp_path, GOOD.replace("torch.relu(", "torch.rellu("))
    shape = check_model(preset_for(code))[-1]
    assert (shape.name, shape.ok) == ("shape", False)
    assert f"{code.path}, line 15, in forward: AttributeError" in shape.seen


def test_mixing_utterances_stops_a_training_and_padding_only_warns(tmp_path: Path) -> None:
    swapped = write_code(tmp_path, attention(batch_first=False, padding="None"), "swapped.py")
    with pytest.raises(InputError, match=r"fails the check 'batch-mates': .* batch and time axes are swapped"):
        warnings(preset_for(swapped))
    unmasked = write_code(tmp_path, attention(padding="None"), "unmasked.py")
    assert warnings(preset_for(unmasked)) == ["padding"]
    assert warnings(preset_for(write_code(tmp_path))) == []


def test_checking_leaves_the_random_numbers_as_they_were(tmp_path: Path) -> None:
    preset = preset_for(write_code(tmp_path))
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)
    check_model(preset)
    assert torch.equal(torch.randn(4), expected)


def test_a_process_of_its_own_checks_and_counts(tmp_path: Path) -> None:
    report = check_preset(preset_for(write_code(tmp_path, f"print('hello')\n{GOOD}"), "width = 20"))
    assert report.ok
    assert report.cost is not None
    assert report.cost.encoder == 40 * 20 + 20 + 20 * 20 * 3 + 20
    branch = "        if frames.max() > 1e9:\n            frames = 0\n"
    branching = GOOD.replace("        frames = self", f"{branch}        frames = self")
    report = check_preset(preset_for(write_code(tmp_path, branching, "branching.py")))
    assert [check.name for check in report.checks if not check.ok] == ["counting"]
    assert "line 15, in forward" in report.checks[-1].seen
    assert report.cost is None


def test_a_process_that_dies_is_one_line(tmp_path: Path) -> None:
    last_words = "import os, sys\nprint('farewell', file=sys.stderr)\nsys.stderr.flush()\nos._exit(7)\n"
    dying = write_code(tmp_path, last_words + GOOD)
    with pytest.raises(InputError, match="can't be checked: the process ended with 7; its last words: farewell"):
        check_preset(preset_for(dying))


def test_an_encoder_that_hangs_is_ended_with_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = tmp_path / "process"
    hanging = write_code(
        tmp_path,
        f"import os, time\nopen({str(process)!r} + '.new', 'w').write(str(os.getpid()))\n"
        f"os.rename({str(process)!r} + '.new', {str(process)!r})\nwhile True: time.sleep(1)\n{GOOD}",
    )

    def limit_once_it_hangs() -> None:
        if process.exists():
            monkeypatch.setattr(asked_child.time, "monotonic", lambda: float("inf"))

    with pytest.raises(InputError, match=r"mine: the encoder didn't finish the check in 300 s; .* hangs"):
        check_preset(preset_for(hanging), while_waiting=limit_once_it_hangs)
    with pytest.raises(ProcessLookupError):
        os.kill(int(process.read_text()), 0)


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "GeneratorExit", "SystemExit"])
def test_whatever_an_encoder_raises_is_an_answer(tmp_path: Path, error: str) -> None:
    raising = write_code(
        tmp_path, GOOD.replace("        frames = self", f"        raise {error}\n        frames = self")
    )
    report = check_preset(preset_for(raising))
    assert f"line 15, in forward: {error}" in report.checks[0].seen
    raising = write_code(tmp_path, f"raise {error}\n{GOOD}")
    with pytest.raises(InputError, match=f"can't be checked: .*{error}"):
        check_preset(preset_for(raising))


def test_the_checks_serve_built_in_encoders_too() -> None:
    report = check_preset(with_overrides(find_preset("quick-tour"), ["encoder.d_model=16"]))
    assert report.ok
