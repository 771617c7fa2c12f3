"""Folders in the cache that are either complete or absent, however many processes want one and whenever they die.

What goes into a folder is its builder's business: the demo corpus (`demo.py`), packed frames (`packed.py`) and public
corpora (`download.py`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.files import sync
from engine.runs.lock import AlreadyHeld, Lock

WAIT_SECONDS = 0.2


def build_once(
    folder: Path,
    is_complete: Callable[[Path], bool],
    build: Callable[[Path], None],
    report: Report,
    *,
    place: str = "the cache",
    setting: str = "SPK_TUI_CACHE",
) -> bool:
    """Makes `folder` by calling `build` with a temporary folder that takes its name at the end.

    Returns whether it was built by this call. One process builds, others wait for it and use the result. Whatever
    raises, or kills the process, leaves no folder of that name; remains of a killed builder are removed by the next.
    Raises `InputError` when it can't be written there; `place` says in words where that is, and `setting` what chooses
    another one.
    """
    if is_complete(folder):
        return False
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = wait_for_lock(folder.with_name(f"{folder.name}.lock"), report)
        try:
            if is_complete(folder):
                return False
            _build(folder, build)
        finally:
            lock.release()
    except OSError as error:
        raise InputError(
            f"{folder}: can't write {place} ({error.strerror or error}); make room there, or set {setting} to another"
            " folder"
        ) from None
    return True


def wait_for_lock(path: Path, report: Report) -> Lock:
    """The lock at `path`, as soon as nobody else holds it.

    It asks again and again instead of blocking, so that a report that raises can end the wait.
    """
    while True:
        try:
            return Lock(path)
        except AlreadyHeld:
            report("waiting for another process that prepares the same corpus", 0, 0, "")
            time.sleep(WAIT_SECONDS)


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a builder that was killed
    shutil.rmtree(folder, ignore_errors=True)  # there, but not complete: somebody has tampered with it
    partial.mkdir()
    try:
        build(partial)
        sync(partial)
        partial.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
