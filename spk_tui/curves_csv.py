"""The curves of charts as a table: one row a step, with what was measured in a column for each curve.

Nothing is smoothed or thinned. A curve that has no point at a step leaves its cell empty; two points at one step (an
evaluation that waits measures its device again and again) leave the later one.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping

from spk_tui.charts import Chart


def curves_csv(charts: Mapping[str, Chart]) -> str:
    """The table with its head: step, seconds_trained, epoch (empty where unknown), then "<chart> <curve>"."""
    lines = [
        (f"{name} {line.label}", line) for name, chart in charts.items() for line in chart.lines if len(line.series)
    ]
    columns = {
        head: dict(zip(map(float, line.series.steps), map(float, line.series.values), strict=False))
        for head, line in lines
    }
    steps = sorted({step for column in columns.values() for step in column if math.isfinite(step)})
    clock = next((line.clock for _, line in lines), None)
    seconds, epochs = (
        clock.places(steps, axis).tolist() if clock and clock.knows(axis) else [""] * len(steps)
        for axis in ("time", "epoch")
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "seconds_trained", "epoch", *columns])
    for step, second, epoch in zip(steps, seconds, epochs, strict=True):
        cells = [f"{cell:.9g}" if isinstance(cell, float) else cell for cell in (step, second, epoch)]
        writer.writerow([*cells, *(column.get(step, "") for column in columns.values())])
    return text.getvalue()
