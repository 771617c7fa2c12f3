"""What lists know of runs that are over, kept on disk: a thousand runs are listed without reading their events.

It is only a memory: stamps say whether an entry still holds, and a file that is missing, old or garbled costs nothing
but the reading of every run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from engine.files import cache_folder, write_atomically
from spk_tui.tracked_run import Remembered

VERSION = 1
"""Goes up when a figure of the same name means something else."""


def load(runs: Path) -> dict[str, Remembered]:
    """What is remembered of the runs of that folder, by run; nothing when that can't be read."""
    try:
        return msgspec.json.decode(_file(runs).read_bytes(), type=dict[str, Remembered])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def store(runs: Path, remembered: dict[str, Remembered]) -> None:
    """Replaces what is remembered; where there is no room or no right to write, it isn't."""
    path = _file(runs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.encode(remembered))
    except OSError:
        pass  # the next list takes longer, that is all


def _file(runs: Path) -> Path:
    name = hashlib.sha256(str(runs.resolve()).encode()).hexdigest()[:16]
    return cache_folder() / "lists" / f"{name}-v{VERSION}.json"
