"""The worker: the process that is responsible for one run. `python -m engine.runs.worker RUN_DIRECTORY [--queued]`.

It holds the run's lock as long as it lives, prepares the corpus, appends the trainer's events to events.jsonl, and
turns whatever goes wrong into a last event that a person can read. It trains itself, for which torch is loaded when the
corpus is ready, or, on several devices, supervises the processes that do. A queued run waits for its device before all
that (`waiting.py`), so whatever that needs is loaded when it is needed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.errors import InputError
from engine.files import remove_leftovers
from engine.model_settings import OwnEncoder
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.runs import events as e
from engine.runs.devices import DeviceLocks, devices_of
from engine.runs.directory import RunDirectory
from engine.runs.failing import exit_code, failure
from engine.runs.full_disk import PatientWriter
from engine.runs.lock import AlreadyHeld, Lock
from engine.runs.machines import Machines
from engine.runs.requests import Inbox, Request
from engine.runs.waiting import go_at_once, wait_for_turn

REPORT_EVERY_SECONDS = 0.1


class StoppedWhilePreparing(Exception):
    """A stop arrived before the first step."""


class Requests:
    """The run's inbox, and SIGTERM and SIGINT as one more way to ask for a stop."""

    def __init__(self, path: Path) -> None:
        self._inbox = Inbox(path)
        self._kept: list[Request] = []
        self._open: dict[str, Request] = {}
        self._signalled = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _on_signal(self, *_: object) -> None:
        self._signalled = True

    def read(self) -> list[Request]:
        """The requests since the last call."""
        requests, self._kept = self._kept + self._inbox.read(), []
        if self._signalled:
            self._signalled = False
            requests.append(Request(request="stop"))
        self._open.update((request.id, request) for request in requests)
        return requests

    def close(self, answer: e.Answered) -> None:
        """A request is answered."""
        self._open.pop(answer.request, None)

    def open(self) -> list[Request]:
        """The requests that nobody has answered yet, those that have only just arrived among them."""
        self._kept = self.read()
        return list(self._open.values())

    def stop_waits(self) -> bool:
        """Whether one of them is a stop; they are kept for `read`."""
        self._kept = self.read()
        return any(request.request == "stop" for request in self._kept)


class Worker:
    """One life of a run: from its lock to its last event."""

    def __init__(self, run: RunDirectory, changes: Sequence[str], machines: Machines, *, queued: bool = False) -> None:
        """changes: what a further life changes in the preset, such as "run.steps=9"; queued: it waits for its device.

        Raises `AlreadyHeld`.
        """
        self.run = run
        self.changes = changes
        self.machines = machines
        self.queued = queued
        self.lock = Lock(run.lock_path)
        self.first_life = not run.events_path.exists()
        for path in (run.last_path, run.best_path, run.info_path, run.preset_path):
            remove_leftovers(path)
        self.requests = Requests(run.requests_path)
        self.writer = PatientWriter(run.events_path, self.requests.stop_waits)
        self._stage, self._reported = "", 0.0

    def work(self) -> int:
        """Trains the run to its end; returns the exit code."""
        self._say(e.Queued(process=os.getpid()))
        try:
            if self.lock.by_heartbeat:
                finding = "this file system has no locks; a heartbeat file says that the run is alive"
                self._say(e.Diagnosis(severity="notice", finding=finding))
            for event in self._events():
                if isinstance(event, e.Failed | e.Finished):
                    self._last_word(event)
                else:
                    self._say(event)
                if isinstance(event, e.Failed):
                    return exit_code(event)
            return 0
        except StoppedWhilePreparing:
            self._last_word(self._stopped())
            return 0
        except BaseException as error:  # a user's own encoder may raise anything; signals are no exceptions here
            if not isinstance(error, InputError):
                traceback.print_exc()  # into console.log, for those who mend it
            failed = failure(error, self.run)
            self._last_word(failed)
            return exit_code(failed)
        finally:
            self.writer.close()

    def _stopped(self) -> e.Finished:
        """The last word of a life without a step: what earlier lives came to stands."""
        state, run = self.run.state(), str(self.run.path)
        best, step = state.best_accuracy, state.best_step
        return e.Finished(step=state.step, reason="stopped", best_accuracy=best, best_step=step, run=run)

    def _say(self, event: e.Event) -> None:
        if isinstance(event, e.Answered):
            self.requests.close(event)
        self.writer.say(event)

    def _last_word(self, event: e.Finished | e.Failed) -> None:
        """Says how the run ended, after an answer to everyone who still waits for one."""
        why = f"the run failed: {event.message}" if isinstance(event, e.Failed) else "the run has ended"
        for request in self.requests.open():
            ended = request.request == "stop"
            message = why if ended else f"{why}; it could not {request.request} any more"
            self._say(e.Answered(step=event.step, request=request.id, ok=ended, message=message))
        self._say(event)

    def _events(self) -> Iterator[e.AnyEvent]:
        """A device first, then the corpus, then torch, then training: here, or in ranks of their own."""
        preset = self._preset()
        yield from self._take_devices(preset)
        from engine.runs.preparing import prepare

        info = self.run.info()
        several = preset.run.devices * self.machines.number > 1
        if preset.run.device not in ("auto", "cpu") and not several:
            self._check_device(preset)
        if isinstance(preset.encoder, OwnEncoder):
            yield from self._check_own_encoder(preset)
        prepared = yield from prepare(info, preset, self._report, self._refitted)
        if several:
            yield from self._train_in_ranks(prepared.preset)
            return
        self._report("loading PyTorch", 0, 0, "")
        from engine.training.life import train

        yield from train(self.run, prepared, self.requests, resumed=not self.first_life)

    def _take_devices(self, preset: Preset) -> Iterator[e.AnyEvent]:
        """Waits for the run's turn if it is queued. The devices are this process's from then on, until it ends."""
        devices = devices_of(preset.run)
        self._locks = DeviceLocks(devices)
        if self.queued:
            yield from wait_for_turn(self.run, devices, self._locks, self._answer_requests)
        else:
            go_at_once(self.run, self._locks)

    def _train_in_ranks(self, preset: Preset) -> Iterator[e.AnyEvent]:
        """The ranks find in the cache what was packed here, so that nothing but the run's folder is passed on."""
        from engine.runs.supervisor import Supervisor

        number, size = preset.run.devices * self.machines.number, preset.segments.batch_size
        if number > size:
            raise InputError(f"{number} devices are more than segments.batch_size = {size}: some would have no segment")
        self._report(f"loading PyTorch in {number} processes", 0, 0, "")
        yield from self.machines.notices(preset.run.devices, str(self.run.path))
        supervisor = Supervisor(self.run, preset.run, self.machines, self.requests.read, self._answer_requests)
        yield from supervisor.events(resumed=not self.first_life)

    def _check_device(self, preset: Preset) -> None:
        """A device that isn't there is told before the corpus is prepared, even if that means to load torch now."""
        from engine.training.device import resolve

        resolve(preset.run)

    def _check_own_encoder(self, preset: Preset) -> Iterator[e.Diagnosis]:
        """Warnings about a user's own encoder. Raises `InputError` for one that can't be trained, or was changed.

        Said before a corpus is packed, which can take hours; by a child, so that a stop ends an encoder that hangs.
        """
        from engine.check_client import check_preset

        self.run.check_encoder()
        self._report("checking the encoder", 0, 0, "")
        report = check_preset(preset, counted=False, while_waiting=self._answer_requests, printed_to=sys.stderr)
        for check in report.warnings():
            finding = f"the encoder fails the check '{check.name}': {check.seen}"
            yield e.Diagnosis(severity="warning", finding=finding, advice=check.cause)

    def _preset(self) -> Preset:
        """The run's preset, with what is changed written into it."""
        preset = self.run.preset()
        if self.changes:
            preset = with_overrides(preset, list(self.changes))
            self.run.write_preset(preset)
        return preset

    def _refitted(self, preset: Preset) -> Iterator[e.Diagnosis]:
        """Ready-made frames can be of another recipe than the preset says: it is written as they are."""
        self.run.write_preset(preset)
        if isinstance(preset.encoder, OwnEncoder):
            yield from self._check_own_encoder(preset)

    def _report(self, stage: str, done: int, total: int, unit: str) -> None:
        """Says how far a stage is, a few times a second, and lets a stop through."""
        now = time.monotonic()
        if stage == self._stage and done < total and now - self._reported < REPORT_EVERY_SECONDS:
            return
        self._stage, self._reported = stage, now
        self._say(e.Preparing(stage=stage, done=done, total=total, unit=unit))
        self._answer_requests()

    def _answer_requests(self) -> None:
        """Answers what has been asked since. Raises `StoppedWhilePreparing`."""
        for request in self.requests.read():
            stops = request.request == "stop"
            message = "stopped before training began" if stops else "training has not begun yet"
            self._say(e.Answered(request=request.id, ok=stops, message=message))
            if stops:
                raise StoppedWhilePreparing


def main() -> int:
    """Runs a worker on the run directory named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.runs.worker", description="trains one run directory")
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=None, help="a new total of steps for a run that goes on")
    parser.add_argument("--devices", type=int, default=None, help="a new number of devices for a run that goes on")
    parser.add_argument("--machines", type=int, default=1, help="how many machines train; this one is the first")
    parser.add_argument("--rendezvous", default="", help="HOST:PORT of this machine, where the others join")
    parser.add_argument("--queued", action="store_true", help="wait until it is the run's turn on its device")
    arguments = parser.parse_args()
    given = {"run.steps": arguments.steps, "run.devices": arguments.devices}
    changes = [f"{key}={value}" for key, value in given.items() if value is not None]
    try:
        machines = Machines(arguments.machines, arguments.rendezvous)
        worker = Worker(RunDirectory(arguments.run), changes, machines, queued=arguments.queued)
    except AlreadyHeld:
        sys.stderr.write("another worker trains this run already\n")
        return 2
    return worker.work()


if __name__ == "__main__":
    sys.exit(main())
