"""What the ranks of a run and their supervisor tell each other: one JSON object a line, over a socket of their machine.

A rank that dies closes its end, which the supervisor sees; a rank whose supervisor dies ends itself, since a free lock
means that nobody trains the run. Ranks of other machines have no supervisor: they can't go on without rank 0.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec
from msgspec import Struct

from engine.errors import InputError
from engine.runs.events import AnyEvent, Failed, decode_event, encode_event
from engine.runs.requests import Request

ADDRESS = "SPK_TUI_SUPERVISOR"  # the environment variable that holds the socket's path
ORPHANED = 70  # the exit code of a rank whose supervisor is gone


class Joined(Struct, frozen=True, tag="joined"):
    """A rank's first word."""

    rank: int
    process: int


class Told(Struct, frozen=True, tag="told"):
    """An event for events.jsonl, from rank 0."""

    event: msgspec.Raw


class Failing(Struct, frozen=True, tag="failing"):
    """A rank's last word about an error; `lost` when it only missed another rank."""

    rank: int
    failed: msgspec.Raw
    lost: bool = False


class Deaths(Struct, frozen=True, tag="deaths"):
    """How ranks of this machine ended, from whoever waits for them: exit codes, negative ones are signals."""

    codes: dict[int, int]


Message: TypeAlias = Joined | Told | Failing | Deaths
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def told(event: AnyEvent) -> Told:
    """An event as a message."""
    return Told(msgspec.Raw(encode_event(event)))


def failing(rank: int, failed: Failed, lost: bool) -> Failing:
    """A last word as a message."""
    return Failing(rank, msgspec.Raw(encode_event(failed)), lost)


def event_in(raw: msgspec.Raw) -> AnyEvent:
    """The event of a message."""
    return decode_event(bytes(raw))


def decode(line: bytes) -> Message:
    """The message of one line."""
    return _decoder.decode(line)


class Lines:
    """The lines of a socket: bytes that came, cut where a line ends."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = b""

    def read(self) -> list[bytes] | None:
        """What has come, as whole lines; None when the other end is gone. Waits until there is something."""
        try:
            received = self.connection.recv(1 << 16)
        except OSError:
            return None
        if not received:
            return None
        *whole, self._rest = (self._rest + received).split(b"\n")
        return whole

    def write(self, message: Struct) -> None:
        """Sends one line; to an end that is gone it is lost, as everything there is."""
        with contextlib.suppress(OSError):
            self.connection.sendall(msgspec.json.encode(message) + b"\n")


class Link:
    """A rank's end. Rank 0 receives the run's requests through it."""

    def __init__(self, path: str) -> None:
        """Raises `InputError` when nobody listens at the path."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError as error:
            raise InputError(f"{path}: the run's supervisor is gone ({error.strerror}); resume the run") from None
        self._lines = Lines(connection)
        self._requests: list[Request] = []
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Link | None:
        """The link to the supervisor of this machine, if there is one. Raises `InputError`."""
        path = environment.get(ADDRESS)
        return None if path is None else cls(path)

    def watch(self) -> None:
        """Receives requests from now on, in a thread of its own, which ends the process when the supervisor is gone."""
        threading.Thread(target=self._receive, name="supervisor", daemon=True).start()

    def say(self, message: Message) -> None:
        """Tells the supervisor."""
        self._lines.write(message)

    def read(self) -> list[Request]:
        """The requests since the last call."""
        with self._lock:
            taken, self._requests = self._requests, []
        return taken

    def _receive(self) -> None:
        while (lines := self._lines.read()) is not None:
            self._take(lines)
        os._exit(ORPHANED)  # the main thread may wait for another rank, in torch, where no exception reaches it

    def _take(self, lines: Iterable[bytes]) -> None:
        arrived = [msgspec.json.decode(line, type=Request) for line in lines]
        with self._lock:
            self._requests += arrived
