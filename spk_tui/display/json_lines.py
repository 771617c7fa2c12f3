"""Events on stdout for scripts: each one line, exactly as in events.jsonl, and nothing else there.

Words for people go to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engine.runs.directory import RunDirectory
from engine.runs.events import AnyEvent, encode_event
from engine.runs.state import RunState


class JsonLines:
    """Writes every event, those of the run's past first."""

    def open(self, run: RunDirectory, history: Sequence[AnyEvent], state: RunState) -> None:
        """Writes the events so far."""
        for event in history:
            self.show(event, state)

    def show(self, event: AnyEvent, state: RunState) -> None:
        """Writes the event as one line, at once."""
        sys.stdout.write(encode_event(event).decode() + "\n")
        sys.stdout.flush()

    def idle(self, state: RunState) -> None:
        """Nothing: no news, no line."""

    def say(self, text: str) -> None:
        """On stderr."""
        sys.stderr.write(f"{text}\n")

    def close(self, run: RunDirectory, state: RunState | None) -> None:
        """Nothing: the last event says how the run ended."""
