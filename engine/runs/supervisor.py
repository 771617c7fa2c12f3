"""Several ranks from the outside: starts them, passes on what they say and are asked, and tells of a dead one.

A part of the worker, which holds the run's lock and writes the events; torch is never loaded here. When the worker
dies, however it dies, its ranks end too (`rank_link.py`).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.machine import training_threads
from engine.preset import RunSettings
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.machines import Machines
from engine.runs.rank_link import ADDRESS, Deaths, Failing, Joined, Lines, Message, Told, decode, event_in
from engine.runs.requests import Request

LOOK_EVERY_SECONDS = 0.05
PATIENCE_SECONDS = 15.0
"""How long ranks may take to end after the first of them has ended: torchrun ends the others at once."""
LAST_WORDS_SECONDS = 2.0
"""How long they may take when torchrun itself has ended badly, and nobody ends them but the supervisor."""


class Supervisor:
    """The ranks of one life of a run. `events` is to be used up, or closed, which ends the ranks."""

    def __init__(
        self,
        run: RunDirectory,
        settings: RunSettings,
        machines: Machines,
        requests: Callable[[], list[Request]],
        while_starting: Callable[[], None],
    ) -> None:
        """requests: what was asked since the last call; while_starting: answers it itself until training begins."""
        self.run = run
        self.settings = settings
        self.machines = machines
        self._requests = requests
        self._while_starting = while_starting
        self._ends: dict[Lines, Joined | None] = {}
        self._first: Lines | None = None
        self._begun = self._finished = False
        self._deadline = float("inf")
        self._failings: list[Failing] = []
        self._codes: dict[int, int] = {}
        self._gone: list[int] = []

    def events(self, *, resumed: bool) -> Iterator[e.AnyEvent]:
        """What rank 0 says, and a last word when a rank has ended too early."""
        with tempfile.TemporaryDirectory(prefix="spk-tui-") as folder, socket.socket(socket.AF_UNIX) as door:
            address = str(Path(folder) / "ranks")
            door.bind(address)
            door.listen()
            launcher = self._launch(address, folder, resumed=resumed)
            try:
                yield from self._follow(door, launcher)
            finally:
                self._end(launcher)
        if not self._finished:
            yield self._last_word(launcher.returncode)

    def _launch(self, address: str, folder: str, *, resumed: bool) -> subprocess.Popen[bytes]:
        """Starts torchrun in a session of its own: signals are the supervisor's to understand."""
        devices = self.settings.devices
        threads = self.settings.threads or self.run.info().threads or training_threads()
        command = [sys.executable, "-m", "engine.runs.launcher", *self.machines.torchrun(devices), "--log-dir", folder]
        rank = ["-m", "engine.runs.rank", str(self.run.path), *(["--resumed"] if resumed else [])]
        return subprocess.Popen(
            [*command, *rank],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={"OMP_NUM_THREADS": str(max(1, threads // devices)), **os.environ, ADDRESS: address},
        )

    def _follow(self, door: socket.socket, launcher: subprocess.Popen[bytes]) -> Iterator[e.AnyEvent]:
        """Until torchrun and all ranks of this machine are gone, or patience is."""
        while time.monotonic() < self._deadline:
            ended = launcher.poll() is not None
            if ended:
                self._end_soon(PATIENCE_SECONDS if launcher.returncode == 0 else LAST_WORDS_SECONDS)
            ready, _, _ = select.select([door, *(end.connection for end in self._ends)], [], [], LOOK_EVERY_SECONDS)
            if ended and not self._ends and not ready:
                return
            if door in ready:
                self._ends[Lines(door.accept()[0])] = None
            for end in [end for end in self._ends if end.connection in ready]:
                yield from self._hear(end)
            self._ask()

    def _hear(self, end: Lines) -> Iterator[e.AnyEvent]:
        """What came from one end."""
        lines = end.read()
        if lines is None:
            end.connection.close()
            joined = self._ends.pop(end)
            if joined is not None and not self._finished:
                self._gone.append(joined.rank)
                self._end_soon()
            return
        for line in lines:
            yield from self._take(end, decode(line))

    def _take(self, end: Lines, message: Message) -> Iterator[e.AnyEvent]:
        if isinstance(message, Joined):
            self._ends[end] = message
            self._first = end if message.rank == 0 else self._first
        elif isinstance(message, Failing):
            self._failings.append(message)
            self._end_soon()
        elif isinstance(message, Deaths):
            self._codes = message.codes
        elif isinstance(message, Told):
            event = event_in(message.event)
            self._begun = self._begun or isinstance(event, e.Started)
            if isinstance(event, e.Finished):
                self._finished = True
                self._end_soon()
            yield event

    def _ask(self) -> None:
        """Passes requests on to rank 0 as soon as it trains."""
        if not self._begun or self._first is None:
            self._while_starting()
            return
        for request in self._requests():
            self._first.write(request)

    def _end_soon(self, seconds: float = PATIENCE_SECONDS) -> None:
        self._deadline = min(self._deadline, time.monotonic() + seconds)

    def _end(self, launcher: subprocess.Popen[bytes]) -> None:
        """Leaves no process behind: ranks whose connection is closed end themselves, and stopped ones can't."""
        for end, joined in self._ends.items():
            end.connection.close()
            if joined is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(joined.process, signal.SIGKILL)
        launcher.terminate()
        try:
            launcher.wait(PATIENCE_SECONDS / 2)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()

    def _last_word(self, code: int) -> e.Failed:
        """The likeliest cause of all that is known: an error of a rank's own, a signal, then what followed from it."""
        own = [failing for failing in self._failings if not failing.lost]
        if own:
            failed = event_in(own[0].failed)
            assert isinstance(failed, e.Failed)
            return failed
        goes_on = f"'spk-tui resume {self.run.id}' goes on from the last checkpoint, with as many --devices as you like"
        return e.Failed(cause="error", message=f"{self._what_happened(code)}; {goes_on}")

    def _what_happened(self, code: int) -> str:
        of = f"of {self.settings.devices * self.machines.number}"
        signals = {rank: -code for rank, code in self._codes.items() if code < 0}
        if signals:
            rank, number = next(iter(signals.items()))
            return f"rank {rank} {of} was ended by {_signal(number)}{_advice(number)}"
        if self._codes and not self._failings:
            rank, code = next(iter(self._codes.items()))
            return f"rank {rank} {of} ended with exit code {code} (console.log in the run directory has the details)"
        if self._failings:
            lost = min(failing.rank for failing in self._failings)
            return f"rank {lost} {of} lost another rank, which ended or fell silent{self._elsewhere()}"
        if self._gone:
            return f"rank {self._gone[0]} {of} is gone"
        return f"torchrun ended with exit code {code} (console.log in the run directory says why)"

    def _elsewhere(self) -> str:
        return "; torchrun on the other machines tells of theirs" if self.machines.number > 1 else ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _advice(number: int) -> str:
    if number == signal.SIGKILL:
        return ", as a system does when memory runs out (then fewer devices or a smaller batch help)"
    return " (console.log in the run directory has the details)"
