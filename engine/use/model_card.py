"""The card that lies beside an exported model: what it is, what it was made of, how good it is, how it is used.

Markdown, after Mitchell et al. (2019), "Model cards for model reporting". Loads no torch.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import shown
from engine.model_settings import OwnEncoder
from engine.preset import Preset
from engine.preset_file import to_toml
from engine.saved_model import SavedModel
from engine.use.export_results import Exported
from engine.use.report_tables import Table, markdown

SCORES = {
    "segment_accuracy": "accuracy on segments",
    "utterance_accuracy": "accuracy on whole utterances",
    "loss": "loss on segments (cross-entropy, nats)",
}

ONNX = """import json, onnxruntime

session = onnxruntime.InferenceSession("{file}")
speakers = json.loads(session.get_modelmeta().custom_metadata_map["speakers"])
embedding, logits = session.run(["embedding", "logits"], {{"{input}": {input}}})
print(speakers[logits[0].argmax()])"""
PT2 = """import json, torch

facts = {{"speakers": ""}}
model = torch.export.load("{file}", extra_files=facts).module()
embedding, logits = model({input})
print(json.loads(facts["speakers"])[logits[0].argmax()])"""


def model_card(exported: Exported, saved: SavedModel, corpus: str) -> str:
    """corpus: the name of what it was trained on, or empty where nobody knows."""
    parts = [
        markdown(
            f"Model card: {saved.preset.name}", _facts(exported, saved, corpus), _tables(exported, saved)
        ).rstrip(),
        _use(exported, saved),
        _limits(saved),
        "## Preset\n\n```toml\n" + preset_text(saved.preset).rstrip() + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def preset_text(preset: Preset) -> str:
    """The preset as TOML, which names a user's own encoder without its folder: it is read elsewhere."""
    return to_toml(preset, Path(preset.encoder.file).parent if isinstance(preset.encoder, OwnEncoder) else None)


def _facts(exported: Exported, saved: SavedModel, corpus: str) -> list[str]:
    """What it is, a line each."""
    model = exported.model
    form = f"ONNX, opset {exported.opset}" if exported.format == "onnx" else "PyTorch, torch.export"
    versions = ", ".join(f"{name} {number}" for name, number in exported.versions.items())
    return [
        f"a speaker model: an embedding and {model.speakers:,} logits for each utterance",
        f"file: {Path(exported.file).name} ({form}, {exported.bytes:,} bytes), written with {versions}",
        f"made of a checkpoint at step {model.step:,}, sha256 {model.sha256}",
        f"trained on: {shown(corpus) if corpus else 'not known, for the checkpoint lay in no run'}"
        f" ({model.speakers:,} speakers)",
        f"encoder: {shown(model.encoder)}",
    ]


def _tables(exported: Exported, saved: SavedModel) -> list[Table]:
    parameters, check = exported.parameters, exported.check
    parts = [
        ("front end", parameters.front_end),
        (f"encoder (budget: {parameters.budget:,})", parameters.encoder),
        ("pooling", parameters.pooling),
        ("head", parameters.head),
    ]
    counted = [[name, f"{number:,}"] for name, number in parts]
    total = sum(number for _, number in parts)
    scores = [[SCORES.get(name, shown(name)), f"{value:.4f}"] for name, value in sorted(saved.scores.items())]
    shapes = ", ".join(f"{batch} x {length:,}" for batch, length in check.shapes)
    return [
        Table("Scores", ["on the validation part", "at this step"], scores or [["none are known", ""]], (1,),
              "'spk-tui evaluate' gives them with intervals, on any corpus."),
        Table("Parameters", ["part", "trainable"], [*counted, ["all", f"{total:,}"]], (1,)),
        Table("Check", ["run by", "largest difference from PyTorch"],
              [[check.runtime, f"{check.largest_difference:.2g}"]], (),
              f"Inputs: {shapes}; more than {check.tolerance:g} (of the largest number, where that is above one) would"
              " have left no file."),
    ]  # fmt: skip


def _use(exported: Exported, saved: SavedModel) -> str:
    recipe, name = saved.preset.features, exported.input
    axes = ", ".join(exported.shape)
    code = (ONNX if exported.format == "onnx" else PT2).format(file=Path(exported.file).name, input=name)
    if exported.features == "inside":
        what = (
            f"`waveform`: ({axes}) float32, one channel at {recipe.sample_rate:,} Hz, at least {recipe.window} samples."
            " Peak, log-mel and mean are taken care of inside; silence is not cut there (the recipe cuts what stays"
            f" below {recipe.silence_level:g} of full scale for {recipe.silence_seconds:g} s, after its peak is at"
            f" {recipe.peak_db:g} dB)."
        )
    else:
        what = (
            f"`frames`: ({axes}) float32, natural logarithms of mel energies, {1000 / recipe.hop_ms:g} frames a second:"
            f" {recipe.sample_rate:,} Hz, peak at {recipe.peak_db:g} dB, silence cut, a Hann window of"
            f" {recipe.window_ms:g} ms, power, HTK mel from {recipe.lowest_hz:g} Hz, floor {recipe.floor:g}. Means are"
            " subtracted inside where the preset says so."
        )
    return (
        f"## Use\n\n{what} Utterances of a batch have one length.\n\n`embedding`: (batch, {exported.embedding_width}),"
        f" to be compared by cosine. `logits`: (batch, {exported.model.speakers:,}), in the order of `speakers`.\n\n"
        f"```python\n{code}\n```"
    )


def _limits(saved: SavedModel) -> str:
    return (
        "## Limits\n\n"
        f"- It knows {len(saved.speakers):,} speakers; a stranger gets the name of whoever is most alike.\n"
        "- Scores are those of the corpus above. Other microphones, rooms, languages and ages give other ones.\n"
        "- A voice is personal data: ask whoever is recorded."
    )
