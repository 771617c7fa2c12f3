"""A child process that takes one order and says lines: started, read with patience, ended whatever happens.

What is ordered and said belongs to whoever asks; `corpus/packing_client.py` and `use/client.py` do.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import IO

PULSE_SECONDS = 0.2  # between two lines, so that whoever wants to cancel is never late
PATIENCE_SECONDS = 10  # for a child that was asked to end: it finishes what is in hand first


class ChildEnded(Exception):
    """The child ended with something else than 0: its exit code, below zero for a signal, and what it printed."""

    def __init__(self, code: int, printed: str) -> None:
        super().__init__(f"exit code {code}")
        self.code = code
        self.printed = printed

    @property
    def signal(self) -> str:
        """The name of the signal that ended it; empty when none did."""
        if self.code >= 0:
            return ""
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"


def lines_of(
    module: str, order: bytes, environment: Mapping[str, str] = MappingProxyType({})
) -> Generator[bytes, None, None]:
    """Runs `python -m module` with an order on stdin; its lines, and an empty one whenever nothing came for a while.

    When the iterator is closed, or whatever its reader raises, the child is ended. Raises `ChildEnded`.
    """
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl+C in a terminal is its owner's to understand
        )
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it has ended already, and its exit code tells
                child.stdin.write(order)
                child.stdin.close()
            yield from _lines(child.stdout)
            code = child.wait()
        finally:
            _end(child)
        if code:
            errors.seek(0)
            raise ChildEnded(code, errors.read().decode(errors="replace"))


def _lines(pipe: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], PULSE_SECONDS)
        if not ready:
            yield b""
            continue
        read = os.read(pipe.fileno(), 1 << 16)
        if not read:
            return
        *whole, rest = (rest + read).split(b"\n")
        yield from whole


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
