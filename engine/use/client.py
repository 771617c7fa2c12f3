"""Using a model from the outside: a child process computes, so that its owner loads no torch and can always cancel.

What can be asked is in `orders.py`, what comes back in `results.py`, and who does it in `child.py`.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TypeVar

import msgspec

from engine.child_process import ChildEnded, lines_of
from engine.corpus.reporting import Report, silently
from engine.errors import InputError
from engine.runs.client import THREAD_POLICY
from engine.use.orders import Answered, Message, Order, Progress, Refused

CHILD = "engine.use.child"
Answer = TypeVar("Answer")


class UseFailed(Exception):
    """The child has a fault of ours; the text is its traceback."""


def ask(order: Order, answer: type[Answer], report: Report = silently) -> Answer:
    """What the order comes to, a structure of the type `answer`.

    `report` is called several times a second; what it raises, or an interruption, ends the child, and nothing half-made
    is left. Raises `InputError`, also when the child is killed from outside, and `UseFailed`.
    """
    policy = {} if THREAD_POLICY.keys() & os.environ.keys() else THREAD_POLICY
    last = Progress("starting", 0, 0, "")
    try:
        with closing(lines_of(CHILD, msgspec.json.encode(order), policy)) as lines:
            for line in lines:
                if line:
                    message = msgspec.json.decode(line, type=Message)
                    if isinstance(message, Refused):
                        raise InputError(message.message)
                    if isinstance(message, Answered):
                        return msgspec.json.decode(message.answer, type=answer)
                    last = message
                report(last.stage, last.done, last.total, last.unit)
    except ChildEnded as ended:
        if not ended.signal:
            raise UseFailed(ended.printed) from None
        raise InputError(
            f"{last.stage} was ended by {ended.signal} after {last.done:,} of {last.total:,} {last.unit}; too little"
            " memory ends a process so, and a damaged recording can crash a decoder"
        ) from None
    raise UseFailed("it ended without an answer")
