"""Archives from elsewhere, unpacked so that nothing they say can reach outside the given folder.

Only plain files and folders come out, written by us: an archive with a link, a device, a path that leads elsewhere, or
far more content than it has bytes, is refused as a whole. Where its files are to lie, the caller says (`place`).
"""

from __future__ import annotations

import errno
import gzip
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from stat import S_IFMT, S_ISBLK, S_ISCHR, S_ISDIR, S_ISLNK, S_ISREG
from typing import IO, NamedTuple, TypeAlias

from engine.corpus.reporting import Report, amount, megabytes
from engine.errors import InputError

Place: TypeAlias = Callable[[PurePosixPath], "PurePosixPath | None"]
"""Takes a file's path in the archive, tells its path below the folder, or None for a file that isn't wanted."""

MOST_TIMES = 20
"""An archive that holds more than so many times its own bytes is taken for a trap; speech isn't packed that well."""

MOST_MEMBERS = 1_000_000
LONGEST_NAME = 1000  # bytes of a path; below the limits of Linux (4096) and macOS (1024)
LONGEST_PART = 255  # bytes of one name in it, as on nearly all file systems
DEEPEST = 30  # folders
CHUNK = 1 << 20
MOST_PADDING = 1 << 24  # bytes of zeros at the end of a tar archive; usually some thousands
LARGEST_READ = 1 << 24  # tarfile reads a header of any stated length into memory; none of ours is longer

_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, struct.error, EOFError, ValueError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
_MEMBER_AT_FAULT = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)


class ArchiveRefused(InputError):
    """The archive itself is at fault: it is damaged, or holds what no corpus holds."""


class _Member(NamedTuple):
    """A file or folder as the archive states it; `open` is None for a folder. `done` tells how far the archive is."""

    name: str
    size: int
    open: Callable[[], IO[bytes]] | None
    done: int


def as_it_is(name: PurePosixPath) -> PurePosixPath:
    """Places every file where the archive has it."""
    return name


def unpack(archive: Path, folder: Path, report: Report, place: Place = as_it_is) -> int:
    """Writes the files of a .zip, .tar.gz or .tgz below `folder`, which is there; returns how many were written.

    Progress is in megabytes of the archive. Raises `ArchiveRefused`, and `InputError` when the disk is full; what has
    been written by then stays, so `folder` should be one that is thrown away.
    """
    members = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    whole = archive.stat().st_size
    limit, total, number, written = MOST_TIMES * whole, 0, 0, 0
    report(f"unpacking {archive.name}", 0, megabytes(whole), "MB")
    for member in members(archive, folder):
        name = _checked_name(archive, member.name)
        number, total = number + 1, total + member.size
        if total > limit or number > MOST_MEMBERS:
            much = (
                f"{MOST_MEMBERS:,} members" if number > MOST_MEMBERS else f"{MOST_TIMES} times the archive's own size"
            )
            raise _refusal(archive, member.name, f"brings the content to more than {much}")
        placed = place(name) if member.open and name.parts else None
        if placed is not None and member.open is not None:
            try:
                _write(archive, member, folder / placed, report, whole)
            except OSError as error:
                raise _unwritten(archive, member.name, folder, error) from None
            written += 1
    report(f"unpacking {archive.name}", megabytes(whole), megabytes(whole), "MB")
    return written


def _write(archive: Path, member: _Member, target: Path, report: Report, whole: int) -> None:
    assert member.open is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    with _damage_told(archive, member.name):
        source = member.open()
    left = member.size
    with source, target.open("wb") as file:
        while left > 0:
            with _damage_told(archive, member.name):
                block = source.read(min(CHUNK, left))
                if not block:
                    raise EOFError("it ends too early")
            file.write(block)
            left -= len(block)
            report(f"unpacking {archive.name}", megabytes(member.done), megabytes(whole), "MB")


# ------------------------------------------------------------------------------------------------------ two kinds


def _tar_members(archive: Path, folder: Path) -> Iterator[_Member]:
    """Files and folders in the order in which they lie there; each has to be read before the next is asked for."""
    data_filter = getattr(tarfile, "data_filter", None)  # from 3.10.12 and 3.11.4 on; a second opinion, not the first
    with archive.open("rb") as file, gzip.open(file) as unzipped:
        with _damage_told(archive):
            tar = tarfile.TarFile(fileobj=_Bounded(unzipped), encoding="utf-8")  # type: ignore[arg-type]  # it only reads
        while True:
            with _damage_told(archive):
                member = tar.next()
            if member is None:
                break
            tar.members = []  # type: ignore[attr-defined]  # or it keeps them all
            if not (member.isdir() or member.isreg()) or member.issparse():
                raise _refusal(archive, member.name, f"is {_tar_kind(member)}, and a corpus is made of plain files")
            _checked_name(archive, member.name)
            if data_filter is not None:
                with _damage_told(archive, member.name):
                    data_filter(member, str(folder))
            yield _Member(
                member.name, member.size, partial(_open, tar, member) if member.isreg() else None, file.tell()
            )
        with _damage_told(archive):
            _read_padding(unzipped)


def _read_padding(unzipped: gzip.GzipFile) -> None:
    """Reads to the end, for gzip's own checksum; what tarfile takes for the end may be a broken header before it."""
    left = MOST_PADDING
    while block := unzipped.read(CHUNK):
        left -= len(block)
        if left < 0 or block.strip(b"\0"):
            raise tarfile.ReadError("more follows after its end")


def _open(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    source = tar.extractfile(member)
    assert source is not None  # it is a plain file
    return source


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a {'symbolic' if member.issym() else 'hard'} link to {member.linkname!a}"
    if member.ischr() or member.isblk() or member.isfifo():
        return "a pipe" if member.isfifo() else "a device"
    return "a sparse file" if member.issparse() else "of an unknown kind"


class _Bounded:
    """What tarfile needs of a file, with an end to how much it may ask for at once."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self.tell = file.tell
        self.seek = file.seek

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_READ:
            raise tarfile.ReadError(f"a header of {amount(size)}")
        return self._file.read(size)


def _zip_members(archive: Path, folder: Path) -> Iterator[_Member]:
    with archive.open("rb") as file:
        with _damage_told(archive):
            packed = zipfile.ZipFile(file)
        done = 0
        for info in packed.infolist():
            name = info.orig_filename
            kind = S_IFMT(info.external_attr >> 16)
            if kind and not (S_ISREG(kind) or S_ISDIR(kind)):
                link = (
                    "a symbolic link" if S_ISLNK(kind) else "a device" if S_ISCHR(kind) or S_ISBLK(kind) else "no file"
                )
                raise _refusal(archive, name, f"is {link}, and a corpus is made of plain files")
            if info.flag_bits & 0x1:
                raise _refusal(archive, name, "is encrypted")
            if not name.isascii() and not info.flag_bits & 0x800:  # then it is in no stated encoding
                raise _refusal(archive, name, "has a name that is not UTF-8")
            yield _Member(name, info.file_size, None if name.endswith("/") else partial(packed.open, info), done)
            done += info.compress_size


# -------------------------------------------------------------------------------------------------- what is refused


def _checked_name(archive: Path, name: str) -> PurePosixPath:
    """The member's path, relative and without "." and ".."; empty for the archive's own root."""
    try:
        octets = name.encode()
    except UnicodeEncodeError:
        raise _refusal(archive, name, "has a name that is not UTF-8") from None
    if name.startswith("/"):
        raise _refusal(archive, name, "has an absolute path")
    if "\\" in name or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise _refusal(archive, name, "has a name with a backslash or a control character")
    parts = PurePosixPath(name).parts
    if ".." in parts:
        raise _refusal(archive, name, "leads out of the folder")
    if not name or len(octets) > LONGEST_NAME or len(parts) > DEEPEST:
        raise _refusal(archive, name, "has an empty or an overlong name")
    if any(len(part.encode()) > LONGEST_PART for part in parts):
        raise _refusal(archive, name, "has an overlong name")
    return PurePosixPath(*parts)


def _refusal(archive: Path, member: str, reason: str) -> ArchiveRefused:
    shown = f"{member[:100]!a}{' ...' if len(member) > 100 else ''}"
    return ArchiveRefused(f"{archive.name} is refused, nothing of it is kept: its member {shown} {reason}")


def _unwritten(archive: Path, member: str, folder: Path, error: OSError) -> InputError:
    if error.errno in _MEMBER_AT_FAULT:
        return _refusal(archive, member, f"can't be written ({error.strerror})")
    return InputError(
        f"{folder.parent}: can't unpack {archive.name} there ({error.strerror or error}); make room, or choose another"
        " folder with --to"
    )


@contextmanager
def _damage_told(archive: Path, member: str = "") -> Iterator[None]:
    """Turns what the archive's own reader complains of into a message; for its calls alone, not for a report's."""
    try:
        yield
    except _DAMAGE as error:
        where = f" at its member {member[:100]!a}" if member else ""
        reason = str(error) or type(error).__name__
        raise ArchiveRefused(f"{archive.name} is damaged{where} ({reason}); download it again") from None
