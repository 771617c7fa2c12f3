"""A file that is held by a living process and free when it is dead, however it died.

flock gives just that. Where a file system doesn't support it (some FUSE mounts), a heartbeat serves: the holder touches
the file every few seconds, and a file not touched for a while is free.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from pathlib import Path
from typing import IO

HEARTBEAT_SECONDS = 5.0
HEARTBEAT_DEAD_AFTER = 30.0
UNSUPPORTED = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL, errno.ENOSYS}
"""What the operating system says where a file system has no locks."""


class AlreadyHeld(Exception):
    """Another living process holds the lock."""


class Lock:
    """Holds `path` from construction until `release` or the process's end. Raises `AlreadyHeld`."""

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self.path = path
        self.by_heartbeat = False
        self._released = threading.Event()
        path.touch(exist_ok=True)
        self._file: IO[bytes] = path.open("rb+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            self._file.close()
            raise AlreadyHeld(str(path)) from None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            self._beat(wait)

    def release(self) -> None:
        """Gives the lock back."""
        self._released.set()
        if self.by_heartbeat:
            _beat_path(self.path).unlink(missing_ok=True)
        self._file.close()

    def _beat(self, wait: bool) -> None:
        while _beats(self.path):
            if not wait:
                raise AlreadyHeld(str(self.path))
            time.sleep(HEARTBEAT_SECONDS)
        self.by_heartbeat = True
        _beat_path(self.path).touch()
        threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True).start()

    def _keep_beating(self) -> None:
        while not self._released.wait(HEARTBEAT_SECONDS):
            os.utime(_beat_path(self.path))


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. Never creates the file and never blocks."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    return _beats(path)


def _beat_path(path: Path) -> Path:
    return path.with_suffix(".heartbeat")


def _beats(path: Path) -> bool:
    try:
        return time.time() - _beat_path(path).stat().st_mtime < HEARTBEAT_DEAD_AFTER
    except FileNotFoundError:
        return False
