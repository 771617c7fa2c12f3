"""A run's curves for other programs: as a table of comma-separated values, or as TensorBoard's event file.

What the curves are is said by the fold of events, `engine.runs.state`, so they are those of every screen.
"""

from __future__ import annotations

import csv
import io
import tempfile
from importlib.util import find_spec
from pathlib import Path

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.files import write_atomically
from engine.runs.directory import RunDirectory
from engine.runs.state import Curve, RunState
from engine.use.orders import ExportCurves

CURVES = {
    "train/loss": "train_loss",
    "train/accuracy": "train_accuracy",
    "train/learning_rate": "learning_rate",
    "train/gradient_norm": "gradient_norm",
    "train/steps_per_second": "steps_per_second",
    "validation/loss": "validation_loss",
    "validation/segment_accuracy": "segment_accuracy",
    "validation/utterance_accuracy": "utterance_accuracy",
}
"""Names for others, grouped as TensorBoard groups them, and what they are called in `RunState`."""


def as_csv(state: RunState) -> str:
    """A row for each step at which something was said: step, Unix time, and a column a curve, empty where it has none.

    Numbers are written in full, so that reading them gives the same ones.
    """
    curves = _curves(state)
    rows: dict[int, dict[str, float]] = {}
    times: dict[int, float] = {}
    for name, curve in curves.items():
        for step, value, time in zip(curve.steps, curve.values, curve.times, strict=True):
            rows.setdefault(step, {})[name] = value
            times[step] = max(time, times.get(step, time))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["step", "time", *(name.replace("/", "_") for name in curves)])
    for step in sorted(rows):
        table.writerow(
            [step, repr(times[step]), *(repr(rows[step][name]) if name in rows[step] else "" for name in curves)]
        )
    return text.getvalue()


def export_curves(order: ExportCurves, report: Report) -> str:
    """Does what the order says: one event file, replaced as a whole. Returns its path. Raises `InputError`."""
    if find_spec("tensorboard") is None:
        raise InputError("TensorBoard's files need its package: pip install 'spk-tui[tensorboard]' brings it")
    from torch.utils.tensorboard import SummaryWriter

    run, folder = RunDirectory(Path(order.run)), Path(order.out)
    curves = _curves(run.state())
    with tempfile.TemporaryDirectory() as temporary:
        writer = SummaryWriter(temporary)  # type: ignore[no-untyped-call]
        for place, (name, curve) in enumerate(curves.items()):
            report("writing curves", place, len(curves), "curves")
            for step, value, time in zip(curve.steps, curve.values, curve.times, strict=True):
                writer.add_scalar(name, value, step, walltime=time)  # type: ignore[no-untyped-call]
        writer.close()  # type: ignore[no-untyped-call]
        (written,) = Path(temporary).iterdir()
        place_of_file = (
            folder / f"events.out.tfevents.{run.id}"
        )  # one name, so that a run that goes on is no second one
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(place_of_file, written.read_bytes())
        except OSError as error:
            raise InputError(f"{place_of_file}: can't be written ({error.strerror})") from None
    return str(place_of_file)


def _curves(state: RunState) -> dict[str, Curve]:
    return {name: getattr(state, attribute) for name, attribute in CURVES.items()}
