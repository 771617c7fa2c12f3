"""The child process that packs a corpus for `packing_client.py`: `python -m engine.corpus.packing_child`.

It takes one order on stdin, and answers with lines of JSON on stdout: progress, and why it can't be done if so.
"""

from __future__ import annotations

import signal
import sys

import msgspec

from engine.corpus.packing_client import Order, Progress, Refused
from engine.corpus.preparing import prepare_corpus
from engine.errors import InputError


def main() -> int:
    """Packs what the order says; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as an exception, so that nothing half-made is left
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        prepare_corpus(order.spec, order.features, _report, order.data)
    except InputError as error:
        _say(Refused(str(error)))
    return 0


def _report(stage: str, done: int, total: int, unit: str) -> None:
    _say(Progress(stage, done, total, unit))


def _say(message: Progress | Refused) -> None:
    try:
        sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        sys.exit(1)  # whoever wanted it is gone


if __name__ == "__main__":
    sys.exit(main())
