"""Packing from the outside: a child process decodes, so that its owner loads no torch and survives a decoder's crash.

What is packed lies in the cache (`packed.py`); nothing but progress and an error's text comes back.
"""

from __future__ import annotations

from contextlib import closing

import msgspec
from msgspec import Struct

from engine.child_process import ChildEnded, lines_of
from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.preset import Data, Features

CHILD = "engine.corpus.packing_child"


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
    try:
        with closing(lines_of(CHILD, msgspec.json.encode(Order(spec, data, features)))) as lines:
            for line in lines:
                if line:
                    message = msgspec.json.decode(line, type=Progress | Refused)
                    if isinstance(message, Refused):
                        raise InputError(message.message)
                    last = message
                report(last.stage, last.done, last.total, last.unit)
    except ChildEnded as ended:
        raise _failure(spec, ended, last) from None


def _failure(spec: str, ended: ChildEnded, last: Progress) -> Exception:
    if not ended.signal:
        return PackingFailed(ended.printed)
    return InputError(
        f"{spec}: decoding was ended by {ended.signal} after {last.done:,} of {last.total:,} {last.unit}; a damaged"
        " file can crash a decoder, and too little memory ends it too. Take away the files that came last, or make room"
    )
