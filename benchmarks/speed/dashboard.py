"""What a dashboard that shows a run costs the run, when training has both cores for itself otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contenders import PRESETS, Run, course_preset, ratios
from table import Row, at_least, spread
from watching import Screen


def dashboard(corpus: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """The same run with the dashboard open and without it, in turns."""
    root = corpus.parent / "watched"
    root.mkdir()
    run = Run(course_preset(PRESETS[0]), corpus, root)
    try:
        yield from step_rates(run, root / "runs", rounds, seconds)
    finally:
        run.close()


def step_rates(run: Run, runs: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """Of a run that waits: its step rate with the dashboard on it against that without, round by round."""
    alone: list[float] = []
    watched: list[float] = []
    for _ in range(rounds):
        alone.append(run.rate(seconds))
        watched.append(_watched_rate(run, runs, seconds))
    yield Row("steps a second without a dashboard", spread(alone, ".1f"))
    share = [100 * ratio for ratio in ratios(watched, alone)]
    yield at_least("step rate with the dashboard attached", share, 95, ".1f", " %")


def _watched_rate(run: Run, runs: Path, seconds: float) -> float:
    screen = Screen(runs)
    try:
        return run.rate(seconds)
    finally:
        screen.close()
