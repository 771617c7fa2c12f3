"""A run as plain lines on stdout, for logs, pipes and screen readers: what happens is told once, progress every ten
seconds. Each line says by itself what it is; nothing is said by colour, and nothing moves the cursor.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeAlias

from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.state import RunState
from spk_tui.display.first_and_last import beginning, ending, standing, what_next
from spk_tui.log_lines import LogLine, Narrator
from spk_tui.wording import accuracy, count, duration, loss, one_line, percent, rate

SECONDS_BETWEEN_PROGRESS = 10.0
Counted: TypeAlias = e.Progress | e.Preparing | e.Validating


class Plain:
    """Writes lines. Time is that of the events, so that a run reads the same live and afterwards."""

    def __init__(self) -> None:
        self._narrator = Narrator()
        self._next_progress = 0.0
        self._warmup = 0
        self._validating = False
        self._continue = ""

    def open(self, run: RunDirectory, history: Sequence[e.AnyEvent], state: RunState) -> None:
        """Says which run this is, and what it does when it has begun before."""
        self._warmup = run.preset().warmup_steps if state.step < run.preset().warmup_steps else 0
        self._continue = f"; 'spk-tui continue {run.id}' lets it go on"
        self._validating = state.validating is not None
        for line in [*beginning(run, state), *standing(run, state)]:
            self.say(line)

    def show(self, event: e.AnyEvent, state: RunState) -> None:
        """Writes what is worth a line."""
        self._turn(event, state)
        if isinstance(event, e.Progress | e.Preparing | e.Validating) and _is_on_the_way(event):
            if event.time >= self._next_progress:
                self._next_progress = event.time + SECONDS_BETWEEN_PROGRESS
                self.say(_progress(event, state))
            return
        said = self._narrator.tell(event)
        if said is not None:
            self._tell(event, said)

    def idle(self, state: RunState) -> None:
        """Nothing: no news, no line."""

    def say(self, text: str) -> None:
        """One line, at once, so that whoever follows a log sees it."""
        sys.stdout.write(f"{one_line(text)}\n")
        sys.stdout.flush()

    def close(self, run: RunDirectory, state: RunState | None) -> None:
        """The last words: how it ended and what one can do now; accuracy and best checkpoint stand last."""
        if state is not None:
            how, *rest = ending(run, state)
            for line in [how, *what_next(run, state), *rest]:
                self.say(line)

    def _turn(self, event: e.AnyEvent, state: RunState) -> None:
        """The phases that events tell of only by the way."""
        if isinstance(event, e.Validating) != self._validating and isinstance(event, e.Validating | e.Validated):
            self._validating = isinstance(event, e.Validating)
            if isinstance(event, e.Validating):
                self.say(f"step {event.step}: validating, {count(event.total)} utterances")
                self._next_progress = event.time + SECONDS_BETWEEN_PROGRESS
        elif isinstance(event, e.Progress) and self._warmup and event.step >= self._warmup:
            self.say(f"step {event.step}: the warm-up of {count(self._warmup)} steps is over")
            self._warmup = 0

    def _tell(self, event: e.AnyEvent, said: LogLine) -> None:
        kind = f"{said.tone}: " if isinstance(event, e.Diagnosis) else ""
        asked = isinstance(event, e.Paused) and event.waits_for == "continue"
        self.say(f"{kind}{said.text}{self._continue if asked else ''}")
        if said.advice:
            self.say(f"  advice: {said.advice}")
        if isinstance(event, e.Started) and event.step < self._warmup:
            self.say(f"warm-up: the learning rate rises until step {count(self._warmup)}")


def _is_on_the_way(event: Counted) -> bool:
    """Steps and utterances, and what lies between a stage's beginning, which the narrator tells, and its end."""
    return not isinstance(event, e.Preparing) or 0 < event.done < event.total


def _progress(event: Counted, state: RunState) -> str:
    if isinstance(event, e.Preparing | e.Validating):
        stage, unit = ("validating", "utterances") if isinstance(event, e.Validating) else (event.stage, event.unit)
        amount = f"{count(event.done)} of {count(event.total)} {unit}".strip()
        return f"{stage}: {percent(event.done / max(1, event.total))} ({amount})"
    left = f", {duration(state.seconds_left)} left" if state.seconds_left else ""
    return (
        f"step {event.step} of {state.steps}: loss {loss(event.loss)}, accuracy {accuracy(event.accuracy)}, "
        f"{rate(event.steps_per_second)}{left}"
    )
