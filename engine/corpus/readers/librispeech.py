"""LibriSpeech and Mini LibriSpeech: subsets with a folder a speaker, in it a folder a chapter, in it recordings.

The chapters are the sessions. No part of LibriSpeech is an official split that speakers are told by: those of
dev-clean and test-clean are in no other subset. (Panayotov et al., "LibriSpeech: an ASR corpus based on public domain
audio books", ICASSP 2015.)
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.corpus.corpus import Corpus
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.recordings import recordings_of, session_of, speakers_folders
from engine.corpus.readers.walking import looks_like, names_in
from engine.preset import Data

PICTURE = """\
LibriSpeech/
    train-clean-100/
        <speaker>/
            <chapter>/<speaker>-<chapter>-<utterance>.flac"""

NUMBER = re.compile(r"[0-9]+")  # a speaker, and in it a chapter
UTTERANCE = re.compile(r"[0-9]+-[0-9]+-[0-9]+\.[a-z0-9]{3,4}", re.IGNORECASE)
SUBSET = re.compile(r"(?:train|dev|test)-(?:clean|other)(?:-[0-9]+)?")
TOP = "LibriSpeech"  # the folder that every archive unpacks to
SPEAKERS_FILE = "SPEAKERS.TXT"  # where it lies, folders beside it may have any name


def recognises(root: Path) -> bool:
    """Whether subsets lie here or in a folder LibriSpeech below, or this is a subset itself."""
    return bool(_subsets(root))


def read(root: Path, data: Data) -> Corpus:
    """Lists `<speaker>/<chapter>/<utterance>` of all subsets; the speakers are named by their numbers."""
    listing = Listing(LAYOUT.name, root)
    for speaker, folders in speakers_folders(_subsets(root) or [root], NUMBER, listing).items():
        for identifier, entry in recordings_of(folders, listing).values():
            listing.add_audio(identifier, speaker, entry, session=session_of(identifier))
    return listing.corpus()


def _subsets(root: Path) -> list[Path]:
    """The folders that hold speakers' folders; none where nothing lies as in LibriSpeech."""
    if _is_subset(root):
        return [root]
    for folder in (root, root / TOP):
        names = names_in(folder)
        subsets = [folder / name for name in names if SPEAKERS_FILE in names or SUBSET.fullmatch(name)]
        if found := [subset for subset in subsets if _is_subset(subset)]:
            return found
    return []


def _is_subset(folder: Path) -> bool:
    return looks_like(folder, NUMBER, NUMBER, UTTERANCE)


LAYOUT = Layout(name="librispeech", picture=PICTURE, recognises=recognises, read=read)
