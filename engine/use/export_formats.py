"""Writing a graph as ONNX or as torch.export's own file, and running what was written: the only place that knows both.

What is in the graph says `export_graph.py`. ONNX needs packages that nothing else here does, so they are asked for.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from engine.errors import InputError
from engine.use.export_graph import OUTPUTS, Both, Graph

if TYPE_CHECKING:
    from collections.abc import Iterator

Runner: TypeAlias = Callable[[Tensor], Both]
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def require_onnx() -> None:
    """Raises `InputError` that says which packages are missing."""
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX needs {' and '.join(missing)}: pip install 'spk-tui[onnx]' brings them")


def trace(graph: Graph, example: Tensor) -> torch.export.ExportedProgram:
    """The graph as a program whose batch and second axis stay open. Raises whatever torch raises."""
    open_axes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim.DYNAMIC}
    with _quietly():
        return torch.export.export(graph, (example,), dynamic_shapes=(open_axes,), strict=False)


def write_onnx(
    program: torch.export.ExportedProgram, path: Path, graph: Graph, opset: int, facts: Mapping[str, str]
) -> int:
    """Writes the file, with `facts` as its metadata; returns the opset that it has."""
    import onnx

    with _quietly():
        made = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            opset_version=opset,
            input_names=[graph.input_name],
            output_names=list(OUTPUTS),
        )
    assert made is not None
    model = made.model_proto
    _name_axes(model.graph.input[0], graph.axes)
    for output in model.graph.output:
        _name_axes(output, ("batch",))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, dict(facts))
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(path))
    return next(int(one.version) for one in model.opset_import if one.domain in ("", "ai.onnx"))


def run_onnx(path: Path, graph: Graph) -> Runner:
    """Runs the file by onnxruntime, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(batch: Tensor) -> Both:
        embedding, logits = session.run(list(OUTPUTS), {graph.input_name: batch.numpy()})
        return Both(torch.from_numpy(embedding), torch.from_numpy(logits))

    return run


def write_program(program: torch.export.ExportedProgram, path: Path, facts: Mapping[str, str]) -> None:
    """Writes torch.export's file, with `facts` as further files in it."""
    with _quietly():
        torch.export.save(program, path, extra_files=dict(facts))


def run_program(path: Path) -> Runner:
    """Runs the file by PyTorch, as it was read back."""
    with _quietly():
        module = torch.export.load(path).module()

    @torch.inference_mode()
    def run(batch: Tensor) -> Both:
        return Both(*module(batch))

    return run


def _name_axes(value: Any, axes: tuple[str, ...]) -> None:
    """Axes that stay open get names for people instead of the tracer's."""
    for dimension, name in zip(value.type.tensor_type.shape.dim, axes, strict=False):
        dimension.dim_param = name


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporters' remarks on packages that aren't needed and on what they deprecate in themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
