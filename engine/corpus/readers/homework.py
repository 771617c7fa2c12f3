"""The layout of the homework, which is that of yistLin/dvector: ready-made log-mel frames, and JSON that lists them.

`metadata.json` alone decides what is trained on. `mapping.json` numbers the speakers; ours are numbered by name, so it
is only compared. `testdata.json` lists utterances whose speakers aren't told; they are only looked for.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from engine.corpus.corpus import LENGTH_DIFFERS, MAPPING_DIFFERS, TEST_DATA, Corpus
from engine.corpus.decoding import is_audio
from engine.corpus.readers.layout import Layout
from engine.corpus.readers.listing import Listing, writable
from engine.corpus.readers.walking import names_in
from engine.errors import InputError, shown
from engine.preset import Data

PICTURE = """\
<corpus>/
    metadata.json        {"n_mels": 40, "speakers": {"id00464": [{"feature_path": "uttr-1.pt", "mel_len": 435}]}}
    mapping.json         {"speaker2id": {"id00464": 0}, "id2speaker": {"0": "id00464"}}
    testdata.json        {"n_mels": 40, "utterances": [{"feature_path": "uttr-2.pt", "mel_len": 490}]}
    uttr-1.pt            a float tensor of (frames, mel bands), as torch.save writes it"""

METADATA, MAPPING, TEST = "metadata.json", "mapping.json", "testdata.json"
FRAMES = re.compile(r"uttr-.*\.pt", re.DOTALL)
LISTS = (".csv", ".tsv", ".scp", ".json", ".jsonl")
PEEK = 1 << 16  # bytes of a metadata.json in which its speakers begin
NEWLINE = b"\n"
MOST_FRAMES = 10_000_000  # of an utterance: more than a day of them

MelBands = Annotated[int, Meta(ge=1, le=512)]
Files: TypeAlias = dict[str, os.stat_result]
"""Regular files directly in the corpus's folder, by name."""
T = TypeVar("T")


class _Entry(Struct, frozen=True):
    """An utterance."""

    feature_path: Annotated[str, Meta(min_length=1)]
    mel_len: Annotated[int, Meta(ge=1)]  # frames


class _Metadata(Struct, frozen=True):
    """metadata.json; what is inside the speakers is decoded one by one, so that one bad entry spoils no other."""

    n_mels: MelBands
    speakers: dict[str, msgspec.Raw]


class _Mapping(Struct, frozen=True):
    """mapping.json; the numbers run from 0, and as keys they are text."""

    speaker2id: dict[str, int]
    id2speaker: dict[str, str]


class _TestData(Struct, frozen=True):
    """testdata.json."""

    n_mels: MelBands
    utterances: list[_Entry]


_entries = msgspec.json.Decoder(list[msgspec.Raw])
_entry = msgspec.json.Decoder(_Entry)
_NOT_AS_EXPECTED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def recognises(path: Path) -> bool:
    """Whether a folder is meant for one of this layout, also where its metadata.json is broken or missing.

    That is so with speakers in a metadata.json or a mapping.json beside it, with uttr-*.pt, and with a metadata.json
    where nothing lies that another layout reads. The layout's JSON files are recognised by the folder they lie in.
    """
    if not path.is_dir():
        return path.name in (METADATA, MAPPING, TEST) and recognises(path.parent)
    names = names_in(path)
    if any(map(FRAMES.fullmatch, names)):
        return True
    if METADATA not in names:
        return False
    if os.path.isfile(path / MAPPING):
        return True
    beginning = _beginning(path / METADATA)
    if re.search(rb'"speakers"\s*:\s*\{', beginning):
        return True
    is_manifest = b'"audio_filepath"' in beginning  # NeMo's, whatever it is called
    return not is_manifest and not any(_may_be_read_otherwise(path / name) for name in names)


def _beginning(path: Path) -> bytes:
    """The first bytes of a file; none when it can't be read."""
    if not os.path.isfile(path):  # reading a pipe might never end
        return b""
    try:
        with path.open("rb") as file:
            return file.read(PEEK)
    except OSError:
        return b""


def _may_be_read_otherwise(path: Path) -> bool:
    """Whether it is something that other layouts are made of: a folder, a recording or a list."""
    if path.name in (METADATA, MAPPING, TEST):
        return False
    return os.path.isdir(path) or is_audio(path.name) or path.suffix.lower() in LISTS


def read(root: Path, data: Data) -> Corpus:
    """Lists the entries of metadata.json, sorted by speaker. Raises `InputError` when that file can't be understood."""
    if not root.is_dir():
        raise InputError(f"{root}: is a file; give the folder that it lies in, {root.parent}")
    listing = Listing(LAYOUT.name, root)
    metadata = _decode(root / METADATA, _Metadata)
    files = _files(root, listing)
    for speaker, entries in sorted(metadata.speakers.items()):
        for where, entry in _entries_of(speaker, entries, listing):
            if _stays_inside(entry.feature_path):
                path, status = root / entry.feature_path, files.get(entry.feature_path)
                frames = entry.mel_len if entry.mel_len <= MOST_FRAMES else None
                if listing.add(entry.feature_path, speaker, path, status, frames=frames) and frames is None:
                    listing.problem(LENGTH_DIFFERS, entry.feature_path, f"has a mel_len beyond {MOST_FRAMES:,} frames")
            else:
                listing.problem("outside", where, f"feature_path '{entry.feature_path}' leads out of the folder")
    _compare_mapping(root / MAPPING, set(metadata.speakers), listing)
    tested = _look_at_test_data(root / TEST, metadata.n_mels, files, listing)
    _remark_unlisted(files.keys() - {utterance.id for utterance in listing.utterances} - tested, listing)
    return listing.corpus(metadata.n_mels)


class Untold(NamedTuple):
    """What testdata.json lists, in its order: the utterances' paths, and the mel bands of their frames."""

    paths: list[str]
    mel_bands: int


def read_test_data(root: Path) -> Untold:
    """The utterances whose speakers are to be told. Raises `InputError` when the list can't be understood."""
    test = _decode(root / TEST, _TestData)
    for entry in test.utterances:
        if not (_stays_inside(entry.feature_path) and writable(entry.feature_path)):
            raise InputError(f"{root / TEST}: feature_path '{shown(entry.feature_path)}' leads out of the folder")
    if not test.utterances:
        raise InputError(f"{root / TEST}: lists no utterances")
    return Untold([entry.feature_path for entry in test.utterances], test.n_mels)


def _entries_of(speaker: str, entries: msgspec.Raw, listing: Listing) -> Iterator[tuple[str, _Entry]]:
    """The sound entries of a speaker with where they stand; the others become problems."""
    try:
        listed = _entries.decode(entries)
    except _NOT_AS_EXPECTED as error:
        listing.problem("bad entry", f"{METADATA}: speakers.{speaker}", _reason(error))
        return
    for number, raw in enumerate(listed):
        where = f"{METADATA}: speakers.{speaker}[{number}]"
        try:
            yield where, _entry.decode(raw)
        except _NOT_AS_EXPECTED as error:
            listing.problem("bad entry", where, _reason(error))


def _compare_mapping(path: Path, speakers: set[str], listing: Listing) -> None:
    """Remarks on whom only one of the two files names, and on numbers that mean another speaker the other way round."""
    if not os.path.lexists(path):
        return
    try:
        mapping = _decode(path, _Mapping)
    except InputError as error:
        listing.problem(MAPPING_DIFFERS, MAPPING, str(error))
        return
    for speaker in sorted(speakers ^ mapping.speaker2id.keys()):
        has, lacks = (METADATA, MAPPING) if speaker in speakers else (MAPPING, METADATA)
        listing.problem(MAPPING_DIFFERS, speaker, f"is in {has} and not in {lacks}")
    numbered = {(str(number), speaker) for speaker, number in mapping.speaker2id.items()}
    for number, speaker in sorted(numbered ^ set(mapping.id2speaker.items())):
        listing.problem(MAPPING_DIFFERS, speaker, f"has the number {number} in one half of {MAPPING} only")


def _look_at_test_data(path: Path, mel_bands: int, files: Files, listing: Listing) -> set[str]:
    """Remarks on test data that a model trained here couldn't be used on; returns the paths that they name."""
    if not os.path.lexists(path):
        return set()
    try:
        test = _decode(path, _TestData)
    except InputError as error:
        listing.problem(TEST_DATA, TEST, str(error))
        return set()
    if test.n_mels != mel_bands:
        listing.problem(TEST_DATA, TEST, f"has {test.n_mels} mel bands, {METADATA} has {mel_bands}")
    named = {entry.feature_path for entry in test.utterances}
    for name in sorted(named - files.keys()):
        if not (_stays_inside(name) and os.path.isfile(path.parent / name)):
            listing.problem(TEST_DATA, name, f"is listed in {TEST}, and there is no such file in the folder")
    return named


def _remark_unlisted(names: set[str], listing: Listing) -> None:
    """One problem for all files that nobody asks for: a list that was cut or mixed up shows here."""
    if names:
        first = min(names)
        if len(names) == 1:
            detail = f"one file ends in .pt and stands in no list ('{first}')"
        else:
            detail = f"{len(names):,} files end in .pt and stand in no list (the first is '{first}')"
        listing.problem("not listed", METADATA, detail)


def _files(root: Path, listing: Listing) -> Files:
    """The frames directly in the folder, in one pass: to ask for each by its path takes several times longer."""
    files = {}
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.name.endswith(".pt") and writable(entry.name) and _is_regular(entry):
                    files[entry.name] = entry.stat()
    except OSError as error:
        listing.problem("unreadable", str(root), error.strerror or str(error))
    return files


def _is_regular(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _decode(path: Path, kind: type[T]) -> T:
    """A whole JSON file. Raises `InputError` that names the file, and the line or the key that can't be understood."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is no file that can be read")
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError:
        raise InputError(f"{path.parent}: has no {path.name}; a corpus lies like this\n{PICTURE}") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    try:
        return msgspec.json.decode(content, type=kind)
    except _NOT_AS_EXPECTED as error:
        byte = re.search(r"\(byte (\d+)\)", str(error))
        line = f"line {content.count(NEWLINE, 0, int(byte[1])) + 1}: " if byte else ""
        raise InputError(f"{path}: {line}{_reason(error)}; see docs/corpora.md for how it should be") from None


def _reason(error: Exception) -> str:
    """What is wrong with JSON, in msgspec's words without its punctuation."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    words = re.sub(r" \(byte \d+\)$", "", str(error).replace("`", "'"))
    return words.replace(" - at '$.", " at '").replace(" - at '$'", "")


def _stays_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/")


LAYOUT = Layout(name="homework", picture=PICTURE, recognises=recognises, read=read)
