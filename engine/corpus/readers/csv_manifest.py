"""CSV manifests: a header, and a line for each utterance with at least the path of a recording and a speaker.

Several files named by parts (train.csv, dev.csv, test.csv) make one corpus.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from engine.corpus.corpus import Corpus, Part
from engine.corpus.readers.delimited import Header, headers, rows
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing
from engine.corpus.readers.manifests import (
    PARTS,
    BadLine,
    Entry,
    chosen,
    corpus_of,
    demand_content,
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
<corpus>/manifest.csv, a header and a line for each utterance, as
    path,speaker
    alice/1.wav,alice
or with any of these: path,speaker,split,session,start,end,id"""

ENDINGS = (".csv", ".tsv")

COLUMNS = {
    "path": ("path", "file", "filepath", "file_path", "filename", "file_name", "audio_filepath", "audio", "wav"),
    "speaker": ("speaker", "speaker_id", "spk", "spk_id", "label"),
    "split": ("split", "subset", "partition", "part", "set"),
    "session": ("session", "session_id"),
    "start": ("start", "start_time"),
    "end": ("end", "end_time", "stop"),
    "duration": ("duration",),
    "id": ("id", "utterance", "utterance_id", "utt", "utt_id"),
}
"""What a column may be called, in any case; of several in one file the first here counts."""

DEMANDED = ("path", "speaker")


class _Table(Struct, frozen=True):
    """A file's header and where in it each known column is."""

    header: Header
    places: dict[str, int]

    @property
    def is_manifest(self) -> bool:
        return all(column in self.places for column in DEMANDED)


def read(root: Path, data: Data) -> Corpus:
    """Lists what the CSV file says, or those at the top of the folder. Relative paths are relative to their file.

    Raises `InputError` when a column is missing or nothing can be used.
    """
    files = chosen(manifests_in(root, ENDINGS, _is_manifest), root, PICTURE) if root.is_dir() else [root]
    listing = Listing(LAYOUT.name, root)
    return corpus_of(listing, [entry for path in files for entry in _entries(path, listing)], PICTURE)


def recognises(path: Path) -> bool:
    """A folder with such a file at its top, or any file that is one by its name: reading it says what is missing."""
    if path.is_dir():
        return bool(manifests_in(path, ENDINGS, _is_manifest))
    return path.name.lower().endswith(ENDINGS) or _is_manifest(path)


def _is_manifest(path: Path) -> bool:
    return _table(path).is_manifest


def _table(path: Path) -> _Table:
    """The file's header, read with the delimiter that makes most sense of it."""
    first = next(iter(first_lines(path)), "")
    tables = [_Table(header, _places(header)) for header in headers(first)]
    return max(tables, key=lambda table: (len(table.places.keys() & set(DEMANDED)), len(table.header.columns)))


def _places(header: Header) -> dict[str, int]:
    names = [column.lower().replace(" ", "_").replace("-", "_") for column in header.columns]
    known = {column: next((name for name in accepted if name in names), None) for column, accepted in COLUMNS.items()}
    return {column: names.index(name) for column, name in known.items() if name is not None}


def _entries(path: Path, listing: Listing) -> list[Entry]:
    demand_content(path)
    table = _table(path)
    for column in DEMANDED:
        if column not in table.places:
            found = ", ".join(repr(name[:40]) for name in table.header.columns[:10] if name) or "a blank first line"
            raise InputError(
                f"{path}: has no column for the {column}; known names: {', '.join(COLUMNS[column])} (found: {found})."
                f" It should be\n{PICTURE}"
            )
    entries = []
    for where, fields in rows(path, table.header, listing, table.places.values()):
        with naming_bad_lines(listing, where):
            row = {column: fields[place] for column, place in table.places.items()}
            entries.append(_entry(row, path))
    return entries


def _entry(row: dict[str, str], manifest: Path) -> Entry:
    for column in DEMANDED:
        if not row[column]:
            raise BadLine(f"has no {column}")
    start, end = _stretch(row)
    return Entry(
        speaker=row["speaker"],
        path=manifest.parent / row["path"],
        recording=recording_name(row["path"], manifest.parent),
        identifier=row.get("id", ""),
        session=row.get("session", ""),
        part=_part(row["split"]) if "split" in row else part_of(manifest.stem),
        start=start,
        end=end,
    )


def _stretch(row: dict[str, str]) -> tuple[float, float | None]:
    """From where to where, in seconds; a duration counts where there is a start and no end."""
    start = seconds(row["start"]) if row.get("start") else 0.0
    if row.get("end"):
        return start, seconds(row["end"])
    if row.get("start") and row.get("duration"):
        return start, start + seconds(row["duration"])
    return start, None


def _part(text: str) -> Part:
    part = part_of(text)
    if text and not part:
        raise BadLine(f"'{text[:40]}' is no split; known: {', '.join(PARTS)}")
    return part


LAYOUT = Layout(name="csv", picture=PICTURE, recognises=recognises, read=read)
