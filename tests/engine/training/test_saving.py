"""`last` on a thread of its own: what is written is what was handed over, and no step waits for it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from engine.runs import events as e
from engine.training import saving
from engine.training.checkpoint import write_last
from engine.training.saving import LastWriter, snapshot
from engine.training.trainer import Trainer
from tests.engine.training.trainers import of_kind, same, small, weights


class Disk:
    """A disk that writes only while it is let: each write waits until `lets` is set."""

    def __init__(self) -> None:
        self.lets, self.asked = threading.Event(), threading.Event()
        self.at_once = self.most_at_once = 0

    def write(self, path: Path, content: dict) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.asked.set()
        self.lets.wait()
        write_last(path, content)
        self.at_once -= 1


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    slow = Disk()
    monkeypatch.setattr(saving, "write_last", slow.write)
    yield slow
    slow.lets.set()


def lasts(events: list[e.AnyEvent]) -> list[int]:
    return [event.step for event in of_kind(events, e.Checkpoint) if event.kind == "last"]


def test_the_newest_takes_the_place_of_the_one_that_waits(tmp_path: Path, disk: Disk) -> None:
    writer = LastWriter(tmp_path / "last.pt", tmp_path / "events.jsonl")
    for step in range(5):
        writer.hand_over(snapshot(step, None, {"step": step}))
        disk.asked.wait()
    assert not writer.has_news
    disk.lets.set()
    writer.finish()
    assert [written.step for written in writer.written()] == [0, 4]
    assert torch.load(writer.path, weights_only=True) == {"step": 4}
    assert disk.most_at_once == 1


def test_what_is_saved_is_what_was_handed_over_whatever_becomes_of_it(tmp_path: Path, disk: Disk) -> None:
    layer = torch.nn.BatchNorm1d(3)
    held = torch.arange(6.0)
    content = {"model": layer.state_dict(), "optimizer": {"state": {0: {"step": held}}, "groups": [{"params": [0]}]}}
    content["again"] = held
    writer = LastWriter(tmp_path / "last.pt", tmp_path / "events.jsonl")
    writer.hand_over(snapshot(1, None, content))
    held.zero_()
    content["optimizer"]["groups"][0]["params"].append(1)
    torch.nn.init.zeros_(layer.weight)
    disk.lets.set()
    writer.finish()
    saved = torch.load(writer.path, weights_only=True)
    assert saved["again"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert saved["again"].data_ptr() == saved["optimizer"]["state"][0]["step"].data_ptr()
    assert saved["optimizer"]["groups"] == [{"params": [0]}]
    assert saved["model"]["weight"].tolist() == [1.0, 1.0, 1.0]
    assert saved["model"]._metadata == layer.state_dict()._metadata


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system doesn't tell which file is synced")
def test_what_was_said_is_on_the_disk_before_the_state_that_it_led_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(Path(f"/proc/self/fd/{file}").readlink().name))
    writer = LastWriter(tmp_path / "last.pt", tmp_path / "events.jsonl")
    writer.events.write_bytes(b"{}")
    writer.hand_over(snapshot(1, None, {"step": 1}))
    writer.finish()
    assert synced[0] == "events.jsonl"
    assert synced[1].startswith(".last.pt.")


def test_training_goes_on_while_a_disk_is_slow_and_says_what_is_saved_when_it_is(
    make_trainer: Callable, disk: Disk
) -> None:
    trainer, inbox = make_trainer(small("quick-tour", "run.steps=1000000", "validation.every=4"))
    events = []
    for event in trainer:
        events.append(event)
        if not disk.lets.is_set() and isinstance(event, e.Progress) and event.step > 12:
            assert not trainer.run.last_path.exists()
            assert not lasts(events)
            disk.lets.set()
        if len(lasts(events)) == 2:
            inbox.ask("stop")
    said = lasts(events)
    assert said == sorted(said)
    assert said[0] == 4
    assert 8 not in said
    assert said[-1] == events[-1].step == trainer.step


def test_a_save_that_is_asked_for_is_answered_when_it_is_on_the_disk(make_trainer: Callable) -> None:
    trainer, inbox = make_trainer(small("quick-tour", "run.steps=1000000", "validation.every=2"))
    request = None
    for event in trainer:
        if isinstance(event, e.Validated) and event.step == 10:
            request = inbox.ask("save")
            trainer.requests._next_look = 0.0
        if request is not None and isinstance(event, e.Answered) and event.request == request.id:
            assert event.ok
            assert event.message == f"saved at step {trainer.step}"
            assert torch.load(trainer.run.last_path, weights_only=True)["state"].startswith(f'{{"step":{trainer.step},')
            inbox.ask("stop")
            trainer.requests._next_look = 0.0


def test_a_paused_run_says_what_has_been_saved(make_trainer: Callable, disk: Disk) -> None:
    trainer, inbox = make_trainer(small("quick-tour", "run.steps=1000000", "validation.every=4"))
    paused = False
    for event in trainer:
        if isinstance(event, e.Validated) and event.step == 4:
            inbox.ask("pause")
            trainer.requests._next_look = 0.0
        if isinstance(event, e.Paused):
            paused = True
            disk.lets.set()
        assert not isinstance(event, e.Continued)
        if isinstance(event, e.Checkpoint) and event.kind == "last" and paused:
            assert event.step == 4
            inbox.ask("stop")
            paused = False
    assert event.reason == "stopped"


def test_between_validations_it_is_saved_by_the_clock_and_nothing_of_it_is_seen_in_the_weights(
    make_trainer: Callable, tmp_path: Path
) -> None:
    changes = ["run.steps=60", "validation.every=50"]
    whole, _ = make_trainer(small("conformer-225k", *changes), "whole")
    list(whole)
    often, _ = make_trainer(small("conformer-225k", *changes, "run.save_every_seconds=1e-6"), "often")
    kept: dict[int, Path] = {}
    for event in often:
        if isinstance(event, e.Checkpoint) and event.kind == "last" and event.step < 50:
            kept[event.step] = tmp_path / f"{event.step}.pt"
            shutil.copyfile(often.run.last_path, kept[event.step])
    assert kept
    assert same(weights(whole), weights(often))
    resumed = resumed_from(make_trainer, often, kept[max(kept)])
    assert of_kind(list(resumed), e.Validated)[-1].step == 60
    assert same(weights(whole), weights(resumed))


def resumed_from(make_trainer: Callable, trainer: Trainer, last: Path) -> Trainer:
    """A new trainer of the same run, as if it had been killed when it had saved `last`."""
    shutil.copyfile(last, trainer.run.last_path)
    again, _ = make_trainer(trainer.preset, trainer.run.id)
    again.resume()
    assert again.step > 0
    return again


def test_a_write_that_fails_for_another_reason_than_room_ends_the_run(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(small("quick-tour", "run.steps=1000000", "validation.every=6"))
    events = iter(trainer)
    while not isinstance(event := next(events), e.Checkpoint):
        pass
    assert event.kind == "best"
    shutil.rmtree(trainer.run.last_path.parent)
    trainer.run.last_path.parent.write_bytes(b"a file where a folder was")
    with pytest.raises(NotADirectoryError):
        list(events)
