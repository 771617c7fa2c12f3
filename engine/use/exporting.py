"""A checkpoint as a file for other programs, checked against PyTorch before it gets its name, and a card beside it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import torch

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.files import replacing, write_atomically
from engine.model_settings import OwnEncoder
from engine.models.own_encoder import blame
from engine.use.evaluating import facts_of
from engine.use.export_formats import (
    ONNX_PACKAGES,
    Runner,
    require_onnx,
    run_onnx,
    run_program,
    trace,
    write_onnx,
    write_program,
)
from engine.use.export_graph import FromFrames, FromWaveform, Graph, reference, some_input
from engine.use.export_results import ExportCheck, Exported, Parameters
from engine.use.model_card import model_card, preset_text
from engine.use.orders import Export
from engine.use.recognizer import SpeakerRecognizer, load_model

TOLERANCE = 1e-4
"""Of numbers up to one, and of the largest where there is a larger one."""
SHORTEST, LONGEST, TRIALS = 10, 1200, 5
"""Frames of the inputs that a file is checked with, and how many inputs."""


def export(order: Export, report: Report) -> Exported:
    """Does what the order says. Raises `InputError`; then there is neither a file nor a card."""
    if order.to == "onnx":
        require_onnx()
    report("loading the model", 0, 0, "")
    recognizer = load_model(order.checkpoint, "cpu")
    preset, out = recognizer.preset, Path(order.out)
    graph: Graph = (FromWaveform if order.features == "inside" else FromFrames)(recognizer.model, preset).eval()
    random = np.random.default_rng()
    report("tracing the model", 0, 0, "")
    try:
        program = trace(graph, some_input(order.features, preset.features, 2, 100, random))
    except Exception as error:  # torch has no class for what can't be traced
        raise InputError(_untraceable(recognizer, error)) from None
    try:
        with replacing(out) as temporary:
            report(f"writing {order.to}", 0, 0, "")
            opset, run = _write(order, program, temporary, graph, recognizer)
            check = _check(order, recognizer, run, random, report)
            exported = _facts(order, recognizer, graph, opset, check, temporary.stat().st_size)
            write_atomically(Path(exported.card), model_card(exported, recognizer.saved, order.corpus))
    except OSError as error:
        raise InputError(f"{out}: can't be written ({error.strerror or error})") from None
    return exported


def _write(
    order: Export,
    program: torch.export.ExportedProgram,
    path: Path,
    graph: Graph,
    recognizer: SpeakerRecognizer,
) -> tuple[int, Runner]:
    """The opset of the file (0: none), and what runs it. Raises `InputError`."""
    facts = _metadata(order, recognizer)
    if order.to == "pt2":
        write_program(program, path, facts)
        return 0, run_program(path)
    try:
        opset = write_onnx(program, path, graph, order.opset, facts)
    except Exception as error:  # the converter's own kinds, and those of the libraries below it
        raise InputError(f"{recognizer.path}: can't be written as ONNX ({_in_a_line(error)})") from None
    if opset != order.opset:
        raise InputError(f"--opset {order.opset}: this model can't be converted to it; take {opset}, its own")
    return opset, run_onnx(path, graph)


def _check(
    order: Export, recognizer: SpeakerRecognizer, run: Runner, random: np.random.Generator, report: Report
) -> ExportCheck:
    """Inputs of random lengths through the file and through PyTorch. Raises `InputError` when they differ."""
    preset = recognizer.preset
    lengths = [SHORTEST, *random.integers(SHORTEST, LONGEST, TRIALS - 2).tolist(), LONGEST]
    shapes: list[tuple[int, int]] = []
    worst = 0.0
    for place, frames in enumerate(lengths):
        batch = some_input(order.features, preset.features, 1 + place % 3, frames, random)
        for got, wanted in zip(run(batch), reference(recognizer.model, preset, order.features, batch), strict=True):
            scale = max(1.0, float(wanted.abs().max()))
            worst = max(worst, float((got - wanted).abs().nan_to_num(torch.inf).max()) / scale)
        shapes.append((batch.shape[0], batch.shape[1]))
        report("checking the file", place + 1, len(lengths), "inputs")
    if not worst <= TOLERANCE:
        raise InputError(
            f"{order.out}: wasn't written, for it gives other numbers than PyTorch does (by {worst:.2g}, and at most"
            f" {TOLERANCE:g} is rounding); an encoder whose result hangs on the length of its input in Python can't be"
            " exported"
        )
    runtime = f"onnxruntime {version('onnxruntime')}" if order.to == "onnx" else f"PyTorch {torch.__version__}"
    return ExportCheck(runtime, shapes, worst, TOLERANCE)


def _facts(
    order: Export,
    recognizer: SpeakerRecognizer,
    graph: Graph,
    opset: int,
    check: ExportCheck,
    size: int,
) -> Exported:
    model, out = recognizer.model, Path(order.out)
    parts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in (
            ("front_end", model.front_end),
            ("encoder", model.encoder),
            ("pooling", model.pooling),
            ("head", model.head),
        )
    }
    bands = recognizer.preset.features.mel_bands
    packages = ("torch", *ONNX_PACKAGES) if order.to == "onnx" else ("torch",)
    with torch.inference_mode():
        width = model.embed(torch.zeros(1, SHORTEST, bands)).shape[1]
    return Exported(
        file=order.out,
        card=f"{out}.md",
        format=order.to,
        opset=opset,
        features=order.features,
        input=graph.input_name,
        shape=[*graph.axes, *([str(bands)] if order.features == "outside" else [])],
        embedding_width=width,
        bytes=size,
        model=facts_of(recognizer),
        parameters=Parameters(**parts, budget=recognizer.preset.budget.encoder_parameters),
        check=check,
        versions={name: version(name) for name in packages},
    )


def _metadata(order: Export, recognizer: SpeakerRecognizer) -> dict[str, str]:
    """What the file says of itself: the same as a checkpoint does, and which checkpoint it is made of."""
    saved = recognizer.saved
    return {
        "preset": preset_text(saved.preset),
        "speakers": msgspec.json.encode(saved.speakers).decode(),
        "features": order.features,
        "recipe": msgspec.json.encode(saved.preset.features).decode(),
        "scores": msgspec.json.encode(saved.scores).decode(),
        "step": str(saved.step),
        "checkpoint_sha256": recognizer.sha256,
    }


def _untraceable(recognizer: SpeakerRecognizer, error: Exception) -> str:
    encoder = recognizer.preset.encoder
    where = blame(error, encoder.file) if isinstance(encoder, OwnEncoder) else None
    return (
        f"{recognizer.path}: can't be exported ({where or _in_a_line(error)}); a graph for any length can hold no"
        " 'if' or 'for' in Python that hangs on a tensor's values or on its length"
    )


def _in_a_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
