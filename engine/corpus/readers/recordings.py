"""For corpora whose speakers' folders lie in one place or several (dev and test, two encodings): one file a recording.

Names begin at the speaker's folder (`id10001/abc/00001.wav`), so that a corpus has the same ids, and so the same split
and the same packed form, from whichever folder above it is named.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TypeAlias

from engine.corpus.corpus import OTHER_COPIES
from engine.corpus.decoding import ENDINGS, is_audio
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.walking import files_below, folders_and_files

Recording: TypeAlias = tuple[str, os.DirEntry[str]]
"""A file's path from the speaker's folder on, and the file."""


def speakers_folders(
    places: list[Path], speaker: re.Pattern[str], listing: Listing
) -> dict[str, list[os.DirEntry[str]]]:
    """The folders in `places` whose names match, by name, sorted; a speaker has several where several places hold one.

    All else in those places is ignored.
    """
    found: dict[str, list[os.DirEntry[str]]] = defaultdict(list)
    for place in places:
        for folder in folders_and_files(place, listing)[0]:
            if speaker.fullmatch(folder.name):
                found[folder.name].append(folder)
    return dict(sorted(found.items()))


def recordings_of(folders: list[os.DirEntry[str]], listing: Listing) -> dict[str, Recording]:
    """One speaker's recordings by their names without endings.

    Of a recording that is there in two encodings or in two places one file is taken, if possible one that needs no
    PyAV, and the listing gets a remark.
    """
    found: dict[str, Recording] = {}
    others = 0
    for folder in folders:
        for identifier, entry in files_below(folder, listing):
            if not is_audio(entry.name):
                continue
            name = name_of(identifier)
            others += name in found
            if name not in found or _is_easier(identifier, found[name][0]):
                found[name] = (identifier, entry)
    if others:
        has = f"has {len(found)} recordings in {len(found) + others} files, in other encodings or folders"
        listing.problem(OTHER_COPIES, folders[0].name, f"{has}; one file of each is used")
    return found


def name_of(identifier: str) -> str:
    """A recording's name whatever it is encoded in."""
    return os.path.splitext(identifier)[0]


def session_of(identifier: str) -> str:
    """The folders between the speaker and the file."""
    return identifier.rpartition("/")[0].partition("/")[2]


def _is_easier(identifier: str, other: str) -> bool:
    """Whether libsndfile decodes the first and not the second."""
    return identifier.lower().endswith(ENDINGS) and not other.lower().endswith(ENDINGS)
