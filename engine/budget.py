"""Counts what a preset costs before anything is trained: parameters by part and multiply-adds, on the meta device.

`python -m engine.budget --serve` answers one JSON line a preset; `budget_client.py` talks to it, so that processes
which must stay light (the dashboard) never load torch.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from engine.cost import UNKNOWN_SPEAKERS, Cost
from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import parse_preset

PARTS = ("front_end", "encoder", "pooling", "head")
MATRIX_SHARE_OF_A_STEP = 0.6
"""A training step was seen to reach this share of the rate of large matrix products (both course presets, 2 cores)."""


def count(preset: Preset, speakers: int = UNKNOWN_SPEAKERS) -> Cost:
    """The cost of a preset whose head has so many speakers."""
    with torch.device("meta"):
        model = SpeakerModel(preset, speakers)
        second = round(1000 / preset.features.hop_ms)  # frames of a second of audio
        frames = torch.empty(2, second, preset.features.mel_bands)
        with FlopCounterMode(display=False) as counter:
            logits = model(frames)
        logits.sum().backward()
    return Cost(
        preset=preset.name,
        budget=preset.budget.encoder_parameters,
        parts={part: _trainable(getattr(model, part)) for part in PARTS},
        encoder_layers=_by_kind_of_layer(model.encoder),
        unused=sum(parameter.numel() for parameter in model.encoder.parameters() if parameter.grad is None),
        total=_trainable(model),
        speakers=speakers,
        multiply_adds_per_second_of_audio=counter.get_total_flops() // 2 // len(frames),
    )


def _trainable(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _by_kind_of_layer(encoder: nn.Module) -> dict[str, int]:
    """Parameters grouped by the `layer_kind` of the outermost module that states one; norms are their own kind."""
    groups: dict[str, int] = {}

    def visit(module: nn.Module) -> None:
        kind = getattr(module, "layer_kind", None)
        if kind is None and "Norm" in type(module).__name__:
            kind = "normalisation"
        if kind is not None:
            groups[kind] = groups.get(kind, 0) + _trainable(module)
            return
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False) if parameter.requires_grad)
        if own:
            groups["other"] = groups.get("other", 0) + own
        for child in module.children():
            visit(child)

    visit(encoder)
    return groups


def matrix_rate(width: int = 80, hidden: int = 800, rows: int = 4096) -> float:
    """Multiply-adds a second of this machine's CPU on products of a feed-forward network's shape, best of a few."""
    frames, weights = torch.randn(rows, width), torch.randn(hidden, width)
    best = float("inf")
    for _ in range(8):
        began = time.perf_counter()
        functional.linear(frames, weights)
        best = min(best, time.perf_counter() - began)
    return rows * width * hidden / best


def seconds_per_step(cost: Cost, preset: Preset, rate: float) -> float:
    """A rough guess of a CPU training step: three forward passes' arithmetic (forward, and backward twice that)."""
    seconds_of_audio = preset.segments.frames * preset.segments.batch_size * preset.features.hop_ms / 1000
    return 3 * cost.multiply_adds_per_second_of_audio * seconds_of_audio / (rate * MATRIX_SHARE_OF_A_STEP)


def serve() -> None:
    """Answers {"preset": TOML text, "speakers": n} with a `Cost` or {"error": text}, a line each, until input ends."""
    rate = matrix_rate()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(_answer(line, rate)) + b"\n")
        sys.stdout.buffer.flush()


def _answer(line: bytes, rate: float) -> Cost | dict[str, Any]:
    try:
        question = msgspec.json.decode(line)
        preset = parse_preset(question["preset"], "preset")
        cost = count(preset, question.get("speakers") or UNKNOWN_SPEAKERS)
        return msgspec.structs.replace(cost, seconds_per_step=seconds_per_step(cost, preset, rate))
    except (InputError, RuntimeError, msgspec.DecodeError) as error:
        return {"error": str(error)}


if __name__ == "__main__":
    serve()
