"""The child process that uses a model for `client.py`: `python -m engine.use.child`.

It takes one order on stdin, and answers with lines of JSON on stdout: progress, and at last the answer, or why not.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

import msgspec

from engine.corpus.reporting import Report, unhurried
from engine.errors import InputError
from engine.use import orders
from engine.use.orders import Answered, Message, Order, Progress, Refused

USES: dict[type[Order], str] = {
    orders.Evaluate: "engine.use.evaluating:evaluate",
    orders.Verify: "engine.use.verifying:verify",
    orders.Enroll: "engine.use.enrolling:enroll",
    orders.Identify: "engine.use.identifying:identify",
    orders.Predict: "engine.use.predicting:predict",
    orders.Embed: "engine.use.embedding_file:embed",
    orders.Export: "engine.use.exporting:export",
    orders.ExportCurves: "engine.use.event_file:export_curves",
    orders.Import: "engine.use.importing:import_weights",
}
"""Who does what is ordered, as "module:function"; it takes the order and a report, and returns the answer."""


def main() -> int:
    """Does what the order says; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as an exception, so that nothing half-made is left
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever a user's own encoder prints is no answer
        try:
            answer = _use_for(order)(order, unhurried(lambda *said: _say(answers, Progress(*said))))
            _say(answers, Answered(msgspec.Raw(msgspec.json.encode(answer))))
        except InputError as error:
            _say(answers, Refused(str(error)))
    return 0


def _use_for(order: Order) -> Callable[[Any, Report], Any]:
    module, _, function = USES[type(order)].partition(":")
    use: Callable[[Any, Report], Any] = getattr(import_module(module), function)
    return use


def _say(answers: BinaryIO, message: Message) -> None:
    try:
        answers.write(msgspec.json.encode(message) + b"\n")
        answers.flush()
    except BrokenPipeError:
        sys.exit(1)  # whoever wanted it is gone


if __name__ == "__main__":
    sys.exit(main())
