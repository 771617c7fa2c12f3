"""The best checkpoint of a user's own encoder: which file it needs, that it is found, and that no other will do."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
import torch
from msgspec import structs
from safetensors import safe_open

from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.training.checkpoint import save_best
from engine.trust import NotTrusted, trust_path
from engine.use.loading import load_best
from tests.own_encoders import GOOD, HEAD, preset_for, write_code

SPEAKERS = ["anna", "ben", "cleo"]
TWICE = (
    HEAD
    + """class Mine(nn.Module):
    def __init__(self, input_width):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(input_width, input_width)] * 3)
        self.last = nn.Linear(input_width, input_width)
        self.last.weight = self.layers[0].weight
        self.output_width = input_width

    def forward(self, frames, mask):
        for layer in self.layers:
            frames = torch.tanh(layer(frames))
        return self.last(frames)
"""
)


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))


def saved(folder: Path, text: str = GOOD) -> tuple[Path, SpeakerModel, Preset]:
    """A folder like a run's: the file, and a checkpoint one folder below."""
    preset = preset_for(write_code(folder, text))
    (folder / "checkpoints").mkdir()
    path = folder / "checkpoints" / "best.safetensors"
    model = SpeakerModel(preset, len(SPEAKERS)).eval()
    save_best(path, model, preset, SPEAKERS, {"loss": 1.0}, 7)
    return path, model, preset


@pytest.mark.parametrize("text", [GOOD, TWICE], ids=["plain", "layers that serve twice"])
def test_the_loaded_model_answers_as_the_saved_one(tmp_path: Path, text: str) -> None:
    path, model, preset = saved(tmp_path / "run", text)
    loaded, said = load_best(path)
    frames = torch.randn(2, 30, 40)
    assert torch.equal(loaded(frames), model(frames))
    assert (said.preset, said.speakers, said.step) == (preset, SPEAKERS, 7)
    own = sum(one.numel() for one in model.parameters())
    with safe_open(path, "pt") as file:
        assert sum(file.get_tensor(name).numel() for name in file.keys()) == own  # noqa: SIM118


def test_the_metadata_names_the_file_by_its_hash_and_no_folder_of_this_machine(tmp_path: Path) -> None:
    path, _, _ = saved(tmp_path / "run")
    code = write_code(tmp_path / "run")
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert (metadata["encoder_file"], metadata["encoder_sha256"]) == ("mine.py", code.sha256)
    assert 'kind = "mine.py:Mine"' in metadata["preset"]
    assert str(tmp_path) not in "".join(metadata.values())
    assert "class Mine" not in "".join(metadata.values())


def test_the_hash_is_that_of_the_code_that_was_trained_whatever_became_of_the_file(tmp_path: Path) -> None:
    code = write_code(tmp_path)
    preset = preset_for(code)
    model = copy.deepcopy(SpeakerModel(preset, len(SPEAKERS)))  # as a running average of the weights is one
    write_code(tmp_path, GOOD + "# changed\n")
    save_best(tmp_path / "best.safetensors", model, preset, SPEAKERS, {}, 1)
    with safe_open(tmp_path / "best.safetensors", "pt") as file:
        assert file.metadata()["encoder_sha256"] == code.sha256


def test_it_is_found_beside_the_checkpoint_wherever_both_are(tmp_path: Path) -> None:
    path, model, _ = saved(tmp_path / "run")
    (tmp_path / "kept").mkdir()
    shutil.copy(path, tmp_path / "kept" / "mine.safetensors")
    shutil.copy(tmp_path / "run" / "mine.py", tmp_path / "kept")
    shutil.rmtree(tmp_path / "run")
    loaded, said = load_best(tmp_path / "kept" / "mine.safetensors")
    frames = torch.randn(2, 30, 40)
    assert torch.equal(loaded(frames), model(frames))
    assert said.preset.encoder == structs.replace(said.preset.encoder, file=str(tmp_path / "kept" / "mine.py"))


def test_a_missing_or_changed_file_is_refused_in_words(tmp_path: Path) -> None:
    path, _, _ = saved(tmp_path / "run")
    write_code(tmp_path / "run", GOOD.replace("relu", "tanh"))
    with pytest.raises(InputError, match=r"made by a file 'mine\.py' .*mine\.py is another file, or was changed since"):
        load_best(path)
    (tmp_path / "run" / "mine.py").unlink()
    with pytest.raises(InputError, match=r"there is none in .*checkpoints; put that file beside the checkpoint"):
        load_best(path)


def test_a_strangers_checkpoint_runs_nothing(tmp_path: Path) -> None:
    path, _, _ = saved(tmp_path / "run")
    trust_path().unlink()
    with pytest.raises(NotTrusted):
        load_best(path)
