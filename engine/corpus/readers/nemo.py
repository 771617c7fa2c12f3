"""NeMo's manifests: a JSON object a line, with the path of a recording and its speaker as "label" or "speaker"."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from engine.corpus.corpus import Corpus
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing, writable
from engine.corpus.readers.manifests import (
    BadLine,
    Entry,
    chosen,
    corpus_of,
    filled_lines,
    first_lines,
    manifests_in,
    naming_bad_lines,
    part_of,
    recording_name,
    seconds,
)
from engine.preset import Data

PICTURE = """\
<corpus>/train.json, with dev.json and test.json beside it or alone, a line for each utterance, as
    {"audio_filepath": "alice/1.wav", "offset": 0.0, "duration": 3.2, "label": "alice"}"""

ENDINGS = (".json", ".jsonl")
LOOKED_AT = 5  # lines of a file, of which one must be right for it to be recognised


class _Line(Struct, frozen=True):
    """The fields that matter here; others may stand beside them."""

    audio_filepath: str
    label: str | int | None = None
    speaker: str | int | None = None  # counts before the label, which may be a text's or a command's
    offset: float | None = None  # seconds into the recording
    duration: float | None = None  # seconds; of the stretch when there is an offset, else of the recording


_DECODER = msgspec.json.Decoder(_Line)


def read(root: Path, data: Data) -> Corpus:
    """Lists what the manifest says, or those at the top of the folder. Relative paths are relative to their file.

    Raises `InputError` when nothing can be used.
    """
    files = chosen(manifests_in(root, ENDINGS, _is_manifest), root, PICTURE) if root.is_dir() else [root]
    listing = Listing(LAYOUT.name, root)
    entries = []
    for path in files:
        for where, line in filled_lines(path, listing):
            with naming_bad_lines(listing, where):
                entries.append(_entry(line, path))
    return corpus_of(listing, entries, PICTURE)


def recognises(path: Path) -> bool:
    """A folder with such a file at its top, or any file that is one by its name: reading it says what is wrong."""
    if path.is_dir():
        return bool(manifests_in(path, ENDINGS, _is_manifest))
    return path.name.lower().endswith(ENDINGS) or _is_manifest(path)


def _is_manifest(path: Path) -> bool:
    for line in first_lines(path)[:LOOKED_AT]:
        try:
            _entry(line, path)
        except BadLine:
            continue
        return True
    return False


def _entry(text: str, manifest: Path) -> Entry:
    try:
        line = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise BadLine(f"is not a JSON object of this kind ({error})") from None
    speaker = line.label if line.speaker is None else line.speaker
    if not line.audio_filepath or speaker is None:
        raise BadLine('has no "audio_filepath"' if not line.audio_filepath else 'has no "label" and no "speaker"')
    if not writable(line.audio_filepath) or not writable(str(speaker)):
        raise BadLine("is not UTF-8")
    start, end = _stretch(line)
    return Entry(
        speaker=str(speaker),
        path=manifest.parent / line.audio_filepath,
        recording=recording_name(line.audio_filepath, manifest.parent),
        part=part_of(manifest.stem),
        start=start,
        end=end,
    )


def _stretch(line: _Line) -> tuple[float, float | None]:
    if line.offset is None:
        return 0.0, None
    start = seconds(str(line.offset))
    return start, None if line.duration is None else start + seconds(str(line.duration))


LAYOUT = Layout(name="nemo", picture=PICTURE, recognises=recognises, read=read)
