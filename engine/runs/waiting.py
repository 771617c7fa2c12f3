"""How a worker waits for its turn on a device: it says where it stands when that changes, and costs next to nothing.

It looks twice a second, and each look is a handful of system calls. Torch is not loaded yet, nor anything of a corpus.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from engine.errors import InputError
from engine.runs import events as e
from engine.runs.devices import DeviceLocks
from engine.runs.directory import RunDirectory
from engine.runs.queue import Entry, Place, Queue

LOOK_EVERY_SECONDS = 0.5
COUNT_EVERY_SECONDS = 10.0
"""How often it is counted who still lives of those ahead; that the line was changed is seen at the next look."""


def wait_for_turn(
    run: RunDirectory, devices: Sequence[str], locks: DeviceLocks, answer_requests: Callable[[], None]
) -> Iterator[e.Waiting | e.Diagnosis]:
    """Waits in line until the devices are this run's; they are held by `locks` then.

    answer_requests: called at every look. What it raises, as for a stop, takes the run out of the line.
    """
    line = _Line(run, devices)
    said: Place | None = None
    trouble = ""
    try:
        while True:
            answer_requests()
            try:
                if line.is_next() and line.queue.take_turn(run.id, locks):
                    return
                trouble = ""
            except InputError as error:
                if str(error) != trouble:
                    trouble = str(error)
                    yield e.Diagnosis(severity="error", finding=trouble, advice="the run goes on waiting meanwhile")
            if line.place is not None and line.place != said:
                said = line.place
                yield e.Waiting(place=said.number, after=said.after, devices=list(devices))
            time.sleep(LOOK_EVERY_SECONDS)
    except BaseException:
        with suppress(InputError):  # the entry of a run that has ended blocks nobody
            line.queue.leave(run.id)
        raise


def go_at_once(run: RunDirectory, locks: DeviceLocks) -> None:
    """For a run that doesn't wait: those that do learn that it trains, and it stands in line no longer.

    It is never worth failing for: without it, another run may begin beside this one.
    """
    with suppress(InputError, OSError):
        queue = Queue(run.path.parent)
        if any(entry.run == run.id for entry in queue.read()):
            queue.leave(run.id)
    with suppress(OSError):
        locks.share()


class _Line:
    """The queue as one waiting run sees it, read anew only when the file has changed."""

    def __init__(self, run: RunDirectory, devices: Sequence[str]) -> None:
        self.queue = Queue(run.path.parent)
        self.place: Place | None = None
        self._run = run
        self._devices = tuple(devices)
        self._since = time.time()
        self._signature = (-1, -1)
        self._entries: list[Entry] = []
        self._counted = 0.0

    def is_next(self) -> bool:
        """Whether nobody is ahead who wants the same. Raises `InputError`."""
        signature = self.queue.signature()  # before reading, so that no change in between is missed
        if signature != self._signature:
            self._enter()
            self._signature, self._counted = signature, -COUNT_EVERY_SECONDS
        if time.monotonic() - self._counted > COUNT_EVERY_SECONDS:
            self.place = self.queue.place_of(self._run.id, self._entries)
            self._counted = time.monotonic()
        return next(self.queue.ahead_of(self._run.id, self._entries), None) is None

    def _enter(self) -> None:
        """Reads the line; a worker that has just come, or whose entry is lost, stands in it afterwards."""
        with suppress(InputError):
            self._entries = self.queue.read()
            own = next((entry for entry in self._entries if entry.run == self._run.id), None)
            if own is not None and own.process == os.getpid() and own.devices == self._devices:
                return
            self._since = own.since if own is not None else self._since
        self.queue.enter(self._run.id, self._devices, process=os.getpid(), since=self._since)
        self._entries = self.queue.read()
