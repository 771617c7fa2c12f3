"""The worker: the process that trains one run. `python -m engine.runs.worker RUN_DIRECTORY [--steps N]`.

It holds the run's lock as long as it lives, prepares the corpus, appends the trainer's events to events.jsonl, and
turns whatever goes wrong into a last event that a person can read. Torch is loaded only when the corpus is ready.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Generator, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from engine.check_client import check_preset
from engine.corpus.copies import Copy, check_augmentation, pack_copies
from engine.corpus.corpus import Problem
from engine.corpus.packed import PackedCorpus, pack
from engine.corpus.preparing import list_corpus
from engine.corpus.splits import Split, split_of
from engine.errors import InputError
from engine.files import NO_ROOM, remove_leftovers
from engine.model_settings import OwnEncoder
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.runs import events as e
from engine.runs.directory import RunDirectory, RunInfo
from engine.runs.full_disk import PatientWriter
from engine.runs.lock import AlreadyHeld, Lock
from engine.runs.requests import Inbox, Request
from engine.runs.resources import ResourceMeter

if TYPE_CHECKING:
    from engine.training.device import Resolved

NICE_ON_A_CPU = 5
REPORT_EVERY_SECONDS = 0.1


class StoppedWhilePreparing(Exception):
    """A stop arrived before the first step."""


class Requests:
    """The run's inbox, and SIGTERM and SIGINT as one more way to ask for a stop."""

    def __init__(self, path: Path) -> None:
        self._inbox = Inbox(path)
        self._kept: list[Request] = []
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
        return requests

    def stop_waits(self) -> bool:
        """Whether one of them is a stop; they are kept for `read`."""
        self._kept = self.read()
        return any(request.request == "stop" for request in self._kept)


class Worker:
    """One life of a run: from its lock to its last event."""

    def __init__(self, run: RunDirectory, steps: int | None) -> None:
        self.run = run
        self.steps = steps
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
                self._say(event)
                if isinstance(event, e.Failed):
                    return 3
            return 0
        except StoppedWhilePreparing:
            self._say(e.Finished(reason="stopped", best_accuracy=None, best_step=None, run=str(self.run.path)))
            return 0
        except InputError as error:
            self._say(e.Failed(cause="input", message=str(error)))
            return 2
        except BaseException as error:  # a user's own encoder may raise anything; signals are no exceptions here
            traceback.print_exc()  # into console.log, for those who mend it
            blamed = self._blame_own_encoder(error)
            self._say(e.Failed(cause="input" if blamed else "error", message=blamed or _in_words(error)))
            return 2 if blamed else 3
        finally:
            self.writer.close()

    def _say(self, event: e.Event) -> None:
        self.writer.say(event)

    def _events(self) -> Iterator[e.AnyEvent]:
        """Corpus first, then torch, then training."""
        preset = self._preset()
        info = self.run.info()
        if preset.run.device not in ("auto", "cpu"):
            self._check_device(preset)
        if isinstance(preset.encoder, OwnEncoder):
            yield from self._check_own_encoder(preset)
        corpus = list_corpus(info.corpus, self._report, preset.data)
        check_augmentation(corpus, preset.augment)  # what is missing is told before anything is packed
        packed = pack(corpus, preset.features, self._report)
        preset, planned = self._fit(preset, packed), preset
        if preset is not planned and isinstance(preset.encoder, OwnEncoder):
            yield from self._check_own_encoder(preset)
        parts = split_of(packed, preset.validation)
        yield from _notices(packed, parts, info.fingerprint)
        copies = pack_copies(corpus, packed, parts.train, preset.augment, self._report)
        yield from _notices_of_copies(copies)
        self._report("loading PyTorch", 0, 0, "")
        from engine.training.trainer import Trainer

        resolved = yield from self._resolve(preset, info)
        if resolved.device == "cpu":
            os.nice(NICE_ON_A_CPU)
        trainer = Trainer(preset, packed, parts, self.run, resolved, self.requests, copies)
        if not self.first_life:
            trainer.resume()
        self.run.write_info(_completed(info, resolved, packed))
        meter = ResourceMeter(resolved.device)
        for event in trainer:
            yield event
            if meter.due():
                yield meter.read(event.step)

    def _check_device(self, preset: Preset) -> None:
        """A device that isn't there is told before the corpus is prepared, even if that means to load torch now."""
        from engine.training.device import resolve

        resolve(preset.run)

    def _check_own_encoder(self, preset: Preset) -> Iterator[e.Diagnosis]:
        """Warnings about a user's own encoder. Raises `InputError` for one that can't be trained, or was changed.

        Said before a corpus is packed, which can take hours; by a child, so that a stop ends an encoder that hangs.
        """
        self.run.check_encoder()
        self._report("checking the encoder", 0, 0, "")
        report = check_preset(preset, counted=False, while_waiting=self._answer_requests, printed_to=sys.stderr)
        for check in report.warnings():
            finding = f"the encoder fails the check '{check.name}': {check.seen}"
            yield e.Diagnosis(severity="warning", finding=finding, advice=check.cause)

    def _blame_own_encoder(self, error: BaseException) -> str | None:
        """What a user's own encoder did wrong and in which line, when it was that; never when memory ran out."""
        encoder = self.run.preset().encoder
        if not isinstance(encoder, OwnEncoder) or type(error).__name__ == "OutOfMemoryError":
            return None
        from engine.models.own_encoder import blame

        return blame(error, encoder.file)

    def _preset(self) -> Preset:
        """The run's preset, with the new number of steps written into it when one is given."""
        preset = self.run.preset()
        if self.steps is not None:
            preset = with_overrides(preset, [f"run.steps={self.steps}"])
            self.run.write_preset(preset)
        return preset

    def _fit(self, preset: Preset, packed: PackedCorpus) -> Preset:
        """The preset with the frames that the corpus really has; ready-made ones can be of another recipe."""
        if packed.features != preset.features:
            preset = structs.replace(preset, features=packed.features)
            self.run.write_preset(preset)
        return preset

    def _resolve(self, preset: Preset, info: RunInfo) -> Generator[e.AnyEvent, None, Resolved]:
        """Device, precision and threads: those of the run's first life where they are still to be had."""
        from engine.training.device import resolve

        if not info.device:
            return resolve(preset.run)
        before = structs.replace(preset.run, device=info.device, precision=info.precision, threads=info.threads)
        try:
            resolved = resolve(before)
        except InputError as error:
            resolved = resolve(preset.run)
            yield e.Diagnosis(
                severity="warning",
                finding=f"{error}; the run goes on with {resolved.name} ({resolved.precision})",
                advice="its numbers will differ slightly from those of the device it began on",
            )
        if resolved.device == "cpu" and resolved.threads > (os.cpu_count() or 1):
            yield e.Diagnosis(
                severity="warning",
                finding=f"the run began with {resolved.threads} threads and this machine has {os.cpu_count()} cores",
                advice="it keeps its number of threads, so that its numbers stay exact, and will be slower",
            )
        return resolved

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
            message = "stopped before the first step" if stops else "training has not begun yet"
            self._say(e.Answered(request=request.id, ok=stops, message=message))
            if stops:
                raise StoppedWhilePreparing


def _notices(packed: PackedCorpus, split: Split, fingerprint: str) -> Iterator[e.Diagnosis]:
    """What a person should know of the corpus before it is trained on."""
    held_out = f"{len(split.train)} utterances to train on, {len(split.validation)} held out"
    yield e.Diagnosis(severity="notice", finding=f"{held_out}: {split.note}", advice="'spk-tui data' says more")
    left_out = [problem for problem in packed.problems if problem.leaves_out]
    yield from _left_out(left_out, "left out", "'spk-tui data' names them")
    remarks = [problem for problem in packed.problems if not problem.leaves_out]
    if remarks:
        finding = f"worth knowing: {_by_kind(remarks)}"
        yield e.Diagnosis(severity="notice", finding=finding, advice="'spk-tui data' names them")
    if fingerprint and fingerprint != packed.fingerprint:
        yield e.Diagnosis(
            severity="warning",
            finding="the corpus has changed since this run began",
            advice="the run goes on with what is there now; its curve mixes two corpora",
        )


def _notices_of_copies(copies: list[Copy]) -> Iterator[e.Diagnosis]:
    """What changed copies there are, and what they had to leave out."""
    if copies:
        counts = Counter(copy.words for copy in copies)
        words = ", ".join(words if number == 1 else f"{number} x {words}" for words, number in counts.items())
        yield e.Diagnosis(severity="notice", finding=f"trained on beside the corpus, as changed copies: {words}")
    problems = list(dict.fromkeys(problem for copy in copies for problem in copy.packed.problems))
    advice = "utterances that a copy lacks are trained on unchanged instead"
    yield from _left_out(problems, "left out of the changed copies", advice)


def _left_out(problems: list[Problem], what: str, advice: str) -> Iterator[e.Diagnosis]:
    """One warning for all of them, with the first by name."""
    if problems:
        first = problems[0]
        named = f"{first.where}{': ' if first.detail else ''}{first.detail}"
        finding = f"{len(problems)} {what}: {_by_kind(problems)} (the first: {named})"
        yield e.Diagnosis(severity="warning", finding=finding, advice=advice)


def _by_kind(problems: list[Problem]) -> str:
    """Such as "12 silent, 3 short"."""
    counts = Counter(problem.kind for problem in problems)
    return ", ".join(f"{number} {kind}" for kind, number in counts.most_common())


def _completed(info: RunInfo, resolved: Resolved, packed: PackedCorpus) -> RunInfo:
    """run.json with what is known now."""
    packages = ("spk-tui", "torch", "numpy", "safetensors")
    versions = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return structs.replace(
        info,
        versions=versions,
        fingerprint=packed.fingerprint,
        device=resolved.device,
        precision=resolved.precision,
        threads=resolved.threads,
    )


def _in_words(error: BaseException) -> str:
    """What went wrong, for a person; the traceback is in console.log."""
    if type(error).__name__ == "OutOfMemoryError":
        return "the device is out of memory; try a smaller segments.batch_size or segments.frames"
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"no space is left for {error.filename or 'the run directory'}; make room and resume the run"
    return f"{type(error).__name__}: {error} (console.log in the run directory has the details)"


def main() -> int:
    """Runs a worker on the run directory named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.runs.worker", description="trains one run directory")
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=None, help="a new total of steps for a run that goes on")
    arguments = parser.parse_args()
    try:
        worker = Worker(RunDirectory(arguments.run), arguments.steps)
    except AlreadyHeld:
        sys.stderr.write("another worker trains this run already\n")
        return 2
    return worker.work()


if __name__ == "__main__":
    sys.exit(main())
