"""The layout that anyone can make by hand: a folder a speaker, and anywhere below it the speaker's recordings.

Only names, sizes and times of files are looked at; whether a file really holds audio shows when it is decoded.
"""

from __future__ import annotations

import os
from pathlib import Path

from engine.corpus.corpus import Corpus
from engine.corpus.decoding import is_audio
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.walking import files_below, folders_and_files
from engine.preset import Data

PICTURE = """\
<corpus>/
    <speaker>/
        <utterance>.wav
        <session>/<utterance>.flac
    <another speaker>/
        <utterance>.ogg"""


def read(root: Path, data: Data) -> Corpus:
    """Lists `<root>/<speaker>/**/<utterance>` with the endings of audio in any case, sorted by speaker and path.

    Folders between a speaker and an utterance name its session. Hidden files and folders are ignored.
    """
    listing = Listing(LAYOUT.name, root)
    folders, files = folders_and_files(root, listing)
    for entry in files:
        if is_audio(entry.name):
            listing.problem("misplaced", entry.name, "lies outside every speaker's folder")
    for folder in folders:
        for identifier, entry in files_below(folder, listing):
            session = identifier.rpartition("/")[0].partition("/")[2]
            listing.add_audio(identifier, folder.name, entry, session=session)
    return listing.corpus()


LAYOUT = Layout(name="audio_folder", picture=PICTURE, recognises=os.path.isdir, read=read)
