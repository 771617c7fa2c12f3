"""A run's curves under names for other programs, and as a table of comma-separated values. Loads no torch.

What the curves are is said by the fold of events, `engine.runs.state`, so they are those of every screen.
"""

from __future__ import annotations

import csv
import io

from engine.runs.state import Curve, RunState

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


def named_curves(state: RunState) -> dict[str, Curve]:
    """The curves by their names for others."""
    return {name: getattr(state, attribute) for name, attribute in CURVES.items()}


def as_csv(state: RunState) -> str:
    """A row for each step at which something was said: step, Unix time, and a column a curve, empty where it has none.

    Numbers are written in full, so that reading them gives the same ones.
    """
    curves = named_curves(state)
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
        values = (repr(rows[step][name]) if name in rows[step] else "" for name in curves)
        table.writerow([step, repr(times[step]), *values])
    return text.getvalue()
