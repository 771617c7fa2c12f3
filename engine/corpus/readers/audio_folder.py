"""The layout that anyone can make by hand: a folder a speaker, and anywhere below it the speaker's recordings.

Only names, sizes and times of files are looked at; whether a file really holds audio shows when it is decoded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.readers.layout import Layout

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
UNSUPPORTED_ENDINGS = (".m4a", ".aac", ".wma", ".amr", ".webm", ".sph", ".aif", ".aiff")

PICTURE = """\
<corpus>/
    <speaker>/
        <utterance>.wav
        <any folder>/<utterance>.flac
    <another speaker>/
        <utterance>.ogg"""


def read(root: Path) -> Corpus:
    """Lists `<root>/<speaker>/**/<utterance>` with the endings above in any case, sorted by speaker and path.

    Hidden files and folders are ignored. Folders that are links are followed, each real folder at most once a speaker,
    so that a link back up ends there. The fingerprint covers each file's path, size and time of change.
    """
    utterances: list[Utterance] = []
    problems: list[Problem] = []
    digest = hashlib.blake2b(LAYOUT.name.encode(), digest_size=16)
    for entry in _entries(root, "", problems):
        if not _is_folder(entry):
            if entry.name.lower().endswith(ENDINGS):
                problems.append(Problem("misplaced", entry.name, "lies outside every speaker's folder"))
            continue
        seen = {_identity(root)}
        for identifier, file in _files(Path(entry.path), entry.name, seen, problems):
            if file.name.lower().endswith(UNSUPPORTED_ENDINGS):
                problems.append(Problem("unsupported", identifier, f"is not one of {', '.join(ENDINGS)}; convert it"))
                continue
            if not file.name.lower().endswith(ENDINGS):
                continue
            try:
                status = file.stat()
            except OSError as error:
                problems.append(Problem("unreadable", identifier, error.strerror or str(error)))
                continue
            utterances.append(Utterance(id=identifier, speaker=entry.name, path=Path(file.path)))
            digest.update(f"{identifier}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return Corpus(
        name=root.name,
        layout=LAYOUT.name,
        root=root,
        utterances=utterances,
        problems=problems,
        fingerprint=digest.hexdigest(),
    )


def _files(
    folder: Path, identifier: str, seen: set[tuple[int, int]], problems: list[Problem]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files below a folder with their ids, depth first, sorted in each folder."""
    try:
        identity = _identity(folder)
    except OSError as error:
        problems.append(Problem("unreadable", identifier, error.strerror or str(error)))
        return
    if identity in seen:
        return
    seen.add(identity)
    for entry in _entries(folder, identifier, problems):
        below = f"{identifier}/{entry.name}"
        if _is_folder(entry):
            yield from _files(Path(entry.path), below, seen, problems)
        else:
            yield below, entry


def _entries(folder: Path, identifier: str, problems: list[Problem]) -> list[os.DirEntry[str]]:
    """What a folder holds, sorted, without what is hidden and without names that can't be written down."""
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        problems.append(Problem("unreadable", identifier or str(folder), error.strerror or str(error)))
        return []
    kept = []
    for entry in sorted(visible, key=lambda entry: entry.name):
        try:
            entry.name.encode()
        except UnicodeEncodeError:  # bytes that are not UTF-8; they would fit in no JSON and no event
            problems.append(Problem("unreadable", f"{identifier}/{entry.name!a}", "has a name that is not UTF-8"))
            continue
        kept.append(entry)
    return kept


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


LAYOUT = Layout(name="audio_folder", picture=PICTURE, recognises=os.path.isdir, read=read)
