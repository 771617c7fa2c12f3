"""Workers that are killed at any moment and resumed: the run that comes of it is the one that nobody has touched.

`make soak` runs this with more kills.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch

from engine.corpus.packed import pack
from engine.corpus.preparing import list_corpus
from engine.corpus.splits import split_of
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory, RunInfo, create_run
from engine.runs.event_log import EventReader
from engine.runs.state import RunState
from engine.training.device import resolve
from engine.training.trainer import Trainer
from engine.use.loading import load_best
from tests.engine.runs.workers import wait_for, wait_for_end, wait_until, wait_until_dead, worker_of

STEPS, VALIDATED_EVERY, KILLED_BEFORE = 200, 25, 120
QUICK = [
    "segments.batch_size=4", "segments.frames=24", "validation.share=0.4", f"validation.every={VALIDATED_EVERY}",
    f"run.steps={STEPS}", "run.threads=1", "run.device=cpu", "run.save_every_seconds=0.03",
]  # fmt: skip
RUNS = [(name, precision) for precision in ("float32", "bfloat16") for name in ("transformer-154k", "conformer-225k")]
MOMENTS = ("training", "validating", "writing", "starting")


@pytest.mark.parametrize("place", range(len(RUNS)), ids=[" ".join(run) for run in RUNS])
def test_a_killed_and_resumed_run_is_that_of_one_never_interrupted(
    corpus: Path, tmp_path: Path, pytestconfig: pytest.Config, place: int
) -> None:
    name, precision = RUNS[place]
    preset = with_overrides(find_preset(name, QUICK), [f"run.precision={precision}"])
    mine = range(place, pytestconfig.getoption("kills"), len(RUNS))  # all runs together are killed that often
    dice = random.Random(place)
    steps = sorted(dice.sample(range(1, KILLED_BEFORE), len(mine)))
    run = client.start_run(preset, str(corpus), tmp_path)
    wait_for(run, lambda event: isinstance(event, e.Queued))
    for kills, (number, step) in enumerate(zip(mine, steps, strict=True), start=1):
        wait_for_moment(run, MOMENTS[(number + number // len(RUNS)) % len(MOMENTS)], step, dice)
        os.kill(worker_of(run), signal.SIGKILL)
        wait_until_dead(run)
        assert run.condition(run.state()) == "interrupted"
        assert_whole(run)
        client.resume_run(run)
        wait_for(run, lambda event: isinstance(event, e.Queued), times=kills + 1)
    assert isinstance(wait_for_end(run)[-1], e.Finished), run.console_path.read_text()
    assert run.condition(run.state()) == "finished"
    assert_same_runs(never_interrupted(preset, corpus, tmp_path), run)


def wait_for_moment(run: RunDirectory, moment: str, step: int, dice: random.Random) -> None:
    """Returns at a moment of this kind, not before the run has done so many steps unless it still starts."""
    if moment == "starting":
        time.sleep(dice.uniform(0.0, 2.0))
        return
    reached = said_from(run, step)
    wait_until(reached, interval=0.001)
    if moment == "training":
        time.sleep(dice.uniform(0.0, 0.05))
    elif moment == "writing":
        wait_until(lambda: any(run.last_path.parent.glob(".last.pt.*.tmp")) or not run.alive, interval=0.0)
    elif moment == "validating":
        # what the steps came to is said before a validation begins
        due = said_from(run, VALIDATED_EVERY * (step // VALIDATED_EVERY + 1))
        wait_until(due, interval=0.0)


def said_from(run: RunDirectory, step: int) -> Callable[[], bool]:
    """Whether the newest worker has said how training goes at this step or later."""
    reader = EventReader(run.events_path)
    said = False

    def reached() -> bool:
        nonlocal said
        for event in reader.read():
            said = not isinstance(event, e.Queued) and (said or (isinstance(event, e.Progress) and event.step >= step))
        return said

    return reached


def assert_whole(run: RunDirectory) -> None:
    """What a kill leaves can be used, whatever it came in the midst of."""
    if run.best_path.exists():
        load_best(run.best_path)
    if run.last_path.exists():
        torch.load(run.last_path, weights_only=True)


def never_interrupted(preset: Preset, corpus: Path, folder: Path) -> tuple[RunDirectory, list[e.AnyEvent]]:
    """The same run in this process, and its events."""
    packed = pack(list_corpus(str(corpus)), preset.features)
    info = RunInfo(id="whole", preset=preset.name, corpus=str(corpus), created=1.0, host="", command=[])
    run = create_run(folder, preset, info)
    return run, list(Trainer(preset, packed, split_of(packed, preset.validation), run, resolve(preset.run)))


def assert_same_runs(whole: tuple[RunDirectory, list[e.AnyEvent]], killed: RunDirectory) -> None:
    expected, events = whole
    left, right = (torch.load(run.last_path, weights_only=True) for run in (expected, killed))
    assert_same(left, right, "last")
    assert_same(contents(expected.best_path), contents(killed.best_path), "best")
    assert [path.name for path in sorted(killed.best_path.parent.iterdir())] == ["best.safetensors", "last.pt"]

    reader = EventReader(killed.events_path)
    one, other = RunState.of(events), RunState.of(said := reader.read())
    for curve, same in (
        (one.validation_loss, other.validation_loss),
        (one.segment_accuracy, other.segment_accuracy),
        (one.utterance_accuracy, other.utterance_accuracy),
    ):
        assert list(curve.steps) == list(same.steps) == list(range(VALIDATED_EVERY, STEPS + 1, VALIDATED_EVERY))
        assert list(curve.values) == list(same.values)
    assert rates_at_validations(one) == rates_at_validations(other)
    assert (one.best_step, one.best_accuracy) == (other.best_step, other.best_accuracy)
    assert (one.step, one.last_saved_step, one.phase) == (other.step, other.last_saved_step, other.phase)
    assert_every_step_is_said_once(said)


def contents(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """What best.safetensors says of itself, and the weights."""
    with safetensors.safe_open(path, framework="pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)


def assert_same(left: Any, right: Any, name: str) -> None:
    """Bit for bit, in whatever it lies."""
    assert type(left) is type(right), name
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype, name
        assert torch.equal(left, right), name
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), name
        for key in left:
            assert_same(left[key], right[key], f"{name}, {key}")
    elif isinstance(left, list | tuple):
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            assert_same(one, other, f"{name}, {number}")
    else:
        assert left == right, name


def rates_at_validations(state: RunState) -> dict[int, float]:
    rates = dict(zip(state.learning_rate.steps, state.learning_rate.values, strict=True))
    return {step: rates[step] for step in state.validation_loss.steps}


def assert_every_step_is_said_once(events: list[e.AnyEvent]) -> None:
    """The training curve of a resumed run has no gap, and no step twice."""
    kept: list[e.Progress] = []
    for event in events:
        if isinstance(event, e.Progress):
            kept.append(event)
        elif isinstance(event, e.Resumed):
            kept = [progress for progress in kept if progress.step <= event.step]
    ends = [progress.step for progress in kept]
    assert [progress.step - progress.steps for progress in kept] == [0, *ends[:-1]]
    assert ends[-1] == STEPS
