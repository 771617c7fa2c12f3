"""Writing files so that a reader sees the old content or the new, never half of it; and where our folders lie."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from engine.errors import InputError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What the operating system says when a disk, a user's share of it or the allowed size of a file is used up."""


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yields a temporary path beside `path`; when the block ends well it is synced and takes the name `path`.

    When the block raises, `path` is untouched and the temporary file is gone. A link stays, and the file that it leads
    to is replaced. Others may read the file as the user's umask has it, or as they could before; `private`: nobody may.
    Raises `OSError`, also for a pipe or a device, which would be lost.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    mode = _mode_of(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
    try:
        if mode is not None and not private:
            with suppress(OSError):  # some file systems know no modes
                temporary.chmod(mode)
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _mode_of(path: Path) -> int | None:
    """Who may read and write the file that is there, if one is. Raises `OSError` for what isn't an ordinary file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "a pipe or a device; give an ordinary file")
    return stat.S_IMODE(mode)


def write_atomically(path: Path, content: bytes | str, *, private: bool = False) -> None:
    """Replaces the file's whole content in one step; as `replacing`."""
    data = content.encode() if isinstance(content, str) else content
    with replacing(path, private=private) as temporary:
        temporary.write_bytes(data)


def remove_leftovers(path: Path) -> None:
    """Removes what a process that was killed while replacing `path` left beside it. Nobody else may write it now."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Asks the operating system to put a file (or a folder's list of names) on the disk now. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems refuse to sync a folder, and the rename is still atomic there. But where space is
        # given out late, it is only now that a full disk or a broken one is told.
        if error.errno in NO_ROOM or error.errno == errno.EIO:
            raise
    finally:
        os.close(descriptor)


def user_path(text: str | Path) -> Path:
    """A path as a person typed it, with ~ and ~name expanded. Raises `InputError` for an unknown name."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(f"{text}: there is no user of that name here, so ~ means nothing") from None


def runs_folder() -> Path:
    """Where run directories go: SPK_TUI_RUNS, or the user's data directory."""
    chosen = os.environ.get("SPK_TUI_RUNS")
    return user_path(chosen) if chosen else platformdirs.user_data_path("spk-tui") / "runs"


def cache_folder() -> Path:
    """Where packed corpora, the demo corpus and archives go: SPK_TUI_CACHE, or the user's cache directory."""
    chosen = os.environ.get("SPK_TUI_CACHE")
    return user_path(chosen) if chosen else platformdirs.user_cache_path("spk-tui")


def corpora_folder() -> Path:
    """Where downloaded corpora go, a folder each: SPK_TUI_DOWNLOADS, or the user's data directory."""
    chosen = os.environ.get("SPK_TUI_DOWNLOADS")
    return user_path(chosen) if chosen else platformdirs.user_data_path("spk-tui") / "corpora"


def enrolments_folder() -> Path:
    """Where enrolled voices lie, a file a model: SPK_TUI_ENROLMENTS, or the user's data directory."""
    chosen = os.environ.get("SPK_TUI_ENROLMENTS")
    return user_path(chosen) if chosen else platformdirs.user_data_path("spk-tui") / "enrolments"


def config_folder() -> Path:
    """Where a user's own presets and settings lie: SPK_TUI_CONFIG, or the user's configuration directory."""
    chosen = os.environ.get("SPK_TUI_CONFIG")
    return user_path(chosen) if chosen else platformdirs.user_config_path("spk-tui")
