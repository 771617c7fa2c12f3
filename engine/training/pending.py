"""The requests that wait to be answered: looked for a few times a second, and the same ones on every rank.

What is done about each is the trainer's business.
"""

from __future__ import annotations

import time
from typing import Protocol

from engine.runs.requests import Request
from engine.training.distributed import Ranks

LOOK_EVERY_SECONDS = 0.05


class Inbox(Protocol):
    """Where requests come from."""

    def read(self) -> list[Request]:
        """The requests since the last call."""


class PendingRequests:
    """Those that have arrived and aren't answered, in order. `stop` is the one that ends the run, once it is heeded."""

    def __init__(self, inbox: Inbox | None, ranks: Ranks) -> None:
        self.waiting: list[Request] = []
        self.stop: Request | None = None
        self._inbox, self._ranks = inbox, ranks
        self._next_look = 0.0

    def collect(self) -> None:
        """Takes in the requests that have arrived, at most every 50 ms; rank 0 looks, and all do the same."""
        now = time.monotonic()
        arrived: list[Request] = []
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY_SECONDS
            arrived = self._inbox.read() if self._inbox is not None else []
        self.waiting += self._ranks.requests(arrived)

    def stop_waits(self) -> bool:
        """Whether a stop was asked for, looked for while something long goes on."""
        self.collect()
        return self.stop is not None or any(request.request == "stop" for request in self.waiting)

    def take_all_but_stops(self) -> list[Request]:
        """The other requests that wait, for whoever answers them in the meantime."""
        taken = [request for request in self.waiting if request.request != "stop"]
        self.waiting = [request for request in self.waiting if request.request == "stop"]
        return taken
