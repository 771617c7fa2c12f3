"""The command that takes a model, or the curves of its run, to other programs: `export`.

A child process makes and checks the file (`engine.use.exporting`); here is where it goes, and what is said of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from spk_tui.commands.evaluating import ModelName
from spk_tui.commands.options import AsJson, Runs, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.runs.directory import RunDirectory
    from engine.use.export_results import Exported

ENDINGS = {"onnx": ".onnx", "pt2": ".pt2", "csv": ".csv"}


def export(
    model: ModelName,
    /,
    *,
    to: Literal["onnx", "pt2", "tensorboard", "csv"],
    out: Path | None = None,
    features: Literal["inside", "outside"] = "outside",
    opset: Annotated[int, Parameter(validator=Number(gte=18, lte=25))] = 18,
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Takes a trained model to other programs, with a model card beside it; or the curves of its run.

    The file is run on inputs of random lengths before it gets its name, and must give what PyTorch gives to 1e-4.
    Embedding and logits come out; speakers and preset are in the file's metadata. docs/export.md shows how it is used.

    JSON: {"file", "card", "format", "opset", "features", "input", "shape", "embedding_width", "bytes", "model": as in
    evaluate, "parameters": {"front_end", "encoder", "pooling", "head", "budget"}, "check": {"runtime", "shapes",
    "largest_difference", "tolerance"}, "versions"}; "opset" is 0 for pt2. For curves: {"id", "run", "file"}.

    Parameters
    ----------
    to
        onnx, or pt2 (torch.export); tensorboard or csv for the run's curves
    out
        the file, or for tensorboard the folder (default: the run's name, here)
    features
        whether the file takes log-mel frames, or a waveform and makes the frames inside
    opset
        the version of ONNX's operators
    """
    if to in ("tensorboard", "csv"):
        return _curves(model, to, out, runs, as_json=as_json)
    from engine.saved_model import read_saved
    from engine.use.client import ask
    from engine.use.export_results import Exported
    from engine.use.finding import find_checkpoint
    from engine.use.orders import Export
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.trusting import settle_trust

    found = find_checkpoint(model, runs)
    place = _place_for(out, to, found.run.id if found.run is not None else found.path.stem)
    settle_trust(read_saved(found.path).preset, trust)
    corpus = Path(found.run.info().corpus).name if found.run is not None else ""
    order = Export(str(found.path.absolute()), "onnx" if to == "onnx" else "pt2", str(place), features, opset, corpus)
    with progress() as show:
        exported = ask(order, Exported, show)
    if as_json:
        say_json(exported)
    else:
        say(_report(exported))
    return WELL


def _curves(name: str, to: str, out: Path | None, runs: Path | None, *, as_json: bool) -> int:
    from engine.errors import InputError
    from engine.files import write_atomically
    from engine.use.client import ask
    from engine.use.curves import as_csv
    from engine.use.orders import ExportCurves
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress

    run = _run(name, runs)
    if to == "csv":
        place = _place_for(out, to, run.id)
        try:
            write_atomically(place, as_csv(run.state()))
        except OSError as error:
            raise InputError(f"{place}: can't be written ({error.strerror})") from None
        written = str(place)
    else:
        from engine.files import user_path

        folder = (user_path(out) if out is not None else Path("tensorboard") / run.id).absolute()
        with progress() as show:
            written = ask(ExportCurves(str(run.path.absolute()), str(folder)), str, show)
    if as_json:
        say_json({"id": run.id, "run": str(run.path), "file": written})
    else:
        hint = f"; 'tensorboard --logdir {Path(written).parent.parent}' shows them" if to == "tensorboard" else ""
        say(f"{run.id}: curves written to {written}{hint}")
    return WELL


def _run(name: str, runs: Path | None) -> RunDirectory:
    """The run of that name, or the one that a checkpoint lies in. Raises `InputError`."""
    from engine.errors import InputError
    from engine.files import user_path
    from engine.runs.directory import find_run
    from engine.use.finding import find_checkpoint

    if not user_path(name).is_file():
        return find_run(name, runs)
    run = find_checkpoint(name).run
    if run is None:
        raise InputError(f"{name}: lies in no run, and a checkpoint alone has no curves")
    return run


def _place_for(out: Path | None, to: str, name: str) -> Path:
    """The file to write, looked at before anything is computed. Raises `InputError`."""
    from engine.errors import InputError
    from engine.files import user_path

    ending = ENDINGS[to]
    place = Path(f"{name}{ending}") if out is None else user_path(out)
    place = (place / f"{name}{ending}" if place.is_dir() else place).absolute()
    if place.suffix != ending:
        raise InputError(f"--out {out}: --to {to} writes a file that ends in {ending}")
    if not place.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {place.parent}")
    return place


def _report(exported: Exported) -> str:
    form = f"ONNX, opset {exported.opset}" if exported.format == "onnx" else "torch.export"
    check = exported.check
    return "\n".join([
        f"{exported.model.preset} at step {exported.model.step:,}: written to {exported.file}",
        f"{form}, {exported.bytes:,} bytes; in: {exported.input} ({', '.join(exported.shape)}); out: embedding"
        f" (batch, {exported.embedding_width}), logits (batch, {exported.model.speakers:,})",
        f"checked with {check.runtime} on {len(check.shapes)} inputs: at most {check.largest_difference:.1e} from"
        " PyTorch",
        f"model card: {exported.card}",
    ])  # fmt: skip
