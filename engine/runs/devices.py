"""The devices of this machine that runs train on: which ones a run takes, and a lock for each, without loading torch.

Whoever trains shares the lock of its device; a queued run begins when it can have it alone for a moment. Locks lie in
the cache folder, so that runs in different folders know of each other. The order of those who wait is `queue.py`'s.
"""

from __future__ import annotations

import fcntl
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from engine.files import cache_folder
from engine.preset import RunSettings
from engine.runs.lock import UNSUPPORTED, AlreadyHeld, Lock


def devices_of(settings: RunSettings) -> tuple[str, ...]:
    """The devices that a run takes here, such as ("cpu",) or ("cuda:0", "cuda:1"), by the machine's own numbers.

    "auto" becomes what `engine.training.device` makes of it. Ranks on a CPU share the one that there is.
    """
    kind, _, number = settings.device.partition(":")
    if kind == "auto":
        metal = sys.platform == "darwin" and platform.machine() == "arm64" and settings.devices == 1
        kind = "cuda" if _visible_cuda() else "mps" if metal else "cpu"
    if kind != "cuda":
        return (kind,)
    visible = dict(enumerate(_visible_cuda()))
    taken = range(settings.devices) if settings.devices > 1 else [int(number or 0)]
    return tuple(f"cuda:{visible.get(place, place)}" for place in taken)


def _visible_cuda() -> list[str]:
    """The NVIDIA devices that a process started here sees, in its order: the machine's number or the device's UUID."""
    from importlib import metadata  # slow to load, and a run on a named CPU never asks

    with suppress(metadata.PackageNotFoundError):
        if metadata.version("torch").endswith("+cpu"):
            return []
    with suppress(Exception):  # a missing driver shows itself in many ways, and all mean that there is no device
        import pynvml

        pynvml.nvmlInit()
        there = [str(index) for index in range(pynvml.nvmlDeviceGetCount())]
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        if chosen is None:
            return there
        visible: list[str] = []
        for name in (part.strip() for part in chosen.split(",")):
            if name not in there and not name.startswith(("GPU-", "MIG-")):
                break  # CUDA, too, sees nothing from the first name on that is none
            visible.append(name)
        return visible
    return []


class DeviceLocks:
    """The locks of some devices of this machine, held in one of two ways until `release` or the process's end.

    Where a file system has no locks, queued runs hold the devices against each other by a heartbeat, and other runs
    are not noticed.
    """

    def __init__(self, devices: Sequence[str]) -> None:
        folder = cache_folder() / "devices"
        names = [f"{platform.node()}-{device.replace(':', '-')}.lock" for device in devices]
        self._paths = [folder / name for name in sorted(names)]  # sorted: two that want the same never wait in a ring
        self._files: list[IO[bytes]] = []
        self._beating: list[Lock] = []

    def share(self) -> None:
        """Marks the devices as trained on, beside whoever else trains there. Raises `OSError`."""
        for path in self._paths:
            self._lock(path, fcntl.LOCK_SH)

    def take(self) -> bool:
        """Marks the devices as trained on if nobody trains on any of them; otherwise holds none and returns False.

        Raises `OSError` where the cache folder can't be written.
        """
        try:
            for path in self._paths:
                if not self._lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    self._beating.append(Lock(path))
        except (BlockingIOError, AlreadyHeld):
            self.release()
            return False
        for file in self._files:
            fcntl.flock(file, fcntl.LOCK_SH)  # so that a run that doesn't queue can be noticed, too
        return True

    def release(self) -> None:
        """Gives the devices back."""
        for lock in self._beating:
            lock.release()
        for file in self._files:
            file.close()
        self._beating, self._files = [], []

    def _lock(self, path: Path, operation: int) -> bool:
        """Locks one file; False where the file system can't. Raises `BlockingIOError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        try:
            fcntl.flock(file, operation)
        except OSError as error:
            file.close()
            if error.errno in UNSUPPORTED:
                return False
            raise
        self._files.append(file)
        return True
