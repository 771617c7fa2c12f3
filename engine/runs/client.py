"""Starting a worker, resuming a run, asking things of it and following it, from any other process.

Nothing here loads torch: a dashboard or a command stays light, and the training is a process of its own that outlives
whoever started it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import structs

from engine.errors import InputError
from engine.files import replacing, runs_folder, user_path
from engine.own_code import read_code
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.runs.devices import devices_of
from engine.runs.directory import RunDirectory, RunInfo, create_run, whole_or_gone
from engine.runs.event_log import EventReader
from engine.runs.events import Answered, AnyEvent, Failed, Finished
from engine.runs.machines import ONE_MACHINE, Machines
from engine.runs.queue import Queue
from engine.runs.requests import Ask, Request, append_request
from engine.runs.state import RunState
from engine.trust import trusted_code_of

THREAD_POLICY = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}
"""Threads that wait for each other spin for some microseconds, then sleep. Never spinning makes the small steps of
small encoders a third slower on a quiet machine; spinning as long as GNU's library does by default makes them twenty
times slower on one with anything else to do, for they wait for a thread that isn't running. Other OpenMP libraries
know the first variable alone. A user who has set either is left to it."""

MEMORY_POLICY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
"""GNU's allocator keeps what a step has freed for the next one. By default it hands tensors of some megabytes back to
the kernel, and every step waits for thousands of pages to be zeroed anew: 5 to 15 % of a step of the course's encoders.
Other allocators know neither variable. A user who has set either is left to it."""


def start_run(
    preset: Preset,
    corpus: str,
    parent: Path | None = None,
    machines: Machines = ONE_MACHINE,
    *,
    queued: bool = False,
) -> RunDirectory:
    """Makes a run directory and starts its worker in the background. Raises `InputError`, also for untrusted code.

    `corpus` is "demo" or a path, as given to `engine.corpus.open_corpus`. `machines` says who else trains; their ranks
    are started there by somebody else. `queued`: the worker waits until it is the run's turn on its device.
    """
    code = trusted_code_of(preset)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = parent or runs_folder()
    number = 1
    while (folder / (name := f"{stamp}-{preset.name}" + (f"-{number}" if number > 1 else ""))).exists():
        number += 1
    info = RunInfo(
        id=name,
        preset=preset.name,
        corpus=corpus,
        created=time.time(),
        host=platform.node(),
        command=sys.argv,
    )
    run = create_run(folder, _with_absolute_paths(preset), info, code)
    with whole_or_gone(run):
        launch_worker(run, *machines.arguments(), *(_in_line(run, preset, machines) if queued else []))
    return run


def _in_line(run: RunDirectory, preset: Preset, machines: Machines) -> list[str]:
    """Gives a run its place in the queue, before its worker comes to it; returns what that is told.

    Raises `InputError`.
    """
    if machines.number > 1:
        raise InputError("a run on several machines can't wait in a queue: the others are started by hand")
    Queue(run.path.parent).enter(run.id, devices_of(preset.run))
    return ["--queued"]


def _with_absolute_paths(preset: Preset) -> Preset:
    """The preset with the folders that it names seen from here: a run can be resumed from anywhere."""
    named = {key: folder for key in ("noise", "reverberation") if (folder := getattr(preset.augment, key))}
    found = {key: str(user_path(folder).resolve()) for key, folder in named.items()}
    return structs.replace(preset, augment=structs.replace(preset.augment, **found))


def resume_run(
    run: RunDirectory,
    steps: int | None = None,
    devices: int | None = None,
    machines: Machines = ONE_MACHINE,
    *,
    queued: bool = False,
) -> None:
    """Starts a new worker that goes on from the last checkpoint. Raises `InputError`.

    `steps` is the new total for a run that is already finished, or that should go on for longer; `devices` how many of
    this machine train from now on; `machines` and `queued` as in `start_run`.
    """
    if run.alive:
        raise InputError(f"{run.id} is training already; 'spk-tui attach {run.id}' shows it")
    preset = run.preset()
    state = run.state()
    if steps is None and state.phase == "finished":
        raise InputError(f"{run.id} is finished; say --steps N (more than {preset.run.steps}) to train it further")
    if steps is not None and steps <= state.step:
        raise InputError(f"{run.id} has done {state.step} steps; --steps {steps} would leave nothing to do")
    run.check_encoder()
    trusted_code_of(preset)
    if devices is not None:
        preset = with_overrides(preset, [f"run.devices={devices}"], source="--devices")
    changes = {"--steps": steps, "--devices": devices}
    given = [word for name, value in changes.items() if value is not None for word in (name, str(value))]
    launch_worker(run, *given, *machines.arguments(), *(_in_line(run, preset, machines) if queued else []))


def launch_worker(run: RunDirectory, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts the worker process in a session of its own, so that it survives a closed terminal."""
    with run.console_path.open("ab") as console:
        return subprocess.Popen(
            [sys.executable, "-m", "engine.runs.worker", str(run.path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            env={**os.environ, **process_policies(), "PYTHONUNBUFFERED": "1"},
        )


def process_policies() -> dict[str, str]:
    """What a worker is told of threads and memory, but for a policy of which the user has set any part."""
    policies = (policy for policy in (THREAD_POLICY, MEMORY_POLICY) if not policy.keys() & os.environ)
    return {name: value for policy in policies for name, value in policy.items()}


def ask(run: RunDirectory, what: Ask) -> Request:
    """Appends a request for the run's worker. Raises `InputError` when no worker lives to read it."""
    if not run.alive:
        raise InputError(f"{run.id} is not running, so nobody can {what} it")
    request = Request(request=what, time=time.time())
    try:
        append_request(run.requests_path, request)
    except OSError as error:
        instead = "; to stop and save without a file, end the worker with 'kill'" if what == "stop" else ""
        raise InputError(
            f"{run.requests_path}: can't be written ({error.strerror}), so {run.id} can't be asked to {what}; make room"
            f" and ask again{instead}"
        ) from None
    return request


def ask_and_wait(run: RunDirectory, what: Ask, seconds: float = 60.0) -> Answered:
    """Asks and waits for the answer. Raises `InputError` when the worker ends or is silent for so long."""
    reader = EventReader(run.events_path)
    reader.read()
    request = ask(run, what)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        alive = run.alive
        for event in reader.read():
            if isinstance(event, Answered) and event.request == request.id:
                return event
        if not alive:
            raise InputError(f"{run.id} ended before it could {what}")
        time.sleep(0.05)
    raise InputError(
        f"{run.id} has not answered '{what}' for {seconds:.0f} s; it goes on, see 'spk-tui attach {run.id}'"
    )


def take_out_of_line(queue: Queue, name: str) -> str:
    """Ends the wait of a run and says what came of it. Raises `InputError` for one that doesn't wait.

    The worker of a run that waits takes it out itself and ends; of one whose worker is gone only the entry is left.
    """
    entry = next((entry for entry in queue.read() if entry.run == name), None)
    if entry is None:
        raise InputError(f"{name} is not in the queue ('spk-tui queue' lists it)")
    run = queue.run(entry)
    message = "taken out of the queue"
    if run.alive:
        message = ask_and_wait(run, "stop").message
    elif queue.is_waiting(entry):
        raise InputError(f"{name} is only just starting; try again in a moment")
    queue.leave(name)
    return message


def follow(
    run: RunDirectory,
    interval: float = 0.1,
    reader: EventReader | None = None,
    starting_seconds: float | None = None,
) -> Iterator[AnyEvent | None]:
    """Yields the run's events from the reader's place on as they are written, and None whenever there is no news.

    Ends after the worker's last word, or when the worker is gone without one. `starting_seconds` is how long a worker
    that has just been launched may take to its first word; by default 10 s for a run without any event, else none.
    """
    reader = reader or EventReader(run.events_path)
    if starting_seconds is None:
        starting_seconds = 10.0 if reader.offset == 0 else 0.0
    patience_ends = time.monotonic() + starting_seconds
    while True:
        alive = run.alive or time.monotonic() < patience_ends
        news = reader.read()
        if news:
            patience_ends = 0.0
        yield from news
        if news and isinstance(news[-1], Finished | Failed) and not run.alive:
            return
        if not news:
            if not alive:
                return
            yield None
            time.sleep(interval)


def save_best(run: RunDirectory, destination: Path) -> Path:
    """Copies the best checkpoint to a path (or into a folder); a live run without one validates first.

    The file of a user's own encoder, without which the checkpoint is of no use, is copied beside it.

    Returns the file written. Raises `InputError`.
    """
    if not run.best_path.is_file():
        if not run.alive:
            raise InputError(f"{run.id} has no best checkpoint: {why_no_best(run.state())}")
        answer = ask_and_wait(run, "save", seconds=600.0)
        if not answer.ok:
            raise InputError(answer.message)
        if not run.best_path.is_file():
            raise InputError(f"{run.id} has no best checkpoint yet: {_why_none_yet(run.state())}")
    try:
        destination = _place_to_save(run, destination)
        destination.parent.mkdir(parents=True, exist_ok=True)
        if run.info().encoder_file:
            read_code(run.path / run.info().encoder_file).copy_into(destination.parent)
        with replacing(destination) as temporary:
            shutil.copyfile(run.best_path, temporary)
    except OSError as error:
        raise InputError(f"{destination}: can't save there ({error.strerror})") from None
    return destination


def why_no_best(state: RunState) -> str:
    """Why a run that has ended has no best checkpoint, in words."""
    if state.validated is not None:
        return "no validation had a finite loss"
    return "the run ended before its first validation"


def _why_none_yet(state: RunState) -> str:
    """The same for a run that goes on."""
    return "no validation had a finite loss" if state.validated is not None else "not a single step is done"


def _place_to_save(run: RunDirectory, destination: Path) -> Path:
    """The file to write: in a folder under the run's name, where a link leads; no device, and none of the run's own."""
    place = user_path(destination)
    if place.is_dir():
        place = place / f"{run.id}.safetensors"
    place = place.resolve()
    if place.exists() and not place.is_file():
        raise InputError(f"{destination}: is no file that could be replaced; give the path of a file or a folder")
    if place.is_relative_to(run.path.resolve()):
        raise InputError(f"{destination}: lies in the run's own folder; give a place outside it")
    return place
