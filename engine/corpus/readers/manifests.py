"""What readers of manifests share: text files by lines, parts by their names, and entries that become a corpus.

A manifest lists recordings, or stretches of them, wherever they lie. Every line that can't be used becomes a problem
that names file and line, and the rest goes on. What a line means is each reader's own.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from msgspec import Struct

from engine.corpus.corpus import Corpus, Part
from engine.corpus.decoding import LONGEST_SECONDS, why_undecodable
from engine.corpus.readers.listing import Listing, writable
from engine.corpus.readers.walking import names_in
from engine.errors import InputError

FIRST_CHARACTERS = 1 << 16  # of a file, looked at to recognise it
MOST_CANDIDATES = 100  # files of a folder that are looked at; who has more of them keeps something else there
FIRST_PROBLEMS = 3  # shown when nothing in a manifest can be used

MANIFEST_WORDS = frozenset(("manifest", "list", "utterances"))
"""Words in a file's name that make it a manifest, readable or not, as those of `PARTS` do."""

PARTS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("dev", "development", "valid", "validation", "val", "cv"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation"), "test"),
}
"""What the sides of an official split are called in columns, files and folders."""


class BadLine(Exception):
    """A line of a manifest can't be used; the text says why."""


class Entry(Struct, frozen=True):
    """An utterance as a manifest lists it. Without an identifier it gets the recording's name, and its stretch."""

    speaker: str
    path: Path
    recording: str  # the name of the recording: mostly its path as seen from the manifest
    identifier: str = ""
    session: str = ""
    part: Part = ""
    start: float = 0.0  # seconds into the recording
    end: float | None = None  # seconds into the recording; none: to its end

    @property
    def is_stretch(self) -> bool:
        """Whether it is less than the whole recording, as far as the manifest tells."""
        return self.start > 0 or self.end is not None


def first_lines(path: Path) -> list[str]:
    """The first lines of a text file, the last of them maybe cut off; none when it can't be read as a file."""
    try:
        return _read(path, _beginning)
    except InputError:
        return []


def all_lines(path: Path) -> list[str]:
    """The lines of a text file with their ends; bytes that aren't UTF-8 come as lone surrogates (see `writable`).

    Raises `InputError` when it can't be read.
    """
    return _read(path, list)


def demand_content(path: Path) -> None:
    """Raises `InputError` when a text file can't be read, or there is nothing in it."""
    if not any(map(str.strip, _read(path, _beginning))):
        raise InputError(f"{path}: is empty")


def _beginning(file: TextIO) -> list[str]:
    return file.read(FIRST_CHARACTERS).split("\n")


def _read(path: Path, lines_of: Callable[[TextIO], list[str]]) -> list[str]:
    """Lines of a text file. Raises `InputError` when it can't be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe or a device might never end
            raise InputError(f"{path}: is no file that can be read")
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            return lines_of(file)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None


def filled_lines(path: Path, listing: Listing) -> Iterator[tuple[str, str]]:
    """Each line of a text file that isn't blank: where it stands, in words, and the line without space around it."""
    for number, line in enumerate(all_lines(path), start=1):
        where = f"{path.name} line {number}"
        if not writable(line):
            listing.problem("bad line", where, "is not UTF-8")
        elif line.strip():
            yield where, line.strip()


@contextmanager
def naming_bad_lines(listing: Listing, where: str) -> Iterator[None]:
    """What makes a line unusable becomes a problem of the listing."""
    try:
        yield
    except BadLine as error:
        listing.problem("bad line", where, str(error))


def seconds(text: str) -> float:
    """A time in seconds. Raises `BadLine` for what is none, or longer than any recording."""
    try:
        value = float(text)
    except ValueError:
        raise BadLine(f"'{text[:40]}' is no number of seconds") from None
    if not abs(value) < LONGEST_SECONDS:
        raise BadLine(f"{value:g} seconds into a recording is too far; none may be longer than 48 hours")
    return value


def part_of(name: str) -> Part:
    """The part that a file's or folder's name speaks of, as "test" in "voxceleb1_test"; empty when it names none."""
    return next((PARTS[word] for word in _words(name) if word in PARTS), "")


def _words(name: str) -> list[str]:
    return re.split("[^a-z]+", name.lower())


def manifests_in(root: Path, endings: tuple[str, ...], recognises: Callable[[Path], bool]) -> list[Path]:
    """The files at the top of a folder that look like manifests, sorted by name, to be recognised by first lines.

    Raises `InputError` when one that is a manifest by its name can't be read: without it the folder would be taken for
    something else, or a part of the corpus would be missing.
    """
    names = [name for name in names_in(root) if name.lower().endswith(endings) and writable(name)]
    paths = [root / name for name in names[:MOST_CANDIDATES]]
    for path in paths:
        if _is_called_manifest(path.stem) and not os.path.isdir(path):
            _read(path, _beginning)
    return [path for path in paths if recognises(path)]


def _is_called_manifest(name: str) -> bool:
    return bool(part_of(name)) or not MANIFEST_WORDS.isdisjoint(_words(name))


def chosen(found: Sequence[Path], root: Path, picture: str) -> list[Path]:
    """Which of several manifests of a folder are read: all that are named by parts, or the only one.

    A part's plain name wins over longer ones: beside train.csv there may be train_small.csv. Raises `InputError` when
    there is none, or a choice that the names don't make.
    """
    by_part: dict[Part, list[Path]] = defaultdict(list)
    for path in found:
        by_part[part_of(path.stem)].append(path)
    if by_part["train"]:
        return [
            path
            for part in ("train", "validation", "test")
            for path in _plainly_named(by_part[part]) or by_part[part]
        ]  # fmt: skip
    if len(found) == 1:
        return list(found)
    if not found:
        raise InputError(f"{root}: holds nothing that looks like this\n{picture}")
    names = ", ".join(path.name for path in found)
    raise InputError(f"{root}: holds several manifests ({names}); give the path of the one that is meant")


def _plainly_named(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if path.stem.lower() in PARTS]


def find(name: str, folders: Sequence[Path]) -> Path:
    """The path of a file that is named relative to one of some folders: the first in which it is, else the first."""
    paths = [folder / name for folder in folders]
    return next((path for path in paths if os.path.isfile(path)), paths[0])


def recording_name(path: str, folder: Path) -> str:
    """What a recording is called in names of utterances: its path as seen from the manifest's folder.

    An absolute path that leads out of that folder stays absolute.
    """
    relative = os.path.relpath(folder / path, folder)
    outside = relative == os.pardir or relative.startswith(os.pardir + os.sep)
    return os.path.normpath(path) if outside and os.path.isabs(path) else relative


def corpus_of(listing: Listing, entries: Sequence[Entry], picture: str) -> Corpus:
    """Lists the entries and returns the corpus.

    Where recordings are cut into stretches, those of one recording are a session, unless the manifest names others.
    Raises `InputError` with the first problems and a picture of what was expected when nothing can be used.
    """
    stretches = Counter(entry.recording for entry in entries if entry.is_stretch)
    cut = any(number > 1 for number in stretches.values())
    for entry in entries:
        _list_entry(listing, entry, entry.session or (entry.recording if cut else ""))
    if listing.utterances:
        return listing.corpus()
    told = [f"  {problem.where} {problem.detail}" for problem in listing.problems[:FIRST_PROBLEMS]]
    more = len(listing.problems) - FIRST_PROBLEMS
    told += [f"  and {more} more"] if more > 0 else []
    raise InputError("\n".join([f"{listing.root}: lists nothing that can be used", *told, "it should be", picture]))


def _list_entry(listing: Listing, entry: Entry, session: str) -> None:
    identifier = entry.identifier or entry.recording
    if entry.is_stretch and not entry.identifier:
        identifier += f"@{_digits(entry.start)}-{'' if entry.end is None else _digits(entry.end)}"
    reason = why_undecodable(entry.path.name)
    try:
        status = entry.path.stat()
    except (OSError, ValueError):
        status = None  # the listing says why
    if reason:
        listing.problem("unsupported", identifier, reason)
    elif status is not None and not stat.S_ISREG(status.st_mode):
        listing.problem("unreadable", identifier, "is not a file")
    else:
        listing.add(
            identifier,
            entry.speaker,
            entry.path,
            status,
            session=session,
            part=entry.part,
            start=entry.start,
            end=entry.end,
        )


def _digits(value: float) -> str:
    return f"{value:.12g}"  # tells microseconds apart in the longest recording, and hides that 0.1 + 0.2 isn't 0.3
