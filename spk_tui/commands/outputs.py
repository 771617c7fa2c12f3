"""Where a command writes what it was asked for, looked at before anything is computed."""

from __future__ import annotations

from pathlib import Path


def place_for(out: Path, ending: str) -> Path:
    """The file's absolute path. Raises `InputError` for another ending, or where there is no folder for it."""
    from engine.errors import InputError
    from engine.files import user_path

    place = user_path(out).absolute()
    if place.suffix != ending:
        raise InputError(f"--out {out}: give it the ending {ending}, which says what is written")
    if not place.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {place.parent}")
    if place.is_dir():
        raise InputError(f"--out {out}: is a folder; name the file")
    return place
