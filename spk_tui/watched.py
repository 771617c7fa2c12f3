"""One run as somebody follows it who looks elsewhere: how far it is, and the few things worth being called for.

It reads the end of the events and what is appended, folds no curves and draws nothing. Whom to call, and how, is
`attention.py`'s business; what a run looks like in full is `follower.py`'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from spk_tui.wording import accuracy, count

TAIL_BYTES = 65_536
Occasion: TypeAlias = Literal["finish", "failure", "diagnosis"]


@dataclass(frozen=True)
class News:
    """Something about a run that is worth calling somebody for."""

    run: RunDirectory
    name: str
    occasion: Occasion
    text: str


class Watched:
    """One run, followed from its construction on. Used by one thread at a time."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.name = run.id
        self.step = self.steps = 0
        self.is_live = False
        self._since = time.time()
        self._reader = EventReader(run.events_path)
        self._begun = False
        self._has_ended = False
        self._was_alive = False

    @property
    def share(self) -> float:
        """How far it is, from 0 to 1."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    def look(self) -> list[News]:
        """What has happened since the last look. Raises `OSError` and `InputError`. Blocks on the disk."""
        if not self._begun:
            self._begin()
        alive = self.run.alive
        news = self._read()  # after the question whether it lives: its last word comes before its end
        if self._was_alive and not alive and not self._has_ended:
            news.append(self._news("failure", "interrupted: its process is gone without a last word"))
        self._was_alive = alive
        self.is_live = alive and not self._has_ended
        return news

    def _begin(self) -> None:
        """Goes to the end of the events; a line that is cut there is skipped as any bad one."""
        preset = self.run.preset()
        self.name, self.steps = preset.name, preset.run.steps
        events = self.run.events_path
        self._reader.offset = max(0, events.stat().st_size - TAIL_BYTES) if events.exists() else 0
        self._begun = True

    def _read(self) -> list[News]:
        news = []
        for event in self._reader.read():
            self.step = event.step
            self._has_ended = isinstance(event, e.Finished | e.Failed)
            if isinstance(event, e.Started | e.Resumed):
                self.steps = event.steps
            told = _told(event)
            if told is not None and event.time >= self._since:
                news.append(self._news(*told))
        return news

    def _news(self, occasion: Occasion, text: str) -> News:
        return News(self.run, self.name, occasion, text)


def _told(event: e.AnyEvent) -> tuple[Occasion, str] | None:
    """What is said of an event, if anything."""
    if isinstance(event, e.Finished):
        best = f", best accuracy {accuracy(event.best_accuracy)}" if event.best_accuracy is not None else ""
        return "finish", f"{'finished' if event.reason == 'completed' else 'stopped'} at step {count(event.step)}{best}"
    if isinstance(event, e.Failed):
        return "failure", f"failed at step {count(event.step)}: {event.message}"
    if isinstance(event, e.Diagnosis) and event.severity != "notice":
        return "diagnosis", f"step {count(event.step)}: {event.finding}"
    return None
