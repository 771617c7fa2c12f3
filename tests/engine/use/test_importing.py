"""Weights of other programs: the same logits as there, whoever named the tensors; a mangled file is one message."""

from __future__ import annotations

import io
import json
import random
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel
from engine.preset import Data
from engine.preset_file import to_toml
from engine.preset_library import find_preset
from engine.use.export_results import Imported
from engine.use.importing import import_weights, read_state_dict
from engine.use.loading import load_best
from engine.use.orders import Import
from engine.use.speaker_names import speaker_names

SAMPLE = to_toml(find_preset("homework-sample-67k", ["encoder.d_model=16", "encoder.ffn=24", "head.hidden=16"]))
SPEAKERS = ["cleo", "anna", "ben"]


class Sample(nn.Module):
    """The course's sample program, smaller: mel bands 40, width 16."""

    def __init__(self) -> None:
        super().__init__()
        self.prenet = nn.Linear(40, 16)
        self.encoder_layer = nn.TransformerEncoderLayer(d_model=16, dim_feedforward=24, nhead=2)
        self.pred_layer = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, len(SPEAKERS)))

    def forward(self, mels: Tensor) -> Tensor:
        """mels: (batch, time, 40) -> (batch, speakers)."""
        out = self.encoder_layer(self.prenet(mels).permute(1, 0, 2)).transpose(0, 1)
        logits: Tensor = self.pred_layer(out.mean(dim=1))
        return logits


@pytest.fixture(scope="module")
def sample() -> Sample:
    torch.manual_seed(0)
    return Sample().eval()


def imported(weights: dict[str, Tensor], folder: Path, preset: str = SAMPLE, *moves: str) -> Imported:
    torch.save(weights, folder / "model.ckpt")
    order = Import(str(folder / "model.ckpt"), preset, str(folder / "best.safetensors"), SPEAKERS, list(moves))
    return import_weights(order, silently)


def logits_of(folder: Path, frames: Tensor) -> Tensor:
    model, saved = load_best(folder / "best.safetensors")
    assert saved.speakers == SPEAKERS
    with torch.inference_mode():
        return model(frames)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_sample_program_says_here_what_it_said_there(sample: Sample, tmp_path: Path, prefix: str) -> None:
    imported({prefix + name: tensor for name, tensor in sample.state_dict().items()}, tmp_path)
    frames = torch.randn(2, 50, 40)
    torch.testing.assert_close(logits_of(tmp_path, frames), sample(frames), rtol=1e-4, atol=1e-5)


def test_tensors_of_any_name_go_by_their_order_where_all_shapes_agree(tmp_path: Path) -> None:
    preset = find_preset("transformer-154k", ["encoder.d_model=16", "encoder.ffn=24", "head.hidden=16"])
    ours = SpeakerModel(preset, len(SPEAKERS)).eval()
    weights = {f"net.{place}": tensor for place, tensor in enumerate(ours.state_dict().values())}
    found = imported(weights, tmp_path, to_toml(preset))
    assert {one.way for one in found.placed} == {"its place in the order"}
    frames = torch.randn(2, 50, 40)
    assert torch.equal(logits_of(tmp_path, frames), ours(frames))


@pytest.mark.parametrize("names", [("w_q", "w_k", "w_v"), ("query", "key", "value"), ("WQ", "WK", "WV")])
def test_three_projections_become_one(tmp_path: Path, names: tuple[str, str, str]) -> None:
    preset = find_preset("transformer-154k", ["encoder.d_model=16", "encoder.ffn=24", "head.hidden=16"])
    ours = SpeakerModel(preset, len(SPEAKERS)).eval()
    weights = {}
    for name, tensor in ours.state_dict().items():
        if name.endswith("query_key_value.weight"):
            weights |= {
                f"attention.{one}.weight": part.clone() for one, part in zip(names, tensor.chunk(3), strict=True)
            }
        else:
            weights[name] = tensor
    found = imported(weights, tmp_path, to_toml(preset))
    assert "query, key and value" in {one.way for one in found.placed}
    frames = torch.randn(2, 50, 40)
    assert torch.equal(logits_of(tmp_path, frames), ours(frames))


def test_what_could_go_to_two_places_is_refused_until_somebody_says_where(sample: Sample, tmp_path: Path) -> None:
    weights = dict(sample.state_dict())
    names = [name for name in weights if ".norm1." in name]
    for name in names:
        weights[name.replace("encoder_layer.norm1", "before")] = weights.pop(name)
    weights["unused"] = torch.zeros(3, 3)
    with pytest.raises(InputError) as refused:
        imported(weights, tmp_path)
    assert "before.weight (16)" in str(refused.value)
    assert "encoder.layers.0.attention_norm.bias (16)" in str(refused.value)
    assert not (tmp_path / "best.safetensors").exists()
    moves = [f"before.{end}=encoder.layers.0.attention_norm.{end}" for end in ("weight", "bias")]
    imported(weights, tmp_path, SAMPLE, *moves, "unused=")
    frames = torch.randn(2, 50, 40)
    torch.testing.assert_close(logits_of(tmp_path, frames), sample(frames), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("move", "message"),
    [
        ("prenet.weight", "is no 'theirs=ours'"),
        ("prenet.wait=front_end.project.weight", "did you mean 'prenet.weight'"),
        ("prenet.weight=front_end.weight", "did you mean 'front_end.project.weight'"),
        ("prenet.bias=front_end.project.weight", r"\(16\) doesn't fit \(16, 40\)"),
    ],
)
def test_a_wrong_move_is_answered_in_words(sample: Sample, tmp_path: Path, move: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        imported(sample.state_dict(), tmp_path, SAMPLE, move)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "whole.ckpt")
    with pytest.raises(InputError, match=r"torch\.save\(model\.state_dict\(\)"):
        read_state_dict(tmp_path / "whole.ckpt")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cuts=st.integers(0, 4))
def test_a_mangled_file_is_a_state_dict_or_one_message(sample: Sample, tmp_path: Path, seed: int, cuts: int) -> None:
    written = io.BytesIO()
    torch.save(sample.state_dict(), written)
    chance, content = random.Random(seed), bytearray(written.getvalue())
    for _ in range(cuts):
        begin = chance.randrange(len(content))
        content[begin : begin + chance.randrange(1, 40)] = chance.randbytes(chance.randrange(40))
    (tmp_path / "model.ckpt").write_bytes(content)
    read: dict[str, Tensor] = {}
    with suppress(InputError):
        read = read_state_dict(tmp_path / "model.ckpt")
    assert all(isinstance(tensor, Tensor) for tensor in read.values())
    assert cuts or read.keys() == sample.state_dict().keys()


def test_classes_are_named_by_the_mapping_of_the_homework(tmp_path: Path) -> None:
    (tmp_path / "mapping.json").write_text(json.dumps({"speaker2id": {"ben": 2, "cleo": 0, "anna": 1}}))
    assert speaker_names(tmp_path, Data()) == SPEAKERS
    assert speaker_names(tmp_path / "mapping.json", Data()) == SPEAKERS
    (tmp_path / "mapping.json").write_text(json.dumps({"speaker2id": {"ben": 2, "cleo": 0}}))
    with pytest.raises(InputError, match="aren't 0 to 1"):
        speaker_names(tmp_path, Data())
