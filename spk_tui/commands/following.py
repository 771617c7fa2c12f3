"""Following a run from a command: its events go to a display, Ctrl+C is heard, and an exit code comes out.

The run itself is a process of its own: whatever happens here, only a request can touch it.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Literal, TypeAlias

from engine.errors import InputError
from engine.runs import client
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.runs.state import RunState
from spk_tui.display.base import Display
from spk_tui.exit_codes import BAD_INPUT, LEFT, RUN_FAILED, WELL

OnInterrupt: TypeAlias = Literal["stop", "leave"]
WORKER_START_SECONDS = 20.0
"""How long a worker that has just been launched may take to its first word; a cold disk is slow."""


class Interruptions:
    """Counts Ctrl+C and SIGTERM while it is entered, in place of raising KeyboardInterrupt wherever one happens to be.

    SIGTERM counts as Ctrl+C so that a container that is told to end keeps its training. SIGHUP is left alone: a closed
    terminal ends the watching, never the run.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruptions:
        if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


class Following:
    """Reads a run's past at construction, so that a worker launched afterwards is followed from its first word on.

    A `new` run has no past: its worker may have spoken already, and that is news.
    """

    def __init__(self, run: RunDirectory, *, new: bool = False) -> None:
        self.run = run
        self.reader = EventReader(run.events_path)
        self.history = [] if new else self.reader.read()
        self.state = RunState.of(self.history)
        self._heard_news = False
        self._stop_announced = False
        self._stop_asked = False

    def follow(
        self,
        display: Display,
        interruptions: Interruptions,
        *,
        on_interrupt: OnInterrupt,
        launched: bool,
        replay: bool = False,
    ) -> int:
        """Shows the run until it ends or is left; returns the exit code.

        `launched`: a worker has just been started, so its silence at first is no end. `replay`: a display that shows
        every event gets those of the past, too.
        """
        display.open(self.run, self.history if replay else [], self.state)
        wait = WORKER_START_SECONDS if launched else None
        for event in client.follow(self.run, reader=self.reader, starting_seconds=wait):
            if event is None:
                display.idle(self.state)
            else:
                self._heard_news = True
                self.state.apply(event)
                display.show(event, self.state)
            if interruptions.count and not self._attend(interruptions.count, on_interrupt, display):
                display.close(self.run, None)
                return LEFT
        display.close(self.run, self.state)
        return self._outcome(launched)

    def wait_for_worker(self) -> int:
        """Waits for the first word of a worker that has just been launched; returns the exit code."""
        for event in client.follow(self.run, reader=self.reader, starting_seconds=WORKER_START_SECONDS):
            if event is not None:
                return WELL
        return _failed(self.run, "its worker could not start")

    def _attend(self, count: int, on_interrupt: OnInterrupt, display: Display) -> bool:
        """Does what Ctrl+C asks for; False when the run is to be left."""
        again = f"'spk-tui attach {self.run.id}' shows it again"
        if on_interrupt == "leave":
            display.say(f"it goes on in the background: {again}, 'spk-tui stop {self.run.id}' stops it")
            return False
        if count > 1:
            what = "saves its state and stops" if self._stop_asked else "goes on"
            display.say(f"left; it {what} in the background: {again}")
            return False
        if not self._stop_announced:
            self._stop_announced = True
            display.say("stopping: the state is being saved (Ctrl+C again leaves it to the background)")
        # A worker that has not said a word yet would take the request for one to its predecessor.
        if not self._stop_asked and self._heard_news and self.run.alive:
            self._stop_asked = True
            with suppress(InputError):  # it ended in this very moment; its last event is about to be read
                client.ask(self.run, "stop")
        return True

    def _outcome(self, launched: bool) -> int:
        """The exit code of a run that has no worker any more."""
        if launched and not self._heard_news:
            return _failed(self.run, "its worker could not start")
        if self.state.failed is not None:
            _failed(self.run, self.state.failed.message)
            return BAD_INPUT if self.state.failed.cause == "input" else RUN_FAILED
        if not self.state.ended:
            return _failed(self.run, "its worker is gone without a last word")
        return WELL


def _failed(run: RunDirectory, what: str) -> int:
    """Says on stderr what befell the run, with the last line of its console when there is one."""
    try:
        printed = run.console_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        printed = []
    last = f"\n  its last output: {printed[-1]}" if printed else ""
    sys.stderr.write(f"spk-tui: {run.id}: {what}{last}\n  all of its output: {run.console_path}\n")
    return RUN_FAILED
