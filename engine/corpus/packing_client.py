"""Packing from the outside: a child process decodes, so that its owner loads no torch and survives a decoder's crash.

What is packed lies in the cache (`packed.py`); nothing but progress and an error's text comes back.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

import msgspec
from msgspec import Struct

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.preset import Data, Features

CHILD = "engine.corpus.packing_child"
PULSE_SECONDS = 0.2  # between two reports, so that one that raises is never late
PATIENCE_SECONDS = 10  # for a child that was asked to end: it finishes the files in hand first


class PackingFailed(Exception):
    """The child has a fault of ours; the text is its traceback."""


class Order(Struct, frozen=True):
    """What is to be packed: the child's whole input."""

    spec: str
    data: Data
    features: Features


class Progress(Struct, frozen=True, tag="progress"):
    """How far it is, as `engine.corpus.reporting.Report` takes it."""

    stage: str
    done: int
    total: int
    unit: str


class Refused(Struct, frozen=True, tag="refused"):
    """The last word about input that can't be used."""

    message: str


def pack_in_child(spec: str, data: Data, features: Features, report: Report) -> None:
    """Packs a corpus (see `engine.corpus.preparing`) in a child process, and returns when it is packed.

    If `report` raises, or the call is interrupted, the child is ended and leaves nothing half-made. Raises `InputError`
    when the corpus can't be packed, or when a file brings the child down, and `PackingFailed`.
    """
    last = Progress("starting", 0, 0, "")
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl+C in a terminal is its owner's to understand
        )
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(msgspec.json.encode(Order(spec, data, features)))
            child.stdin.close()
            for line in _lines(child.stdout):
                if line:
                    message = msgspec.json.decode(line, type=Progress | Refused)
                    if isinstance(message, Refused):
                        raise InputError(message.message)
                    last = message
                report(last.stage, last.done, last.total, last.unit)
            code = child.wait()
        finally:
            _end(child)
        if code:
            errors.seek(0)
            raise _failure(spec, code, last, errors.read().decode(errors="replace"))


def _lines(pipe: IO[bytes]) -> Iterator[bytes]:
    """The lines of a pipe until it is closed, and an empty one whenever nothing has come for a while."""
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


def _failure(spec: str, code: int, last: Progress, said: str) -> Exception:
    if code > 0:
        return PackingFailed(said)
    try:
        cause = signal.Signals(-code).name
    except ValueError:
        cause = f"signal {-code}"
    return InputError(
        f"{spec}: decoding was ended by {cause} after {last.done:,} of {last.total:,} {last.unit}; a damaged file can"
        " crash a decoder, and too little memory ends it too. Take away the files that came last, or make room"
    )
