"""Whose voices were enrolled with a model: one JSON file for each checkpoint, in the user's data folder.

Embeddings of two models can't be compared, so a file is named by the hash of the checkpoint's content. It holds what
the model heard in each recording, never the recording itself. Loads no torch; who makes embeddings is `enrolling.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from engine.errors import InputError, nearest_spelling
from engine.files import enrolments_folder, remove_leftovers, write_atomically
from engine.runs.lock import Lock
from engine.use.identification import UNKNOWN

LONGEST_NAME = 60


class Voice(Struct, forbid_unknown_fields=True):
    """A recording, by its path or what it is called, and its embedding: (width,)."""

    recording: str
    embedding: list[float]


class Enrolments(Struct, forbid_unknown_fields=True):
    """Who is enrolled with the checkpoint of that hash; `preset` is its name, for people."""

    sha256: str
    preset: str
    format: Literal["spk-tui-enrolments-1"] = "spk-tui-enrolments-1"
    speakers: dict[str, list[Voice]] = field(default_factory=dict)

    def add(self, speaker: str, recordings: Sequence[str], embeddings: Sequence[list[float]]) -> None:
        """One more speaker, or more recordings of one; a recording that was there already is replaced."""
        voices = {voice.recording: voice for voice in self.speakers.get(speaker, [])}
        voices |= {name: Voice(name, embedding) for name, embedding in zip(recordings, embeddings, strict=True)}
        self.speakers[speaker] = list(voices.values())

    def remove(self, speaker: str) -> None:
        """Forgets a speaker. Raises `InputError` for one who isn't there."""
        if speaker not in self.speakers:
            who = nearest_spelling(speaker, self.speakers) if self.speakers else "; nobody is"
            raise InputError(f"'{speaker}' is not enrolled with this model{who}")
        del self.speakers[speaker]


def enrolments_path(sha256: str) -> Path:
    """Where the file for a checkpoint lies."""
    return enrolments_folder() / f"{sha256}.json"


def read_enrolments(sha256: str, preset: str = "") -> Enrolments:
    """Who is enrolled with a checkpoint; nobody where there is no file. Raises `InputError` for a damaged one."""
    path = enrolments_path(sha256)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Enrolments(sha256, preset)
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    return _decoded(path, content)


def all_enrolments() -> list[Enrolments]:
    """Those of every model that somebody is enrolled with, by their presets' names. Raises `InputError`."""
    paths = sorted(enrolments_folder().glob("*.json"))
    return sorted((_decoded(path, path.read_bytes()) for path in paths), key=lambda one: one.preset)


@contextmanager
def changing(sha256: str, preset: str) -> Iterator[Enrolments]:
    """Those of a checkpoint, to be changed by one process at a time; written when the block ends well.

    A file in which nobody is left is removed. Raises `InputError`, also where the folder can't be written.
    """
    path = enrolments_path(sha256)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = Lock(path.parent / "lock", wait=True)
        try:
            remove_leftovers(path)
            enrolments = read_enrolments(sha256, preset)
            yield enrolments
            if enrolments.speakers:
                write_atomically(path, msgspec.json.encode(enrolments), private=True)
            else:
                path.unlink(missing_ok=True)
        finally:
            lock.release()
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror or error})") from None


def speaker_name(name: str) -> str:
    """The name as it is kept, without blanks around it. Raises `InputError` for one that couldn't be shown."""
    stripped = name.strip()
    if not stripped or not stripped.isprintable() or len(stripped) > LONGEST_NAME:
        raise InputError(f"{name!a} is no name; it takes 1 to {LONGEST_NAME} letters that can be printed")
    if stripped.lower() == UNKNOWN:
        raise InputError(f"nobody can be called '{stripped}': that is what strangers are called")
    return stripped


def _decoded(path: Path, content: bytes) -> Enrolments:
    try:
        found = msgspec.json.decode(content, type=Enrolments)
        voices = [voice for voices in found.speakers.values() for voice in voices]
        if len({len(voice.embedding) for voice in voices}) > 1 or not all(map(_is_vector, voices)):
            raise ValueError("embeddings of several sizes, or not finite")
        if found.sha256 != path.stem:
            raise ValueError("it belongs to another model")
    except (ValueError, RecursionError) as error:  # a DecodeError of msgspec is a ValueError
        raise InputError(f"{path}: is damaged ({error}); move it away to begin anew, or mend it") from None
    return found


def _is_vector(voice: Voice) -> bool:
    return bool(voice.embedding) and all(map(isfinite, voice.embedding))
