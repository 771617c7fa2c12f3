"""Runs that wait in line for a device, with real workers: one after the other, in the order that somebody wants."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs import events as e
from engine.runs.devices import DeviceLocks
from engine.runs.directory import RunDirectory, list_runs
from engine.runs.event_log import EventReader
from engine.runs.machines import Machines
from engine.runs.queue import Queue
from tests.engine.runs.workers import wait_for, wait_for_end, wait_until, wait_until_dead, worker_of

TINY = [
    "encoder.d_model=16", "encoder.ffn=24", "segments.batch_size=8", "segments.frames=32", "run.threads=1",
    "run.device=cpu", "validation.every=10",
]  # fmt: skip


def tiny(steps: int) -> Preset:
    return with_overrides(find_preset("quick-tour"), [*TINY, f"run.steps={steps}"])


def at_place(number: int) -> Callable[[e.AnyEvent], bool]:
    return lambda event: isinstance(event, e.Waiting) and event.place == number


def began(run: RunDirectory) -> float:
    return next(event.time for event in EventReader(run.events_path).read() if isinstance(event, e.Preparing))


def order(folder: Path) -> list[str]:
    return [entry.run for entry in Queue(folder).read()]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "runs"
    for run in list_runs(tmp_path / "runs"):
        if run.alive:
            os.kill(worker_of(run), signal.SIGKILL)


@pytest.fixture
def busy() -> Iterator[DeviceLocks]:
    """The device as somebody holds it who trains on it."""
    locks = DeviceLocks(["cpu"])
    locks.share()
    yield locks
    locks.release()


def test_each_waits_for_the_one_before_and_a_move_changes_who_is_next(corpus: Path, runs: Path) -> None:
    ordinary = client.start_run(tiny(1_000_000), str(corpus), runs)
    wait_for(ordinary, lambda event: isinstance(event, e.Preparing))
    one, two = (client.start_run(tiny(10), str(corpus), runs, queued=True) for _ in range(2))
    waiting = wait_for(two, at_place(2))
    assert (waiting.after, waiting.devices) == (one.id, ["cpu"])
    assert two.condition(two.state()) == "queued"
    wait_for(one, at_place(1))
    assert order(runs) == [one.id, two.id]
    Queue(runs).move(two.id, before=one.id)
    wait_for(two, at_place(1))
    assert wait_for(one, at_place(2)).after == two.id
    os.kill(worker_of(ordinary), signal.SIGKILL)
    first, second = wait_for_end(two), wait_for_end(one)
    assert [events[-1].reason for events in (first, second)] == ["completed", "completed"]
    assert began(one) >= first[-1].time
    assert order(runs) == []


def test_a_waiting_run_that_is_killed_blocks_nobody_and_can_wait_again(
    corpus: Path, runs: Path, busy: DeviceLocks
) -> None:
    one, two = (client.start_run(tiny(1_000_000), str(corpus), runs, queued=True) for _ in range(2))
    wait_for(one, at_place(1))
    wait_for(two, at_place(2))
    os.kill(worker_of(one), signal.SIGKILL)
    wait_until(lambda: one.condition(one.state()) == "interrupted")
    assert order(runs) == [one.id, two.id]
    busy.release()
    wait_for(two, lambda event: isinstance(event, e.Preparing))
    client.resume_run(one, queued=True)
    wait_for(one, at_place(1), times=2)
    assert order(runs) == [one.id]


@pytest.mark.parametrize("way", ["request", "signal"])
def test_a_stop_takes_a_run_out_of_the_line_and_it_can_be_resumed(
    corpus: Path, runs: Path, busy: DeviceLocks, way: str
) -> None:
    run = client.start_run(tiny(10), str(corpus), runs, queued=True)
    wait_for(run, at_place(1))
    if way == "request":
        assert client.ask_and_wait(run, "stop").ok
    else:
        os.kill(worker_of(run), signal.SIGTERM)
    assert wait_for_end(run)[-1].reason == "stopped"
    assert order(runs) == []
    client.resume_run(run)
    wait_for(run, lambda event: isinstance(event, e.Preparing))


def test_a_lost_queue_is_made_anew_and_an_unreadable_one_is_kept(corpus: Path, runs: Path, busy: DeviceLocks) -> None:
    one, two = (client.start_run(tiny(10), str(corpus), runs, queued=True) for _ in range(2))
    wait_for(one, at_place(1))
    wait_for(two, at_place(2))
    queue = Queue(runs)
    queue.path.unlink()
    wait_until(lambda: order(runs) == [one.id, two.id])
    for run in (one, two):
        os.kill(worker_of(run), signal.SIGSTOP)
    queue.path.write_text("not a queue")
    with pytest.raises(InputError, match=r"can't be read as the queue .* kept as queue.unreadable.json"):
        queue.read()
    for run in (one, two):
        os.kill(worker_of(run), signal.SIGCONT)
    wait_until(lambda: (runs / "queue.unreadable.json").exists())
    wait_until(lambda: order(runs) == [one.id, two.id])
    assert (runs / "queue.unreadable.json").read_text() == "not a queue"


def test_a_waiting_worker_has_loaded_neither_torch_nor_a_corpus(corpus: Path, runs: Path, busy: DeviceLocks) -> None:
    run = client.start_run(tiny(10), str(corpus), runs, queued=True)
    wait_for(run, at_place(1))
    assert psutil.Process(worker_of(run)).memory_info().rss < 40e6


def test_a_stop_of_a_run_that_waited_to_go_on_keeps_what_it_had(corpus: Path, runs: Path, busy: DeviceLocks) -> None:
    run = client.start_run(tiny(10), str(corpus), runs)
    wait_for_end(run)
    before = run.state()
    client.resume_run(run, 20, queued=True)
    wait_for(run, at_place(1))
    client.ask(run, "stop")
    wait_until_dead(run)
    after = run.state()
    assert (after.phase, after.step, after.best_step) == ("stopped", 10, before.best_step)


def test_a_run_that_cant_be_queued_leaves_nothing_behind(corpus: Path, runs: Path) -> None:
    with pytest.raises(InputError, match="several machines"):
        client.start_run(tiny(10), str(corpus), runs, Machines(2, "node1:29500"), queued=True)
    runs.joinpath("queue.json").mkdir()
    with pytest.raises(InputError, match=r"queue.json: can't be written"):
        client.start_run(tiny(10), str(corpus), runs, queued=True)
    assert list_runs(runs) == []
