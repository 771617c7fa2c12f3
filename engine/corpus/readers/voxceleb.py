"""VoxCeleb1 and VoxCeleb2 as people have them: a folder a speaker (id10001), in it a folder a video, in it recordings.

The videos are the sessions. `iden_split.txt`, where it lies beside the speakers' folders or above them, gives
VoxCeleb1's official split for identification (Nagrani, Chung and Zisserman, "VoxCeleb: a large-scale speaker
identification dataset", Interspeech 2017). Lists of trials (veri_test.txt) are for verification and aren't read here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from engine.corpus.corpus import Corpus, Part
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.manifests import filled_lines
from engine.corpus.readers.recordings import recordings_of, session_of, speakers_folders
from engine.corpus.readers.walking import looks_like, names_in
from engine.preset import Data

PICTURE = """\
<corpus>/                          VoxCeleb
    iden_split.txt                 if there is one
    wav/ or dev/wav/ or dev/aac/
        id10001/
            <video>/00001.wav"""

SPEAKER = re.compile(r"id[0-9]{5}")
VIDEO = re.compile(r"[\w-]+")
UTTERANCE = re.compile(r"[0-9]{5}\.[a-z0-9]{3,4}", re.IGNORECASE)
ABOVE_SPEAKERS = re.compile(
    r"(?:vox|voxceleb[12]?|vox[12]|dev|test|wav|aac|m4a|flac|audio)(?:[_-](?:dev|test|wav|aac|m4a|flac|audio))*",
    re.IGNORECASE,
)
DEEPEST = 3  # folders from the one that is named to the speakers': voxceleb1/dev/wav

SPLIT_FILE = "iden_split.txt"
SPLIT_LINE = re.compile(r"([123])\s+(id[0-9]{5}/[\w-]+/[\w-]+)\.\w+", re.ASCII)
PARTS: dict[str, Part] = {"1": "train", "2": "validation", "3": "test"}
SHOWN = 60  # characters of a line that makes no sense


def recognises(root: Path) -> bool:
    """Whether speakers named id10001 with videos lie here, or in folders such as dev/wav below."""
    return any(looks_like(place, SPEAKER, VIDEO, UTTERANCE) for place in _places(root))


def read(root: Path, data: Data) -> Corpus:
    """Lists `id10001/<video>/<utterance>` from all places where there are speakers' folders, with official parts.

    Utterances that `iden_split.txt` names and that aren't there are problems; those that it doesn't name have no part.
    """
    listing = Listing(LAYOUT.name, root)
    places = _places(root) or [root]
    parts = _read_split(root, places, listing)
    found: set[str] = set()
    for speaker, folders in speakers_folders(places, SPEAKER, listing).items():
        for name, (identifier, entry) in recordings_of(folders, listing).items():
            found.add(name)
            listing.add_audio(identifier, speaker, entry, session=session_of(identifier), part=parts.get(name, ""))
    for name in parts:
        if name not in found:
            listing.problem("missing", name, f"is named in {SPLIT_FILE}, and there is no such recording")
    return listing.corpus()


def _places(folder: Path, depth: int = DEEPEST) -> list[Path]:
    """The folders that hold speakers' folders: this one, or else those below it that are named as VoxCeleb's parts."""
    names = names_in(folder)
    if any(SPEAKER.fullmatch(name) for name in names):
        return [folder]
    if depth == 0:
        return []
    below = [folder / name for name in names if ABOVE_SPEAKERS.fullmatch(name)]
    return [place for inner in below for place in _places(inner, depth - 1)]


def _read_split(root: Path, places: list[Path], listing: Listing) -> dict[str, Part]:
    """The part of each recording, by its name without ending; none when there is no list."""
    near = [folder for place in places for folder in (place, place.parent, place.parent.parent)]
    path = next((folder / SPLIT_FILE for folder in (root, *near) if os.path.isfile(folder / SPLIT_FILE)), None)
    if path is None:
        return {}
    parts: dict[str, Part] = {}
    for where, line in filled_lines(path, listing):
        match = SPLIT_LINE.fullmatch(line)
        if match is None:
            listing.problem("bad line", where, f"{line[:SHOWN]!a} is not of the kind '1 id10001/<video>/00001.wav'")
        elif match[2] in parts:
            listing.problem("listed twice", where, f"names {match[2]} again; the first line counts")
        else:
            parts[match[2]] = PARTS[match[1]]
    return parts


LAYOUT = Layout(name="voxceleb", picture=PICTURE, recognises=recognises, read=read)
