"""Writes `last` on a thread of its own, so that no step waits for a disk.

The trainer hands over a copy of its state and trains on; what became of it is asked for between steps. What the state
holds and how it looks in the file is `checkpoint.py`'s business, what to do about a full disk the trainer's.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct
from torch import Tensor

from engine.files import sync
from engine.training.checkpoint import write_last


class Snapshot(Struct, frozen=True):
    """The state after `step` steps, its tensors not those being trained; `accuracy` is the best until then."""

    step: int
    accuracy: float | None
    content: dict[str, Any]


def snapshot(step: int, accuracy: float | None, content: dict[str, Any]) -> Snapshot:
    """A copy of `content` (see `checkpoint.last_of`) on the device where it is, which costs a step a millisecond."""
    return Snapshot(step, accuracy, _with_tensors(content, torch.clone))


class LastWriter:
    """Writes snapshots to `path`, one at a time; the newest waits its turn and takes the place of one that waited.

    A write that fails leaves the file before it, and its snapshot waits until `finish` or until a newer one comes.
    """

    def __init__(self, path: Path, events: Path) -> None:
        """events: the log of what the snapshots came of. It is on the disk before them, so that even after a power cut
        nothing is resumed of which nobody can read."""
        self.path = path
        self.events = events
        self.has_news = False
        self._changed = threading.Condition()
        self._waiting: Snapshot | None = None
        self._writing = False
        self._written: list[Snapshot] = []
        self._error: Exception | None = None

    def hand_over(self, snapshot: Snapshot) -> None:
        """Has it written, and doesn't wait for it."""
        with self._changed:
            self._waiting = snapshot
            self._begin()

    def finish(self) -> None:
        """Returns when all that was handed over is on the disk. Raises what a write failed with; again tries again."""
        with self._changed:
            self._begin()
            self._changed.wait_for(lambda: not self._writing)
            error, self._error = self._error, None
        if error is not None:
            raise error

    @property
    def failed(self) -> bool:
        """Whether a write has failed and `finish` has not told it yet."""
        return self._error is not None

    def written(self) -> list[Snapshot]:
        """The snapshots that have become whole on the disk since the last call, without what they held."""
        with self._changed:
            self.has_news = self.failed
            news, self._written = self._written, []
            return news

    def _begin(self) -> None:
        """Starts a thread if there is something to write and none that writes. It ends when nothing waits.

        It is no daemon: a process that ends on an error still finishes the file that it has begun.
        """
        if self._waiting is not None and not self._writing and not self.failed:
            self._writing = True
            threading.Thread(target=self._write_all, name="saving").start()

    def _write_all(self) -> None:
        while (taken := self._take()) is not None:
            error: Exception | None = None
            try:
                if self.events.exists():
                    sync(self.events)
                write_last(self.path, _with_tensors(taken.content, Tensor.cpu))
            except Exception as caught:  # the trainer's thread is the one that can tell it
                error = caught
            self._report(taken, error)

    def _take(self) -> Snapshot | None:
        """The snapshot to write next; none ends the thread."""
        with self._changed:
            taken = None if self.failed else self._waiting
            if taken is None:
                self._writing = False
                self._changed.notify_all()
            else:
                self._waiting = None
            return taken

    def _report(self, taken: Snapshot, error: Exception | None) -> None:
        with self._changed:
            if error is None:
                self._written.append(Snapshot(taken.step, taken.accuracy, {}))
            else:
                self._error = error
                self._waiting = self._waiting or taken
            self.has_news = True


def _with_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same dictionaries and lists with other tensors in them; one tensor under two names stays one tensor."""
    changed: dict[tuple[object, ...], Tensor] = {}

    def walk(item: Any) -> Any:
        if isinstance(item, Tensor):
            place = (item.data_ptr(), item.shape, item.stride(), item.dtype)
            if place not in changed:
                changed[place] = change(item)
            return changed[place]
        if isinstance(item, dict):
            like = copy.copy(item)  # a state_dict is a dictionary that knows its layers' versions
            like.update((key, walk(inner)) for key, inner in item.items())
            return like
        if isinstance(item, list | tuple):
            return type(item)(walk(inner) for inner in item)
        return copy.deepcopy(item)  # whatever a user's own encoder keeps besides

    return walk(value)
