"""What a run does while a disk is full: it says so, waits, and goes on by itself when there is room.

Two can wait: whoever writes a checkpoint, and the worker, whose events may lie on the same disk. Neither gives up
anything in the meantime but to a stop.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Generator
from pathlib import Path

from engine.files import NO_ROOM
from engine.runs import events as e
from engine.runs.event_log import EventWriter
from engine.runs.requests import Request

RETRY_EVERY_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.1
_WORDS = {
    errno.ENOSPC: ("the disk is full", "free some space on it"),
    errno.EDQUOT: ("your share of the disk is used up", "delete something of yours there, or have it enlarged"),
    errno.EFBIG: ("files may not become so large here", "raise the limit that the worker runs under (ulimit -f)"),
}


def no_room(error: OSError, path: Path, step: int) -> e.Diagnosis:
    """What is full, as an event. error: one of `NO_ROOM`, met while `path` was written."""
    what, remedy = _WORDS[error.errno or errno.ENOSPC]
    return e.Diagnosis(
        step=step,
        severity="error",
        finding=f"{what}: {path} can't be written",
        advice=f"{remedy}; training waits, and goes on by itself when there is room",
    )


def until_there_is_room(
    write: Callable[[], None],
    path: Path,
    step: int,
    stop_waits: Callable[[], bool],
    take_requests: Callable[[], list[Request]],
) -> Generator[e.AnyEvent, None, bool]:
    """Calls `write` until it finds room for `path`, and says that it waits; other errors than `NO_ROOM` it raises.

    Returns False when a stop was asked for before there was room. Other requests are refused in the meantime.
    """
    paused = False
    while True:
        try:
            write()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            diagnosis = no_room(error, path, step)
        else:
            break
        if not paused:
            yield diagnosis
            if stop_waits():
                return False
            paused = True
            yield e.Paused(step=step, waits_for="room")
        for _ in range(round(RETRY_EVERY_SECONDS / LOOK_EVERY_SECONDS)):  # counted: several ranks look equally often
            time.sleep(LOOK_EVERY_SECONDS)
            if stop_waits():
                return False
            for request in take_requests():
                message = f"{diagnosis.finding}; training waits for room and goes on by itself"
                yield e.Answered(step=step, request=request.id, ok=False, message=message)
    if paused:
        yield e.Continued(step=step)
    return True


class PatientWriter:
    """Appends a worker's events and doesn't return before they are in the file, however long the disk is full.

    So nothing is trained of which nobody could read. A stop ends the waiting: the worker ends with what it could save,
    and its last events are written if there is room by then.
    """

    def __init__(self, path: Path, stop_waits: Callable[[], bool]) -> None:
        self._path = path
        self._writer = EventWriter(path)
        self._stop_waits = stop_waits
        self._ends = False
        self._paused = False

    def say(self, event: e.Event) -> None:
        """Appends one event."""
        self._writer.write(event)
        if isinstance(event, e.Paused | e.Continued):
            self._paused = isinstance(event, e.Paused)
        if self._writer.refused is not None and not self._ends:
            self._wait(self._writer.refused, event.step)

    def close(self) -> None:
        """Tries for the last time to append what is left, puts all on the disk and closes the file."""
        self._writer.close()

    def _wait(self, error: OSError, step: int) -> None:
        """The events that tell of the waiting are made when it begins, and can be read when it is over."""
        self._writer.write(no_room(error, self._path, step))
        if not self._paused:
            self._writer.write(e.Paused(step=step, waits_for="room"))
        retry_at = time.monotonic() + RETRY_EVERY_SECONDS
        while self._writer.refused is not None:
            if self._stop_waits():
                self._ends = True
                return
            time.sleep(LOOK_EVERY_SECONDS)
            if time.monotonic() >= retry_at:
                self._writer.flush()
                retry_at = time.monotonic() + RETRY_EVERY_SECONDS
        if not self._paused:
            self._writer.write(e.Continued(step=step))
