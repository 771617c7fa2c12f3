"""A run's curves as TensorBoard's event file, written by PyTorch's writer, which needs TensorBoard's own package."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.files import write_atomically
from engine.runs.directory import RunDirectory
from engine.use.curves import named_curves
from engine.use.orders import ExportCurves


def export_curves(order: ExportCurves, report: Report) -> str:
    """Does what the order says: one event file, replaced as a whole. Returns its path. Raises `InputError`."""
    if find_spec("tensorboard") is None:
        raise InputError("TensorBoard's files need its package: pip install 'spk-tui[tensorboard]' brings it")
    from torch.utils.tensorboard import SummaryWriter

    run = RunDirectory(Path(order.run))
    curves = named_curves(run.state())
    with tempfile.TemporaryDirectory() as temporary:
        writer = SummaryWriter(temporary)
        for place, (name, curve) in enumerate(curves.items()):
            report("writing curves", place, len(curves), "curves")
            for step, value, time in zip(curve.steps, curve.values, curve.times, strict=True):
                writer.add_scalar(name, value, step, walltime=time)
        writer.close()
        (written,) = Path(temporary).iterdir()
        content = written.read_bytes()
    # Always of one name, so that a run that went on doesn't appear as two.
    file = Path(order.out) / f"events.out.tfevents.{run.id}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
    except OSError as error:
        raise InputError(f"{file}: can't be written ({error.strerror})") from None
    return str(file)
