"""Writing a great file so that the disk works along, and little is left to wait for when it is to be safe.

An operating system keeps what is written in memory for half a minute; a sync at the end then waits for gigabytes.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

BUFFER = 1 << 20  # bytes between two system calls
FLUSH_EVERY = 64 << 20  # bytes


class FlushedFile:
    """A new file that goes to the disk piece by piece while it is written, and wholly when the block ends well."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=BUFFER)
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="flushing")
        self._flush: Future[None] | None = None
        self._flushed = 0  # the place up to which it was asked for

    def __enter__(self) -> FlushedFile:
        return self

    def write(self, content: bytes) -> None:
        """Appends. Raises `OSError`, also for what an earlier call has written."""
        self._file.write(content)
        if self.tell() - self._flushed >= FLUSH_EVERY and (self._flush is None or self._flush.done()):
            if self._flush is not None:
                self._flush.result()
            self._flushed = self.tell()
            self._flush = self._flusher.submit(os.fsync, self._file.fileno())

    def tell(self) -> int:
        """How many bytes it holds."""
        return self._file.tell()

    def cut(self, size: int) -> None:
        """Takes back all but the first `size` bytes."""
        self._file.seek(size)
        self._file.truncate()
        self._flushed = min(self._flushed, size)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._flusher.shutdown()
        with self._file:
            if kind is None:
                if self._flush is not None:
                    self._flush.result()
                self._file.flush()
                os.fsync(self._file.fileno())
