"""Counting a preset again at every key: one question at a time, and of those that came meanwhile only the newest.

Counting takes tens of milliseconds in another process, less than typing a digit takes. Waiting for a pause in the
typing would only make the meter late.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.cost import Cost
from engine.errors import InputError
from engine.preset import Preset
from spk_tui.screens.room import Room

Question = tuple[Preset, int | None]


class LiveMeter:
    """Asks a dashboard's meter for one screen, which is told each answer with what was asked."""

    def __init__(self, room: Room, answered: Callable[[Preset, Cost | InputError], None]) -> None:
        self._room = room
        self._answered = answered
        self._next: Question | None = None
        self._asking = False

    def ask(self, preset: Preset, speakers: int | None) -> None:
        """The preset shall be counted for so many speakers (None: as many as are assumed)."""
        self._next = (preset, speakers)
        if not self._asking:
            self._asking = True
            self._room.run_worker(self._ask_until_settled(), group="live-meter")

    async def _ask_until_settled(self) -> None:
        try:
            while self._next is not None:
                (preset, speakers), self._next = self._next, None
                try:
                    answer: Cost | InputError = await self._room.in_thread(
                        self._room.dashboard.meter.count, preset, speakers
                    )
                except InputError as error:
                    answer = error
                self._answered(preset, answer)
        finally:
            self._asking = False
