"""What the dashboard remembers by itself from one opening to the next: chosen colours, and that the tour was seen.

It is a file of its own, so that nobody's settings are ever rewritten. Losing it costs a choice, so one that can't be
read or written is no error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from engine.errors import InputError
from engine.files import config_folder, write_atomically


class Choice(Struct, frozen=True):
    """A theme or palette that was chosen, and what the settings said then: once they say something new, they count."""

    chosen: str
    settings: str


class Remembered(Struct, frozen=True):
    """The file's content."""

    theme: Choice | None = None
    palette: Choice | None = None
    tour_seen: bool = False


def remembered_path() -> Path:
    """Where it is kept."""
    return config_folder() / "dashboard.json"


def recall() -> Remembered:
    """What is remembered; nothing where the file is missing or broken."""
    try:
        return msgspec.json.decode(remembered_path().read_bytes(), type=Remembered)
    except (OSError, InputError, msgspec.DecodeError):
        return Remembered()


def remember(**changes: Any) -> None:
    """Changes what is remembered. Blocks on the disk."""
    try:
        path = remembered_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.encode(structs.replace(recall(), **changes)))
    except (OSError, InputError):
        pass  # a folder that can't be written: it counts for this time only


def decided(choice: Choice | None, settings: str) -> str:
    """What counts: the choice, unless the settings were changed after it."""
    return choice.chosen if choice is not None and choice.settings == settings else settings
