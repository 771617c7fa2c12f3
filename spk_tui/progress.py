"""Long work in a thread, seen by a screen: its progress arrives as messages, and it ends when nobody waits any more."""

from __future__ import annotations

import threading

from textual.message import Message
from textual.message_pump import MessagePump

from engine.corpus.reporting import Report


class Cancelled(Exception):
    """Nobody waits for this work any more."""


class Progress(Message):
    """How far a stage is."""

    def __init__(self, stage: str, done: int, total: int, unit: str) -> None:
        super().__init__()
        self.said = (stage, done, total, unit)

    def can_replace(self, message: Message) -> bool:
        """A newer word takes the place of one that hasn't been shown yet."""
        return isinstance(message, Progress)


def report_to(screen: MessagePump, cancel: threading.Event) -> Report:
    """A report for work in a thread: its words come to the screen, and it raises `Cancelled` once that is asked for."""

    def report(stage: str, done: int, total: int, unit: str) -> None:
        if cancel.is_set():
            raise Cancelled
        screen.post_message(Progress(stage, done, total, unit))

    return report
