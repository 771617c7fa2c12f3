"""How long it takes from the start of a run to its first steps, on a packed corpus."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from contenders import PRESETS, course_preset
from table import Row, spread

from engine.runs import client
from engine.runs import events as e

GOAL = 3.0


def start(corpus: Path, rounds: int) -> Iterator[Row]:
    """By the run's events: until its worker speaks, until it loads PyTorch, until training begins, until it has begun.

    The last is the first progress event, which says that steps are done; it comes a tenth of a second after the first.
    """
    preset = course_preset(PRESETS[0])
    taken: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        began = time.time()
        run = client.start_run(preset, str(corpus), corpus.parent / "runs")
        moments: dict[str, float] = {}
        for event in client.follow(run, interval=0.02):
            if isinstance(event, e.Preparing):
                moments.setdefault(event.stage, event.time)
            elif isinstance(event, e.Queued | e.Started | e.Progress):
                moments.setdefault(type(event).__name__, event.time)
            if "Progress" in moments and "Stopping" not in moments:
                moments["Stopping"] = time.time()
                client.ask(run, "stop")
        if number > 0:
            for name, moment in moments.items():
                taken.setdefault(name, []).append(moment - began)
    yield Row("from start to the worker's first word", f"{spread(taken['Queued'])} s")
    yield Row("from start to loading PyTorch", f"{spread(taken['loading PyTorch'])} s")
    yield Row("from start to the beginning of training", f"{spread(taken['Started'])} s")
    whole = taken["Progress"]
    yield Row(
        "from start to the first steps told",
        f"{spread(whole)} s",
        f"within {GOAL:g} s",
        statistics.median(whole) <= GOAL,
    )
