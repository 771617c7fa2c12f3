"""What people ask of a running worker: one JSON object a line, appended to requests.jsonl by anyone.

The worker answers each with an `answered` event that carries the request's id. Requests older than the worker are not
its business: it reads from where the file ended when it began.
"""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, field

Ask: TypeAlias = Literal["stop", "save", "pause", "continue"]


class Request(Struct, frozen=True, kw_only=True):
    """One request, its id, and the Unix time at which it was made (0: unknown)."""

    request: Ask
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: float = 0.0


def append_request(path: Path, request: Request) -> None:
    """Appends the request as one write of one whole line, or nothing. Raises `OSError`, also on a full disk."""
    line = msgspec.json.encode(request) + b"\n"
    with path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if file.write(line) != len(line):
            file.truncate(size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


class RequestReader:
    """Reads what is new in requests.jsonl, from its beginning; for those who watch. It writes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> list[Request]:
        """The requests appended since the last call; lines that are none are passed over."""
        try:
            if self._path.stat().st_size == self._offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self._offset += end
        requests = []
        for line in data[:end].splitlines():
            try:
                requests.append(msgspec.json.decode(line, type=Request))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
        return requests


class Inbox(RequestReader):
    """The requests that arrive after its construction; the worker's."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        path.touch(exist_ok=True)
        self._offset = path.stat().st_size
