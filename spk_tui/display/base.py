"""What every face of a followed run can do. Who reads the events and hears Ctrl+C is `commands/following.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.runs.directory import RunDirectory
from engine.runs.events import AnyEvent
from engine.runs.state import RunState


class Display(Protocol):
    """One way to show a run. What is known of it comes along as the `RunState` after the event."""

    def open(self, run: RunDirectory, history: Sequence[AnyEvent], state: RunState) -> None:
        """Begins: `history` are the events that were written before, `state` what they add up to."""

    def show(self, event: AnyEvent, state: RunState) -> None:
        """Takes in one new event."""

    def idle(self, state: RunState) -> None:
        """Called about ten times a second while there is no news."""

    def say(self, text: str) -> None:
        """A word of the command itself, such as what Ctrl+C did."""

    def close(self, run: RunDirectory, state: RunState | None) -> None:
        """Ends: with a state the run has ended and its outcome is shown; with none it is left running."""
