"""Walking through folders in a fixed order, whatever lies in them: links in circles, odd names, no permission.

And the quick look that a layout is recognised by, which doesn't walk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from engine.corpus.readers.listing import Listing, writable

TRIED = 3  # folders of each level that a quick look goes into


def names_in(folder: Path) -> list[str]:
    """The names in a folder, sorted, without hidden ones; none when it can't be read or is no folder."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []


def looks_like(folder: Path, *names: re.Pattern[str]) -> bool:
    """Whether the folder holds a name like the first pattern, that one a name like the second, and so on.

    Only the first few matching names of each level are looked into, so that this is quick in the greatest corpus.
    """
    matching = [name for name in names_in(folder) if names[0].fullmatch(name)]
    if len(names) == 1:
        return bool(matching)
    return any(looks_like(folder / name, *names[1:]) for name in matching[:TRIED])


def folders_and_files(folder: Path, listing: Listing) -> tuple[list[os.DirEntry[str]], list[os.DirEntry[str]]]:
    """The folders and the files directly in a folder, each sorted by name, without hidden ones."""
    entries = _entries(folder, "", listing)
    return [entry for entry in entries if is_folder(entry)], [entry for entry in entries if not is_folder(entry)]


def files_below(folder: os.DirEntry[str], listing: Listing) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files below a speaker's folder, depth first, sorted in each folder, with their paths from that folder's name.

    Links to folders are followed, each real folder at most once, so that a link back up ends there. What can't be
    looked at becomes a problem of the listing.
    """
    above = [path.stat() for path in (listing.root, Path(folder.path).parent)]
    yield from _files(Path(folder.path), folder.name, {(status.st_dev, status.st_ino) for status in above}, listing)


def _files(
    folder: Path, identifier: str, seen: set[tuple[int, int]], listing: Listing
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        status = folder.stat()
    except OSError as error:
        listing.problem("unreadable", identifier, error.strerror or str(error))
        return
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    for entry in _entries(folder, identifier, listing):
        below = f"{identifier}/{entry.name}"
        if is_folder(entry):
            yield from _files(Path(entry.path), below, seen, listing)
        else:
            yield below, entry


def _entries(folder: Path, identifier: str, listing: Listing) -> list[os.DirEntry[str]]:
    """What a folder holds, sorted, without what is hidden and without names that can't be written down."""
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        listing.problem("unreadable", identifier or str(folder), error.strerror or str(error))
        return []
    kept = []
    for entry in sorted(visible, key=lambda entry: entry.name):
        if writable(entry.name):
            kept.append(entry)
        else:  # it would fit in no JSON and no event
            listing.problem("unreadable", f"{identifier}/{entry.name!a}", "has a name that is not UTF-8")
    return kept


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether the entry is a folder or a link to one; a link to itself is neither folder nor error."""
    try:
        return entry.is_dir()
    except OSError:
        return False
