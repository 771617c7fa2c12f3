"""A run as plain lines on stdout, for logs and pipes: what happens is told once, progress every ten seconds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeGuard

from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.state import RunState
from spk_tui.display.first_and_last import beginning, ending
from spk_tui.log_lines import Narrator
from spk_tui.wording import accuracy, count, duration, loss, percent, rate

SECONDS_BETWEEN_PROGRESS = 10.0


class Plain:
    """Writes lines. Time is that of the events, so that a run reads the same live and afterwards."""

    def __init__(self) -> None:
        self._narrator = Narrator()
        self._next_progress = 0.0

    def open(self, run: RunDirectory, history: Sequence[e.AnyEvent], state: RunState) -> None:
        """Says which run this is, and where it stands when it has begun before."""
        for line in beginning(run, state):
            self.say(line)

    def show(self, event: e.AnyEvent, state: RunState) -> None:
        """Writes what is worth a line."""
        if _is_counted(event) and event.time >= self._next_progress:
            self._next_progress = event.time + SECONDS_BETWEEN_PROGRESS
            self.say(_progress(event, state))
            return
        said = self._narrator.tell(event)
        if said is not None:
            self.say(said.text)
            if said.advice:
                self.say(f"  {said.advice}")

    def idle(self, state: RunState) -> None:
        """Nothing: no news, no line."""

    def say(self, text: str) -> None:
        """One line, at once, so that whoever follows a log sees it."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def close(self, run: RunDirectory, state: RunState | None) -> None:
        """The last words."""
        for line in ending(run, state) if state is not None else []:
            self.say(line)


def _is_counted(event: e.AnyEvent) -> TypeGuard[e.Progress | e.Preparing]:
    """Steps, and what lies between a stage's beginning, which the narrator tells, and its end."""
    return isinstance(event, e.Progress) or (isinstance(event, e.Preparing) and 0 < event.done < event.total)


def _progress(event: e.Progress | e.Preparing, state: RunState) -> str:
    if isinstance(event, e.Preparing):
        unit = f" {event.unit}" if event.unit else ""
        return f"{event.stage}: {percent(event.done / event.total)} ({count(event.done)} of {count(event.total)}{unit})"
    left = f", {duration(state.seconds_left)} left" if state.seconds_left else ""
    return (
        f"step {event.step} of {state.steps}: loss {loss(event.loss)}, accuracy {accuracy(event.accuracy)}, "
        f"{rate(event.steps_per_second)}{left}"
    )
