"""SpeechBrain's CSV files, as its recipes write them: ID, duration, wav, start, stop, spk_id, and maybe others.

`start` and `stop` are samples of the recording, and `duration` is the whole recording's, in seconds, also where the
line is a stretch of it (recipes/VoxCeleb/voxceleb_prepare.py), so the sampling rate comes from the recording's header.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from engine.corpus.corpus import Corpus
from engine.corpus.decoding import UnusableAudio, read_header
from engine.corpus.readers.delimited import Header, headers, rows
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.manifests import (
    BadLine,
    Entry,
    chosen,
    corpus_of,
    find,
    first_lines,
    manifests_in,
    naming_bad_lines,
    part_of,
    recording_name,
    seconds,
)
from engine.errors import InputError
from engine.preset import Data

PICTURE = """\
<SpeechBrain's save folder>/train.csv, with dev.csv and test.csv beside it, as
    ID,duration,wav,start,stop,spk_id
    alice--talk--1,3.0,$data_root/alice/talk/1.wav,0,48000,alice"""

DEMANDED = ("ID", "duration", "wav", "spk_id")

DATA_ROOT = re.compile(r"^(\$\w+|\$\{\w+\}|\{\w+\})/+")
"""What a recipe replaces by the folder of the recordings: $data_root, ${data_root} or {data_root}."""


def read(root: Path, data: Data) -> Corpus:
    """Lists what the CSV file says, or train.csv, dev.csv and test.csv of the folder.

    Relative paths, and those below a data root, are looked for in the folder of the CSV file and the one above it.
    Raises `InputError` when a column is missing or nothing can be used.
    """
    files = chosen(manifests_in(root, (".csv",), _is_manifest), root, PICTURE) if root.is_dir() else [root]
    listing = Listing(LAYOUT.name, root)
    return corpus_of(listing, [entry for path in files for entry in _entries(path, listing)], PICTURE)


def recognises(path: Path) -> bool:
    return bool(manifests_in(path, (".csv",), _is_manifest)) if path.is_dir() else _is_manifest(path)


def _is_manifest(path: Path) -> bool:
    return set(DEMANDED) <= set(_header(path).columns)


def _header(path: Path) -> Header:
    return headers(next(iter(first_lines(path)), ""))[0]  # with the comma, if there is one


def _entries(path: Path, listing: Listing) -> list[Entry]:
    header = _header(path)
    missing = [column for column in DEMANDED if column not in header.columns]
    if missing:
        raise InputError(f"{path}: has no column {', '.join(missing)}. It should be\n{PICTURE}")
    rates = _Rates()
    entries = []
    for where, fields in rows(path, header, listing):
        row = dict(zip(header.columns, fields, strict=True))
        try:
            with naming_bad_lines(listing, where):
                entries.append(_entry(row, path, rates))
        except UnusableAudio as error:
            listing.problem(error.kind, row["ID"], str(error))
    return entries


class _Rates:
    """Sampling rates of recordings, each header read once."""

    def __init__(self) -> None:
        self._known: dict[Path, int] = {}

    def of(self, path: Path) -> int:
        """The recording's own, in hertz. Raises `UnusableAudio`."""
        if path not in self._known:
            self._known[path] = read_header(path).sample_rate
        return self._known[path]

    def usual(self, path: Path) -> int:
        """That of the first recording that was read; recipes write all lines for one rate. Raises `UnusableAudio`."""
        return next(iter(self._known.values())) if self._known else self.of(path)


def _entry(row: dict[str, str], manifest: Path, rates: _Rates) -> Entry:
    for column in ("ID", "wav", "spk_id"):
        if not row[column]:
            raise BadLine(f"has no {column}")
    name = DATA_ROOT.sub("", row["wav"])
    path = find(name, (manifest.parent, manifest.parent.parent))
    start, end = _stretch(row, path, rates)
    return Entry(
        speaker=row["spk_id"],
        path=path,
        recording=recording_name(name, manifest.parent),
        identifier=row["ID"],
        session=_session(row["ID"], row["spk_id"]),
        part=part_of(manifest.stem),
        start=start,
        end=end,
    )


def _stretch(row: dict[str, str], path: Path, rates: _Rates) -> tuple[float, float | None]:
    """From where to where, in seconds. Raises `UnusableAudio` when that takes a header that can't be read.

    A line that says by its duration that it is the whole recording takes no header but the first: there may be hundred
    thousands of them.
    """
    start, stop = _samples(row.get("start", "")), _samples(row.get("stop", ""))
    if (not start and stop is None) or not os.path.isfile(path):  # the listing says that it is missing
        return 0.0, None
    if not start and stop is not None and row["duration"]:
        whole = seconds(row["duration"]) * rates.usual(path)
        if abs(stop - whole) <= 1:  # recipes round down
            return 0.0, None
    rate = rates.of(path)
    return (start or 0) / rate, None if stop is None else stop / rate


def _samples(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise BadLine(f"'{text[:40]}' is no number of samples") from None


def _session(identifier: str, speaker: str) -> str:
    """The video of a VoxCeleb utterance, whose ID is speaker--video--utterance; empty for other IDs."""
    names = identifier.split("--")
    return names[1] if len(names) == 3 and names[0] == speaker else ""


LAYOUT = Layout(name="speechbrain", picture=PICTURE, recognises=recognises, read=read)
