"""A run as moving tqdm bars, in a terminal or as widgets in a notebook; what is worth keeping is written above them.

The bars read `Train: 100% 2000/2000 [02:42<00:00, 12.31 step/s, accuracy=0.66, loss=1.50, step=52000]`: one Train bar
from each validation to the next, one Valid bar a validation. Counts, rates and clocks are those of the events.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from tqdm.auto import tqdm

from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.state import RunState
from spk_tui.display.choose import in_notebook
from spk_tui.display.first_and_last import beginning, ending
from spk_tui.log_lines import Narrator

RECENT_RATES = 20
LONGEST = 92
"""Columns that the longest bar takes; a narrower terminal is not told the step, rather than half of it."""

_COUNTED = "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
_UNCOUNTED = "{desc} [{elapsed}]"


class _Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """A bar whose rate and clock are those of the work, and not of the moments at which we hear of it."""

    monitor_interval = 0  # no thread that would look for slow loops: every event refreshes

    def __init__(self, name: str, total: int, unit: str, began: float, initial: int = 0) -> None:
        self._began = began
        self._known_rate: float | None = None
        self._seconds = 0.0
        self._moved = time.monotonic()
        form: dict[str, Any] = {}
        if not in_notebook():  # the widget brings a form and a width of its own
            form = {"bar_format": _COUNTED if total else _UNCOUNTED, "file": sys.stderr}
        super().__init__(desc=name, total=total or None, unit=f" {unit}", initial=initial, **form)
        self.nrows = None  # a terminal that says it has no rows would be drawn nothing

    @property
    def format_dict(self) -> dict[str, Any]:
        """tqdm's own numbers, with the rate, the clock and the width that are known."""
        numbers: dict[str, Any] = {**super().format_dict, "rate": self._known_rate, "elapsed": self._seconds}
        return numbers if in_notebook() else {**numbers, "ncols": _columns()}

    def move(self, done: int, at: float, rate: float | None, notes: dict[str, str]) -> None:
        """Shows how far the work was at a Unix time, at which rate (units a second), with the notes behind it.

        With no rate, it is the mean since the bar began.
        """
        self.n = done
        self._seconds = max(0.0, at - self._began)
        self._moved = time.monotonic()
        self._known_rate = rate
        if notes:
            self.set_postfix(notes, refresh=False)
        self.refresh()

    def tick(self) -> None:
        """Lets the clock go on while there is no news; shown once a second."""
        now = time.monotonic()
        if now - self._moved > 1.0:
            self._seconds += now - self._moved
            self._moved = now
            self.refresh()


class Bars:
    """One bar at a time; a bar that is complete stays as a line."""

    def __init__(self) -> None:
        self._narrator = Narrator()
        self._bar: _Bar | None = None
        self._name = ""
        self._every = 1
        self._mark = (0, 0.0)

    def open(self, run: RunDirectory, history: Sequence[e.AnyEvent], state: RunState) -> None:
        """Says which run this is, and where it stands when it has begun before."""
        self._every = run.preset().validation.every
        for event in history:
            self._remember(event)
        for line in beginning(run, state):
            self.say(line)

    def show(self, event: e.AnyEvent, state: RunState) -> None:
        """Moves the bar that the event belongs to, and writes what is worth a line."""
        self._remember(event)
        if isinstance(event, e.Progress):
            self._train(event, state)
        elif isinstance(event, e.Validating):
            self._validate(event)
        elif isinstance(event, e.Validated):
            self._validated(event)
        elif isinstance(event, e.Preparing):
            self._prepare(event)
        elif said := self._narrator.tell(event):
            if isinstance(event, e.Finished | e.Failed | e.Started):
                self._end_bar()
            self.say(said.text)
            if said.advice:
                self.say(f"  {said.advice}")

    def idle(self, state: RunState) -> None:
        """Keeps the clock going, once a second."""
        if self._bar is not None and state.phase != "paused":
            self._bar.tick()

    def say(self, text: str) -> None:
        """A line on stdout above the bar."""
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def close(self, run: RunDirectory, state: RunState | None) -> None:
        """The last words, below the last bar."""
        self._end_bar()
        for line in ending(run, state) if state is not None else []:
            self.say(line)

    def _remember(self, event: e.AnyEvent) -> None:
        """From which step and which time on the next Train bar counts."""
        if isinstance(event, e.Started | e.Resumed | e.Validated):
            self._mark = (event.step, event.time)

    def _train(self, event: e.Progress, state: RunState) -> None:
        begin = (max(event.step, 1) - 1) // self._every * self._every
        end = min(begin + self._every, state.steps) if state.steps else begin + self._every
        name = f"Train {begin}"
        if self._bar is None or self._name != name:
            step, began = self._mark
            self._begin_bar(name, "Train", end - begin, "step", began or event.time, initial=max(0, step - begin))
        notes = {"accuracy": f"{event.accuracy:.2f}", "loss": f"{event.loss:.2f}"}
        if _has_room():
            notes["step"] = str(event.step)
        recent = fmean(state.steps_per_second.values[-RECENT_RATES:])
        self._move(event.step - begin, event.time, None if event.step == end else recent, notes)

    def _validate(self, event: e.Validating) -> None:
        if self._name != "Valid":
            began = event.time - (event.done / event.utterances_per_second if event.utterances_per_second else 0.0)
            self._begin_bar("Valid", "Valid", event.total, "uttr", began)
        notes = {"accuracy": f"{event.accuracy:.2f}", "loss": f"{event.loss:.2f}"}
        self._move(event.done, event.time, event.utterances_per_second, notes)

    def _validated(self, event: e.Validated) -> None:
        if self._name != "Valid":
            seconds = event.utterances / event.utterances_per_second if event.utterances_per_second else 0.0
            self._begin_bar("Valid", "Valid", event.utterances, "uttr", event.time - seconds)
        notes = {"accuracy": f"{event.segment_accuracy:.2f}", "loss": f"{event.loss:.2f}"}
        self._move(event.utterances, event.time, event.utterances_per_second, notes)
        self._end_bar()

    def _prepare(self, event: e.Preparing) -> None:
        if self._name != event.stage:
            self._begin_bar(event.stage, event.stage, event.total, event.unit, event.time)
        self._move(event.done, event.time, None, {})

    def _begin_bar(self, name: str, title: str, total: int, unit: str, began: float, initial: int = 0) -> None:
        self._end_bar()
        self._bar = _Bar(title, total, unit, began, initial)
        self._name = name

    def _move(self, done: int, at: float, rate: float | None, notes: dict[str, str]) -> None:
        assert self._bar is not None
        self._bar.move(done, at, rate, notes)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar, self._name = None, ""


def _columns() -> int | None:
    """Columns that a bar may take in this terminal; None where nothing wraps. A terminal that says 0 has 80."""
    return shutil.get_terminal_size().columns - 1 if sys.stderr.isatty() else None


def _has_room() -> bool:
    """Whether the longest bar fits on a line: everywhere but in a narrow terminal."""
    columns = None if in_notebook() else _columns()
    return columns is None or columns >= LONGEST
