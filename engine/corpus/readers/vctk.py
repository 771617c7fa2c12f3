"""VCTK: version 0.92, which two microphones recorded, and 0.80 with one; a folder a speaker, in it the recordings.

There are no sessions: each speaker read everything on one occasion. (Yamagishi, Veaux and MacDonald, "CSTR VCTK Corpus:
English Multi-speaker Corpus for CSTR Voice Cloning Toolkit (version 0.92)", University of Edinburgh, 2019.)
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from engine.corpus.corpus import OTHER_MICROPHONE, Corpus
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.recordings import Recording, recordings_of, speakers_folders
from engine.corpus.readers.walking import looks_like, names_in
from engine.preset import Data

PICTURE = """\
VCTK-Corpus-0.92/
    wav48_silence_trimmed/
        p225/
            p225_001_mic1.flac
            p225_001_mic2.flac"""

SPEAKER = re.compile(r"p[0-9]{3}|s5")
UTTERANCE = re.compile(r"(?:p[0-9]{3}|s5)_[0-9]{3}(?:_mic[12])?\.[a-z0-9]{3,4}", re.IGNORECASE)
MICROPHONE = re.compile(r"(.+)_(mic[12])")
TOP = re.compile(r"vctk[\w.-]*", re.IGNORECASE)  # the folder that an archive unpacks to: VCTK-Corpus, VCTK-Corpus-0.92
RECORDINGS = re.compile(r"wav[0-9]+(?:_silence_trimmed)?")  # wav48, and what people call copies at other rates


def recognises(root: Path) -> bool:
    """Whether speakers named p225 with recordings lie here, in wav48_silence_trimmed, or one folder further down."""
    return _place(root) is not None


def read(root: Path, data: Data) -> Corpus:
    """Lists `p225/<utterance>`: each utterance once, by the microphone that `data.microphone` names.

    Where it didn't record an utterance (p280 and p315 have no mic2), the other one's recording is taken.
    """
    listing = Listing(LAYOUT.name, root)
    for speaker, folders in speakers_folders([_place(root) or root], SPEAKER, listing).items():
        elsewhere = 0
        utterances = _by_utterance(recordings_of(folders, listing))
        for by_microphone in utterances:
            taken = data.microphone if data.microphone in by_microphone else min(by_microphone)
            elsewhere += taken not in ("", data.microphone)
            identifier, entry = by_microphone[taken]
            listing.add_audio(identifier, speaker, entry)
        if elsewhere:
            lacking = f"has no {data.microphone} recording of {elsewhere} of its {len(utterances)} utterances"
            listing.problem(OTHER_MICROPHONE, speaker, f"{lacking}; the other microphone's is taken")
    return listing.corpus()


def _by_utterance(recordings: dict[str, Recording]) -> list[dict[str, Recording]]:
    """For each utterance its recordings by microphone, which is empty in version 0.80."""
    found: dict[str, dict[str, Recording]] = defaultdict(dict)
    for name, recording in recordings.items():
        match = MICROPHONE.fullmatch(name)
        utterance, microphone = (match[1], match[2]) if match else (name, "")
        found[utterance][microphone] = recording
    return list(found.values())


def _place(root: Path) -> Path | None:
    """The folder with the speakers' folders: silence-trimmed before untrimmed, the highest rate first."""
    for folder in (root, *(root / name for name in names_in(root) if TOP.fullmatch(name))):
        within = [folder / name for name in reversed(names_in(folder)) if RECORDINGS.fullmatch(name)]
        for place in (*within, folder):
            if looks_like(place, SPEAKER, UTTERANCE):
                return place
    return None


LAYOUT = Layout(name="vctk", picture=PICTURE, recognises=recognises, read=read)
