"""Public speech by name: fetched, checked, unpacked, and then a folder that a reader understands.

The order of the steps, the room they need and who may do them at a time are decided here. The table of corpora is
`catalogue.py`, the transfer `fetching.py` (loaded when something is fetched), what comes out of an archive
`unpacking.py`.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path, PurePosixPath

from engine.corpus.building import build_once, wait_for_lock
from engine.corpus.catalogue import Archive, PublicCorpus, catalogue, find_entry
from engine.corpus.reporting import Report, amount, silently, unhurried
from engine.corpus.unpacking import ArchiveRefused, unpack
from engine.errors import InputError
from engine.files import cache_folder, corpora_folder

__all__ = ["archives_folder", "catalogue", "corpus_folder", "download", "find_entry", "is_downloaded"]

UNPACKED_SHARE = 1.5  # of an archive's bytes, taken for its content until it is unpacked: FLAC and WAV hardly shrink
ELSEWHERE = "about"  # the folder for what lies outside the speakers' folders: transcripts, licence, readme


def corpus_folder(name: str, to: Path | None = None) -> Path:
    """Where the corpus of that name lies or is going to lie: a folder of `to` (default: see `corpora_folder`)."""
    return (to or corpora_folder()) / find_entry(name).name


def archives_folder(name: str) -> Path:
    """Where the archives of the corpus of that name are kept, for as long as they are needed."""
    return cache_folder() / "downloads" / find_entry(name).name


def is_downloaded(name: str, to: Path | None = None) -> bool:
    """Whether the corpus is there, and whole. A file system that can't be read has none."""
    return _is_there(corpus_folder(name, to))


def download(name: str, to: Path | None = None, report: Report = silently, keep_archive: bool = False) -> Path:
    """Gets a public corpus unless it is there; returns its folder, for `open_corpus` or --data.

    Archives are kept below the cache until the corpus is complete, and longer with `keep_archive`. If `report` raises,
    the work stops; a transfer that was under way goes on from there the next time. Raises `InputError` for an unknown
    name, for a corpus that needs an account (saying how to get it), and for whatever keeps it from being fetched.
    """
    entry = find_entry(name)
    if not entry.archives:
        raise InputError(f"{entry.name} can't be downloaded without an account. {entry.by_hand}")
    folder, report = corpus_folder(name, to), unhurried(report)
    if _is_there(folder):
        return folder
    archives = archives_folder(name)
    try:
        archives.mkdir(parents=True, exist_ok=True)
        lock = wait_for_lock(archives.with_name(f"{archives.name}.lock"), report)
    except OSError as error:
        raise InputError(
            f"{archives}: can't write the cache ({error.strerror or error}); make room there, or set SPK_TUI_CACHE to"
            " another folder"
        ) from None
    try:
        built = build_once(
            folder, _is_there, partial(_get, entry, archives, report), report,
            place="the corpus", setting="--to or SPK_TUI_DOWNLOADS",
        )  # fmt: skip
        if built and not keep_archive:
            for archive in entry.archives:
                (archives / archive.name).unlink(missing_ok=True)
    finally:
        lock.release()
    return folder


def _is_there(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _get(corpus: PublicCorpus, archives: Path, report: Report, folder: Path) -> None:
    """All archives first, then their contents: what has been fetched is kept when a later one fails."""
    from engine.corpus.fetching import fetch, remember_checksum

    later = corpus.size
    for archive in corpus.archives:
        later -= archive.size
        fetch(archive, archives, partial(_make_sure, corpus, archives, folder, later), report)
    _make_sure(corpus, archives, folder, 0, 0)
    for archive in corpus.archives:
        path = archives / archive.name
        try:
            unpack(path, folder, report, partial(_place, archive))
            if not any(entry.is_dir() and entry.name != ELSEWHERE for entry in folder.iterdir()):
                within = f" '{archive.speakers}' with speakers" if archive.speakers else ""
                raise ArchiveRefused(f"{archive.name} is refused, nothing of it is kept: it has no folder{within}")
        except ArchiveRefused:
            path.unlink(missing_ok=True)
            raise
        remember_checksum(archive, archives)


def _place(archive: Archive, name: PurePosixPath) -> PurePosixPath:
    """As it is; or the speakers' folders to the top, and all else below one folder beside them."""
    if not archive.speakers:
        return name
    if archive.speakers in name.parts[:-1]:
        return PurePosixPath(*name.parts[name.parts.index(archive.speakers) + 1 :])
    return ELSEWHERE / name


def _make_sure(entry: PublicCorpus, archives: Path, folder: Path, later: int, missing: int) -> None:
    """Raises `InputError` unless `missing` bytes now, `later` ones of other archives, and all contents have room."""
    to_come = missing + later
    unpacked = round(UNPACKED_SHARE * entry.size)
    if archives.stat().st_dev == folder.stat().st_dev:
        wanted = [(folder, to_come + unpacked, "set SPK_TUI_CACHE and --to to folders")]
    else:
        wanted = [(archives, to_come, "set SPK_TUI_CACHE to a folder"), (folder, unpacked, "choose with --to a folder")]
    for place, needed, remedy in wanted:
        free = shutil.disk_usage(place).free
        if needed > free:
            raise InputError(
                f"{place.parent}: {entry.name} needs about {amount(needed)} there ({amount(to_come)} to download,"
                f" {amount(unpacked)} unpacked), and {amount(free)} are free; make room, or {remedy} on another disk"
            )
