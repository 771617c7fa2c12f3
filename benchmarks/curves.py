"""The curves and final accuracies of runs, as the Markdown that stands in docs/results.md.

    python benchmarks/curves.py RUN [RUN ...]

RUN is what every command takes: a run's name, a beginning of it, its folder, or 'last'. Nothing is computed anew: the
figures are those in each run's events.jsonl.
"""

from __future__ import annotations

import sys

from engine.runs.directory import RunDirectory, find_run
from engine.runs.state import RunState
from spk_tui.chart_drawing import draw
from spk_tui.charts import Chart, Line, View
from spk_tui.series import Series
from spk_tui.smoothing import USUAL_STRENGTH

WIDTH, HEIGHT = 100, 22


def main() -> None:
    """Prints one section for all runs named on the command line."""
    runs = [find_run(name) for name in sys.argv[1:]]
    if not runs:
        sys.exit(__doc__)
    states = [run.state() for run in runs]
    columns = ("preset", "encoder parameters", "steps", "segment accuracy", "utterance accuracy", "best (step)")
    print("| " + " | ".join((*columns, "median step/s", "device")) + " |")
    print("|---" * (len(columns) + 2) + "|")
    for run, state in zip(runs, states, strict=True):
        print(row(run, state))
    print("\n| step | " + " | ".join(f"{run.preset().name}: segment / utterance" for run in runs) + " |")
    print("|---" * (len(runs) + 1) + "|")
    for step in sorted({step for state in states for step in state.segment_accuracy.steps}):
        print(f"| {step:,} | " + " | ".join(validation_at(state, step) for state in states) + " |")
    for run, state in zip(runs, states, strict=True):
        print(f"\n{run.preset().name}, accuracy over steps: training batches, and held-out segments\n\n```text")
        print(picture(state))
        print("```")


def row(run: RunDirectory, state: RunState) -> str:
    """The run's line in the table of results."""
    assert state.started is not None
    assert state.progress is not None
    rates = sorted(state.steps_per_second.values)
    best = f"{state.best_accuracy:.4f} ({state.best_step:,})" if state.best_accuracy is not None else "–"
    return (
        f"| {run.preset().name} | {state.started.encoder_parameters:,} | {state.step:,} "
        f"| {state.segment_accuracy.last:.4f} | {state.utterance_accuracy.last:.4f} | {best} "
        f"| {rates[len(rates) // 2]:.1f} | {state.started.device_name}, threads: {state.started.threads}, "
        f"{state.started.precision} |"
    )


def validation_at(state: RunState, step: int) -> str:
    """Both accuracies of a validation, if there was one at that step."""
    places = list(state.segment_accuracy.steps)
    if step not in places:
        return ""
    place = places.index(step)
    return f"{state.segment_accuracy.values[place]:.4f} / {state.utterance_accuracy.values[place]:.4f}"


def picture(state: RunState) -> str:
    """The accuracy chart of the dashboard, without colours."""
    train = Series(state.train_accuracy.steps, state.train_accuracy.values)
    segments = Series(tuple(map(float, state.segment_accuracy.steps)), tuple(state.segment_accuracy.values))
    lines = (Line("train", "train", train, noisy=True), Line("segments", "segments", segments))
    chart = Chart("", lines, state.steps, lowest=0.0, highest=1.0)
    return draw(chart, WIDTH, HEIGHT, view=View(smoothing=USUAL_STRENGTH)).plain.rstrip()


if __name__ == "__main__":
    main()
