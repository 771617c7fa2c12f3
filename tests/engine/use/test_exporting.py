"""An exported file gives what PyTorch gives, for every length, and one that doesn't is never left behind."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import torch

from engine.corpus.features import log_mel
from engine.corpus.normalising import normalised
from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset, Segments
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.state import RunState
from engine.training.checkpoint import save_best
from engine.use import export_formats, exporting
from engine.use.curves import as_csv
from engine.use.export_formats import run_program, trace
from engine.use.export_graph import FromFrames, LogMel, reference, some_input, without_mean
from engine.use.loading import load_best
from engine.use.orders import Export
from tests.engine.use.test_loading import SPEAKERS
from tests.own_encoders import HEAD, preset_for, write_code

LOOKS_AT_LENGTH = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_width):\n"
    "        super().__init__()\n"
    "        self.inner = nn.Linear(input_width, 8)\n"
    "        self.output_width = 8\n\n"
    "    def forward(self, frames, mask):\n"
    "        if float(frames.mean()) > 0:\n"
    "            frames = -frames\n"
    "        return self.inner(frames)\n"
)


def sample() -> Preset:
    return find_preset("homework-sample-67k", ["encoder.d_model=8", "encoder.ffn=8", "head.hidden=8"])


def checkpoint(folder: Path, preset: Preset) -> Path:
    torch.manual_seed(0)
    save_best(folder / "best.safetensors", SpeakerModel(preset, len(SPEAKERS)), preset, SPEAKERS, {"loss": 1.25}, 7)
    return folder / "best.safetensors"


def test_a_waveform_goes_in_and_onnxruntime_gives_what_the_program_gives(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, sample())
    out = tmp_path / "model.onnx"
    exported = exporting.export(Export(str(path), "onnx", str(out), "inside", corpus="speech"), silently)
    assert exported.check.largest_difference < 1e-4
    written = onnx.load(out)
    assert (written.opset_import[0].version, exported.opset) == (18, 18)
    assert [axis.dim_param for axis in written.graph.input[0].type.tensor_type.shape.dim] == ["batch", "samples"]
    facts = onnxruntime.InferenceSession(out).get_modelmeta().custom_metadata_map
    assert facts["speakers"] == '["anna","ben","cleo"]'
    assert 'kind = "homework_sample"' in facts["preset"]
    card = (tmp_path / "model.onnx.md").read_text()
    assert "trained on: speech" in card
    assert "| loss on segments (cross-entropy, nats) | 1.2500 |" in card


def test_pytorch_reads_its_own_file_back(tmp_path: Path) -> None:
    path, out = checkpoint(tmp_path, sample()), tmp_path / "model.pt2"
    exporting.export(Export(str(path), "pt2", str(out)), silently)
    model, saved = load_best(path)
    batch = some_input("outside", saved.preset.features, 3, 77, np.random.default_rng(1))
    for got, wanted in zip(run_program(out)(batch), reference(model, saved.preset, "outside", batch), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "override"),
    [("transformer-4x80-298k", "encoder.positions=relative"), ("ecapa-c80-137k", "head.sub_centres=2")],
)
def test_one_graph_takes_every_length(name: str, override: str) -> None:
    preset = find_preset(name, [override, "encoder.layers=1"])
    torch.manual_seed(0)
    model, random = SpeakerModel(preset, 5).eval(), np.random.default_rng(0)
    graph = trace(FromFrames(model, preset).eval(), some_input("outside", preset.features, 2, 30, random)).module()
    for batch, time in ((1, 10), (3, 700)):
        frames = some_input("outside", preset.features, batch, time, random)
        with torch.inference_mode():
            got = graph(frames)
        for one, wanted in zip(got, reference(model, preset, "outside", frames), strict=True):
            torch.testing.assert_close(one, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("samples", [400, 401, 16_000])
def test_log_mel_inside_is_log_mel_outside(samples: int) -> None:
    features = sample().features
    waveform = np.random.default_rng(0).uniform(-1, 1, samples).astype(np.float32)
    loudest = waveform * np.float32(10 ** (features.peak_db / 20) / np.abs(waveform).max())
    inside = LogMel(features)(torch.from_numpy(waveform)[None])[0]
    np.testing.assert_allclose(inside.numpy(), log_mel(loudest, features), atol=1e-5)


@pytest.mark.parametrize("time", [3, 20, 50])
@pytest.mark.parametrize("kind", ["none", "utterance", "running"])
def test_means_are_subtracted_inside_as_in_training(kind: str, time: int) -> None:
    segments = Segments(normalise=kind, normalise_frames=20)  # type: ignore[arg-type]
    frames = torch.randn(2, time, 4).half()
    for got, item in zip(without_mean(frames.float(), segments), frames, strict=True):
        torch.testing.assert_close(got, normalised(item, segments), rtol=0, atol=1e-5)


def test_a_file_that_says_something_else_is_never_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint(tmp_path, sample())
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(exporting, "TOLERANCE", 0.0)
    monkeypatch.setattr(exporting, "reference", lambda *given: [one + 1e-3 for one in reference(*given)])
    with pytest.raises(InputError, match="wasn't written, for it gives other numbers than PyTorch"):
        exporting.export(Export(str(path), "pt2", str(tmp_path / "model.pt2")), silently)
    assert set(tmp_path.iterdir()) == before


def test_an_encoder_that_cannot_be_traced_is_blamed_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))
    code = write_code(tmp_path, LOOKS_AT_LENGTH)
    path = checkpoint(tmp_path, preset_for(code))
    with pytest.raises(InputError, match=rf"{Path(code.path).name}, line \d+, in forward: (.|\n)*hangs on a tensor"):
        exporting.export(Export(str(path), "pt2", str(tmp_path / "model.pt2")), silently)
    assert not (tmp_path / "model.pt2").exists()


def test_what_onnx_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_formats, "find_spec", lambda name: None if name.startswith("onnxr") else name)
    with pytest.raises(InputError, match=r"needs onnxruntime: pip install 'spk-tui\[onnx\]'"):
        exporting.export(Export(str(tmp_path / "any"), "onnx", str(tmp_path / "any.onnx")), silently)


def test_three_lines_of_plain_pytorch_read_a_checkpoint(tmp_path: Path) -> None:
    """As docs/export.md shows them."""
    path = checkpoint(tmp_path, sample())
    model, _ = load_best(path)
    tensors = safetensors.torch.load_file(path)
    classifier = torch.nn.Linear(*reversed(tensors["head.classifier.weight"].shape))
    classifier.load_state_dict({"weight": tensors["head.classifier.weight"], "bias": tensors["head.classifier.bias"]})
    assert torch.equal(classifier.weight, model.head.classifier.weight)  # type: ignore[union-attr]


def test_a_table_of_curves_holds_every_number() -> None:
    state = RunState.of([
        e.Progress(time=5.0, step=10, steps=20, loss=1 / 3, accuracy=0.5, steps_per_second=7.0, learning_rate=1e-3,
                   gradient_norm=2.0),
        e.Validated(time=6.0, step=10, loss=2.0, segment_accuracy=0.25, utterance_accuracy=0.75,
                    utterances_per_second=9.0, utterances=4),
    ])  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(as_csv(state)))
    assert (row["step"], float(row["train_loss"]), float(row["validation_utterance_accuracy"])) == ("10", 1 / 3, 0.75)
    assert float(row["time"]) == 6.0
