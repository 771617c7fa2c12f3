"""Ending a worker by force, for when asking is of no use: by SIGTERM, which means stop and save, or at once.

A process number alone says little: it may be another machine's, or have been given to somebody else since. So a worker
is only touched when it is seen to hold the run's own lock file open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from engine.errors import InputError
from engine.runs import client
from engine.runs.directory import RunDirectory

SECONDS_TO_DIE = 10.0


def stop_somehow(run: RunDirectory) -> None:
    """Asks a run to stop and save: by a request, or by a signal where none can be written. Raises `InputError`."""
    try:
        client.ask(run, "stop")
    except InputError:
        if not run.alive:
            raise
        ask_by_signal(run)


def ask_by_signal(run: RunDirectory) -> None:
    """Tells the worker to stop and save where no request can be written, as on a full disk. Raises `InputError`."""
    with _in_words(run):
        worker_process(run).terminate()


def end_now(run: RunDirectory) -> None:
    """Ends the worker and its ranks at once; whatever is not saved is lost. Returns when they are gone.

    Raises `InputError` when the worker can't be told from other processes, or is not ours to end.
    """
    worker, left = worker_process(run), []
    with _in_words(run):
        family = [worker, *worker.children(recursive=True)]
        for process in family:  # the worker first: ranks whose worker is gone would only report each other's deaths
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _, left = psutil.wait_procs(family, timeout=SECONDS_TO_DIE)
        left = [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    if left:
        raise InputError(f"{run.id}: its worker (process {worker.pid}) does not end; the system holds it in a call")


def worker_process(run: RunDirectory) -> psutil.Process:
    """The living process that holds the run's lock. Raises `InputError` when it isn't found on this machine."""
    if not run.alive:
        raise InputError(f"{run.id} has no worker any more")
    queued = run.state().queued
    number = queued.process if queued is not None else 0
    try:
        process = psutil.Process(number)
        lock = str(run.lock_path.resolve())
        if number and any(opened.path == lock for opened in process.open_files()):
            return process
    except psutil.Error:
        pass  # gone, or another user's: in either case none that we may touch
    raise InputError(
        f"{run.id}: its worker (process {number}) is not found on this machine, or is another user's; end it where it"
        " runs"
    )


@contextmanager
def _in_words(run: RunDirectory) -> Iterator[None]:
    """What the system refuses, as an `InputError`; a process that is gone already is what was wanted."""
    try:
        yield
    except psutil.AccessDenied as error:
        raise InputError(f"{run.id}: its worker (process {error.pid}) is another user's") from None
    except psutil.NoSuchProcess:
        return
