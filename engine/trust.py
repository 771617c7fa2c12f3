"""Which files of users' own code may run: those whose very content somebody has said yes to.

The answers are kept by content hash in the configuration folder, so that a changed file is asked about again, and a
file that came with a stranger's preset or run never runs unasked. Nothing here runs code or asks; commands and the
dashboard ask.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.errors import InputError
from engine.files import config_folder, write_atomically
from engine.own_code import OwnCode, code_of
from engine.preset import Preset
from engine.runs.lock import Lock


class Trusted(Struct, frozen=True):
    """One answer: the path that the file had, and when it was given (Unix seconds)."""

    path: str
    time: float


class NotTrusted(InputError):
    """Code would have to run that nobody has said yes to."""


def trust_path() -> Path:
    """Where the answers are kept."""
    return config_folder() / "trusted.json"


def trusted_files() -> dict[str, Trusted]:
    """All answers by content hash. A list that can't be read is none: then it is asked again."""
    try:
        return msgspec.json.decode(trust_path().read_bytes(), type=dict[str, Trusted])
    except (OSError, msgspec.DecodeError):
        return {}


def is_trusted(code: OwnCode) -> bool:
    """Whether this very content may run."""
    return code.sha256 in trusted_files()


def trust(code: OwnCode) -> None:
    """Remembers that this content may run, beside what others say at the same time. Raises `InputError`."""
    try:
        trust_path().parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(trust_path().with_suffix(".lock"), wait=True)
        try:
            answers = {**trusted_files(), code.sha256: Trusted(code.path, time.time())}
            write_atomically(trust_path(), msgspec.json.format(msgspec.json.encode(answers)))
        finally:
            lock.release()
    except OSError as error:
        raise InputError(f"{trust_path()}: can't be written ({error.strerror}), so nothing can be trusted") from None


def require_trust(code: OwnCode) -> None:
    """Lets code pass that may run. Raises `NotTrusted`, which says how it is allowed."""
    if not is_trusted(code):
        raise NotTrusted(
            f"{code.path}: is a program of its own, and nobody has allowed this version of it to run (sha256"
            f" {code.sha256[:12]}); read it, then start it from the dashboard or a terminal, which ask, or say --trust"
        )


def trusted_code_of(preset: Preset) -> OwnCode | None:
    """The file of a preset's encoder, looked at and allowed to run; none for built-in ones. Raises `InputError`."""
    code = code_of(preset)
    if code is not None:
        require_trust(code)
    return code


def question(code: OwnCode) -> str:
    """What a person is asked before the code runs."""
    lines = code.text.count(b"\n") + (not code.text.endswith(b"\n"))
    return (
        f"{code.path} is a program of its own ({lines} lines, sha256 {code.sha256[:12]}). It would run with all your"
        " rights: it can read, change and send whatever you can. Trust it only if you wrote it or have read it; you are"
        " asked again when it changes."
    )
