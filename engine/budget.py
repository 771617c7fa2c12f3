"""Counts what a preset costs before anything is trained: parameters, multiply-adds and bytes, on the meta device.

`python -m engine.budget --serve` answers one JSON line a preset; `budget_client.py` talks to it, so that processes
which must stay light (the dashboard) never load torch.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn import functional

from engine.budget_client import LIMIT_SECONDS
from engine.cost import UNKNOWN_SPEAKERS, Cost, ModelSize
from engine.dry_run import DryRun
from engine.errors import InputError
from engine.fit import fit
from engine.model_settings import OwnEncoder
from engine.models.own_encoder import blame, without_numbers
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import parse_preset, to_toml
from engine.step_memory import memory_of_a_step, precision_here

PARTS = ("front_end", "encoder", "pooling", "head")
SCALE_BYTES = 4
"""A float32 scale for each row of an int8 matrix, or output channel of a kernel."""
MATRIX_SHARE_OF_A_STEP = 0.6
"""A training step was seen to reach this share of the rate of large matrix products (both course presets, 2 cores)."""


def count(preset: Preset, speakers: int = UNKNOWN_SPEAKERS, precision: str | None = None) -> Cost:
    """The cost of a preset whose head has so many speakers; precision: of the step, by default that of this machine."""
    second = round(1000 / preset.features.hop_ms)  # frames of a second of audio
    model = _model_without_numbers(preset, speakers)
    with DryRun() as arithmetic, torch.no_grad():
        model(torch.empty(2, second, preset.features.mel_bands))
    memory, taking_part = memory_of_a_step(model, preset, precision or precision_here(preset.run))
    return Cost(
        preset=preset.name,
        budget=preset.budget.encoder_parameters,
        parts={part: _trainable(getattr(model, part)) for part in PARTS},
        encoder_layers=_by_kind_of_layer(model.encoder),
        unused=sum(parameter.numel() for parameter in model.encoder.parameters() if id(parameter) not in taking_part),
        total=_trainable(model),
        speakers=speakers,
        multiply_adds_per_second_of_audio=arithmetic.multiply_adds // 2,
        size=size_of(model),
        size_without_head=size_of(model.front_end, model.encoder, model.pooling),
        step_memory=memory,
    )


def _model_without_numbers(preset: Preset, speakers: int) -> SpeakerModel:
    """The model on the meta device. A user's own class is made with numbers first, since it may look at them."""
    if isinstance(preset.encoder, OwnEncoder):
        return without_numbers(SpeakerModel(preset, speakers))
    with DryRun():
        return SpeakerModel(preset, speakers)


def size_of(*modules: nn.Module) -> ModelSize:
    """Bytes of the modules' parameters and buffers in three number formats."""
    float32 = float16 = int8 = 0
    for module in modules:
        for tensor in module.state_dict(keep_vars=True).values():
            real = tensor.is_floating_point()
            matrix = isinstance(tensor, nn.Parameter) and tensor.dim() > 1
            float32 += tensor.nbytes
            float16 += 2 * tensor.numel() if real else tensor.nbytes
            int8 += tensor.numel() + SCALE_BYTES * len(tensor) if matrix else tensor.nbytes
    return ModelSize(float32=float32, float16=float16, int8=int8)


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
    """Says {"ready": true}, and answers a question a line until input ends: a `Cost`, {"fitted": TOML text} or
    {"error": text}.

    A question is {"preset": TOML text, "speakers": n or null} for the cost, and for other sizes of the encoder, those
    which `engine.fit` finds, {"preset": TOML text, "fit": budget, "pinned": [keys of the encoder]}.
    """
    rate = matrix_rate()
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever a user's own encoder prints is no answer
        answers.write(b'{"ready": true}\n')
        answers.flush()
        for line in sys.stdin.buffer:
            signal.alarm(2 * round(LIMIT_SECONDS))  # ends what hangs when whoever should do so was killed
            answers.write(msgspec.json.encode(_answer(line, rate)) + b"\n")
            answers.flush()
            signal.alarm(0)


def _answer(line: bytes, rate: float) -> Cost | dict[str, Any]:
    preset = None
    try:
        question = msgspec.json.decode(line)
        preset = parse_preset(question["preset"], "preset")
        if "fit" in question:
            return {"fitted": to_toml(fit(preset, question["fit"], question["pinned"]))}
        cost = count(preset, question.get("speakers") or UNKNOWN_SPEAKERS)
        return msgspec.structs.replace(cost, seconds_per_step=seconds_per_step(cost, preset, rate))
    except BaseException as error:  # a user's own encoder may raise anything, no terminal can, and the next one comes
        return {"error": _in_words(error, preset)}


def _in_words(error: BaseException, preset: Preset | None) -> str:
    """What went wrong; in a user's own encoder, with its line."""
    blamed = None
    if preset is not None and isinstance(preset.encoder, OwnEncoder) and not isinstance(error, InputError):
        blamed = blame(error, preset.encoder.file)
    return blamed or str(error) or type(error).__name__


if __name__ == "__main__":
    serve()
