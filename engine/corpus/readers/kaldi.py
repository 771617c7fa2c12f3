"""Kaldi's data directories: wav.scp, utt2spk and, where recordings are cut, segments.

wav.scp may name commands instead of files. They are never run: what they would make is a problem, one a line.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from engine.corpus.corpus import Corpus
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing, writable
from engine.corpus.readers.manifests import (
    BadLine,
    Entry,
    chosen,
    corpus_of,
    filled_lines,
    find,
    naming_bad_lines,
    part_of,
    seconds,
)
from engine.corpus.readers.walking import names_in
from engine.errors import InputError
from engine.preset import Data

PICTURE = """\
<data directory>/, or such folders named train, dev and test
    wav.scp     <recording> <path of a file>
    utt2spk     <utterance> <speaker>
    segments    <utterance> <recording> <start> <end>, if recordings are cut"""

IN_ARCHIVE = re.compile(r":\d+$")
"""What a path ends in when it means a place inside an archive: file.ark:1234."""

TO_THE_END = -1.0  # as the end of a segment


def read(root: Path, data: Data) -> Corpus:
    """Lists a data directory, or those of the parts below the folder.

    Relative paths are looked for in the data directory, in the folder above it, and in the one above that, which is
    where Kaldi's recipes run. Raises `InputError` when a file is missing or nothing can be used.
    """
    root = root if root.is_dir() else root.parent
    listing = Listing(LAYOUT.name, root)
    folders = [root] if _is_data_directory(root) else chosen(_parts_below(root), root, PICTURE)
    return corpus_of(listing, [entry for folder in folders for entry in _entries(folder, listing)], PICTURE)


def recognises(path: Path) -> bool:
    """A folder with a wav.scp, or with folders of parts that have one; or a wav.scp itself."""
    if path.is_dir():
        return _is_data_directory(path) or bool(_parts_below(path))
    return path.name == "wav.scp"


def _is_data_directory(folder: Path) -> bool:
    return os.path.isfile(folder / "wav.scp")


def _parts_below(root: Path) -> list[Path]:
    names = [name for name in names_in(root) if part_of(name) and writable(name)]
    return [root / name for name in names if _is_data_directory(root / name)]


def _entries(folder: Path, listing: Listing) -> list[Entry]:
    for name in ("wav.scp", "utt2spk"):
        if not os.path.isfile(folder / name):
            raise InputError(f"{folder}: has no file {name}. It should be\n{PICTURE}")
    recordings = _recordings(folder, listing)
    speakers = _table(folder / "utt2spk", listing)
    utterances = _utterances(folder, listing, recordings)
    entries = []
    for identifier, (recording, start, end) in utterances.items():
        path = recordings[recording]
        if identifier not in speakers:
            listing.problem("no speaker", identifier, "has no line in utt2spk")
        elif path is not None:
            entries.append(
                Entry(
                    speaker=speakers[identifier],
                    path=path,
                    recording=recording,
                    identifier=identifier,
                    part=part_of(folder.name),
                    start=start,
                    end=end,
                )
            )
    for identifier in speakers:
        if identifier not in utterances:
            listing.problem("no recording", identifier, "is in utt2spk, and no recording is listed for it")
    return entries


def _table(path: Path, listing: Listing) -> dict[str, str]:
    """The first word of each line and the rest of it; the first line counts where a word comes again."""
    table: dict[str, str] = {}
    for where, line in filled_lines(path, listing):
        with naming_bad_lines(listing, where):
            name, *rest = line.split(maxsplit=1)
            if not rest:
                raise BadLine(f"has nothing behind '{name[:40]}'")
            if name in table:
                raise BadLine(f"lists '{name[:40]}' again; the first line counts")
            table[name] = rest[0]
    return table


def _recordings(folder: Path, listing: Listing) -> dict[str, Path | None]:
    """The file of each recording; none where it isn't one, which is told here."""
    bases = (folder, folder.parent, folder.parent.parent)
    found: dict[str, Path | None] = {}
    for name, source in _table(folder / "wav.scp", listing).items():
        found[name] = None
        if source.endswith("|") or source.startswith("|"):
            detail = "is made by a command, which is never run; write the audio to a file first"
            listing.problem("piped command", name, detail)
        elif IN_ARCHIVE.search(source):
            listing.problem("archive", name, "lies inside an archive; write the audio to a file of its own first")
        else:
            found[name] = find(source, bases)
    return found


def _utterances(
    folder: Path, listing: Listing, recordings: dict[str, Path | None]
) -> dict[str, tuple[str, float, float | None]]:
    """Recording, start and end, in seconds, of each utterance; without segments each recording is one."""
    if not os.path.isfile(folder / "segments"):
        return {name: (name, 0.0, None) for name in recordings}
    found: dict[str, tuple[str, float, float | None]] = {}
    for where, line in filled_lines(folder / "segments", listing):
        with naming_bad_lines(listing, where):
            identifier, segment = _segment(line)
            if segment[0] not in recordings:
                raise BadLine(f"names the recording '{segment[0][:40]}', which wav.scp doesn't have")
            if identifier in found:
                raise BadLine(f"lists '{identifier[:40]}' again; the first line counts")
            found[identifier] = segment
    return found


def _segment(line: str) -> tuple[str, tuple[str, float, float | None]]:
    fields = line.split()
    if len(fields) == 5:
        raise BadLine("names a channel, and channels aren't told apart here; write each to a file of its own")
    if len(fields) != 4:
        raise BadLine(f"has {len(fields)} fields instead of 4: utterance, recording, start, end")
    identifier, recording, start, end = fields
    last = seconds(end)
    return identifier, (recording, seconds(start), None if last == TO_THE_END else last)


LAYOUT = Layout(name="kaldi", picture=PICTURE, recognises=recognises, read=read)
