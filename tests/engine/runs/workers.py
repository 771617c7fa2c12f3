"""What tests of real workers have in common: waiting for what they say, and for their end."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader


def wait_for(
    run: RunDirectory, wanted: Callable[[e.AnyEvent], bool], seconds: float = 60.0, times: int = 1
) -> e.AnyEvent:
    """The first event that is wanted (or a later one of them), as soon as it is written."""
    reader, deadline = EventReader(run.events_path), time.monotonic() + seconds
    while time.monotonic() < deadline:
        for event in reader.read():
            times -= wanted(event)
            if times == 0:
                return event
        time.sleep(0.01)
    raise AssertionError(f"not seen in time; console: {run.console_path.read_text()}")


def wait_until(true: Callable[[], bool], seconds: float = 60.0, interval: float = 0.01) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(interval)


def wait_until_dead(run: RunDirectory) -> None:
    wait_until(lambda: not run.alive)


def wait_for_end(run: RunDirectory) -> list[e.AnyEvent]:
    events = [event for event in client.follow(run, interval=0.02) if event is not None]
    wait_until_dead(run)
    return events


def worker_of(run: RunDirectory) -> int:
    """The process of the run's newest worker."""
    return [event.process for event in EventReader(run.events_path).read() if isinstance(event, e.Queued)][-1]
