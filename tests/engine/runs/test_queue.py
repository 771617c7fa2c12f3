"""The line itself: its order, who is in whose way, and which devices a run takes on this machine and on others."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.preset import RunSettings
from engine.runs.devices import DeviceLocks, devices_of
from engine.runs.lock import Lock
from engine.runs.queue import Entry, Place, Queue

NAMES = ["a", "b", "c", "d"]


def line_of(folder: Path, *wanted: tuple[str, str]) -> Queue:
    """A line of runs, each with the device that it wants."""
    queue = Queue(folder)
    for run, device in wanted:
        (folder / run).mkdir(parents=True, exist_ok=True)
        queue.enter(run, [device])
    return queue


def names(queue: Queue) -> list[str]:
    return [entry.run for entry in queue.read()]


@given(moves=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([*NAMES, None])), max_size=6))
def test_whatever_is_moved_everyone_stays_in_line_and_stands_where_it_was_asked_to(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, str | None]]
) -> None:
    queue = line_of(tmp_path_factory.mktemp("runs"), *[(name, "cpu") for name in NAMES])
    for run, before in moves:
        others = [name for name in names(queue) if name != run]
        queue.move(run, before)
        found = names(queue)
        if before == run:
            continue
        assert [name for name in found if name != run] == others
        assert found[found.index(run) + 1 :][:1] == ([] if before is None else [before])


def test_only_who_wants_the_same_device_of_the_same_machine_is_in_the_way(tmp_path: Path) -> None:
    queue = line_of(tmp_path, ("one", "cuda:0"), ("two", "cuda:1"), ("three", "cuda:0"))
    queue.enter("both", ["cuda:0", "cuda:1"])
    entries = queue.read()
    assert queue.place_of("two", entries) == Place(1)
    assert queue.place_of("three", entries) == Place(2, "one")
    elsewhere = Entry(run="far", host="another", devices=("cuda:0",), since=0.0)
    assert queue.place_of("three", [elsewhere, *entries]) == Place(2, "one")


def test_a_run_counts_while_its_worker_lives_or_is_on_its_way(tmp_path: Path) -> None:
    queue = line_of(tmp_path, ("one", "cpu"), ("two", "cpu"))
    assert queue.place_of("two", queue.read()) == Place(2, "one")
    queue.enter("one", ["cpu"], since=1.0)  # asked for long ago, and never seen
    assert queue.place_of("two", queue.read()) == Place(1)
    worker = Lock(tmp_path / "one" / "worker.lock")
    assert queue.place_of("two", queue.read()) == Place(2, "one")
    worker.release()
    queue.enter("one", ["cpu"], process=4242)
    assert queue.place_of("two", queue.read()) == Place(1)


def test_a_turn_is_taken_by_who_is_next_when_nobody_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path / "cache"))
    queue = line_of(tmp_path / "runs", ("one", "cpu"), ("two", "cpu"))
    ordinary, first, second = (DeviceLocks(["cpu"]) for _ in range(3))
    ordinary.share()
    assert not queue.take_turn("one", first)
    ordinary.release()
    assert not queue.take_turn("two", second)
    assert queue.take_turn("one", first)
    assert names(queue) == ["two"]
    assert not queue.take_turn("two", second)
    ordinary.share()  # a run that doesn't wait begins beside it
    first.release()
    assert not queue.take_turn("two", second)
    ordinary.release()
    assert queue.take_turn("two", second)


def test_what_isnt_there_cant_be_moved_and_what_was_deleted_is_gone(tmp_path: Path) -> None:
    queue = line_of(tmp_path, ("one", "cpu"), ("two", "cpu"))
    with pytest.raises(InputError, match="three is not in the queue"):
        queue.move("one", "three")
    assert names(queue) == ["one", "two"]
    (tmp_path / "one").rmdir()
    queue.move("two", None)
    assert names(queue) == ["two"]


def test_a_lost_place_is_found_again_by_how_long_one_has_waited(tmp_path: Path) -> None:
    queue = line_of(tmp_path)
    for run, since in (("two", 20.0), ("three", 30.0), ("one", 10.0)):
        (tmp_path / run).mkdir()
        queue.enter(run, ["cpu"], since=since)
    assert names(queue) == ["one", "two", "three"]


def test_a_run_takes_the_devices_that_it_will_train_on(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = SimpleNamespace(nvmlInit=lambda: None, nvmlDeviceGetCount=lambda: 4)
    monkeypatch.setitem(sys.modules, "pynvml", machine)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.9.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices_of(RunSettings(device="cpu", devices=2)) == ("cpu",)
    assert devices_of(RunSettings()) == ("cuda:0",)
    assert devices_of(RunSettings(device="cuda:3")) == ("cuda:3",)
    assert devices_of(RunSettings(devices=2)) == ("cuda:0", "cuda:1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-1a2b,-1,3")
    assert devices_of(RunSettings()) == ("cuda:2",)
    assert devices_of(RunSettings(device="cuda:1")) == ("cuda:GPU-1a2b",)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    alone = "mps" if (sys.platform, platform.machine()) == ("darwin", "arm64") else "cpu"
    assert devices_of(RunSettings()) == (alone,)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.9.0+cpu")
    assert devices_of(RunSettings()) == (alone,)
