"""Whatever an archive says, only plain files come out of it, and only where they may lie."""

from __future__ import annotations

import errno
import gzip
import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.corpus import unpacking
from engine.corpus.reporting import silently
from engine.corpus.unpacking import ArchiveRefused, unpack
from engine.errors import InputError
from tests.archive_server import tar_of, tar_with, zip_of

FILES = {"a/1.wav": b"one", "a/deep/2.wav": b"two" * 1000, "ä/3.wav": b""}


def put(folder: Path, content: bytes, name: str = "speech.tar.gz") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside" / "inside"
    folder.mkdir(parents=True)
    return folder


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


# ---------------------------------------------------------------------------------------------------------- what is in


@pytest.mark.parametrize(("pack", "name"), [(tar_of, "speech.tar.gz"), (tar_of, "speech.tgz"), (zip_of, "speech.zip")])
def test_all_files_come_out_and_progress_ends_with_the_whole(
    pack: object, name: str, tmp_path: Path, inside: Path
) -> None:
    heard: list[tuple[str, int, int, str]] = []
    archive = put(tmp_path, pack(FILES), name)  # type: ignore[operator]
    assert unpack(archive, inside, lambda *progress: heard.append(progress)) == 3
    assert tree(inside) == FILES
    assert heard[0] == (f"unpacking {name}", 0, 1, "MB")
    assert heard[-1] == (f"unpacking {name}", 1, 1, "MB")


def test_a_file_is_placed_elsewhere_or_left_out(tmp_path: Path, inside: Path) -> None:
    def place(name: PurePosixPath) -> PurePosixPath | None:
        return None if name.name == "1.wav" else PurePosixPath("new", name.name)

    assert unpack(put(tmp_path, tar_of(FILES)), inside, silently, place) == 2
    assert tree(inside) == {"new/2.wav": FILES["a/deep/2.wav"], "new/3.wav": b""}


def test_a_file_in_a_folder_that_the_archive_does_not_allow_to_read_can_be_read(tmp_path: Path, inside: Path) -> None:
    locked = member("locked", tarfile.DIRTYPE)
    locked.mode = 0
    file = member("locked/1.wav")
    file.mode = stat.S_ISUID
    unpack(put(tmp_path, tar_with(locked, file)), inside, silently)
    written = (inside / "locked" / "1.wav").stat().st_mode
    assert written & 0o400
    assert not written & stat.S_ISUID


def test_the_names_of_a_real_corpus_pass(tmp_path: Path, inside: Path) -> None:
    names = ["./", "./LibriSpeech/19/198/19-198-0000.flac", "WAVE//SPEAKER0001/.DS_Store", "speaker info (v2).txt"]
    assert unpack(put(tmp_path, tar_with(*map(member, names[1:]))), inside, silently) == 4
    assert {"LibriSpeech/19/198/19-198-0000.flac", "WAVE/SPEAKER0001/.DS_Store"} <= set(tree(inside))


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../escaped", "leads out of the folder"),
        ("a/../../escaped", "leads out of the folder"),
        ("/tmp/escaped", "has an absolute path"),
        ("..\\escaped", "a backslash or a control character"),
        ("a\nb", "a backslash or a control character"),
        ("a/" * 31 + "b", "an overlong name"),
        ("x" * 256, "an overlong name"),
        ("/".join("x" * 200 for _ in range(6)), "an overlong name"),
        ("a\udcff", "not UTF-8"),
    ],
)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_a_name_that_no_corpus_has_is_refused(
    name: str, reason: str, kind: bytes, tmp_path: Path, inside: Path
) -> None:
    with pytest.raises(ArchiveRefused, match=reason) as caught:
        unpack(put(tmp_path, tar_with(member(name, kind))), inside, silently)
    assert ascii(name[:100])[1:-1] in str(caught.value)
    assert set(tree(inside)) <= {"noise.bin"}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (member("link", tarfile.SYMTYPE, "/etc/passwd"), "symbolic link to '/etc/passwd'"),
        (member("link", tarfile.SYMTYPE, "noise.bin"), "symbolic link to 'noise.bin'"),
        (member("link", tarfile.LNKTYPE, "noise.bin"), "hard link to 'noise.bin'"),
        (member("device", tarfile.CHRTYPE), "a device"),
        (member("device", tarfile.BLKTYPE), "a device"),
        (member("pipe", tarfile.FIFOTYPE), "a pipe"),
    ],
)  # fmt: skip
def test_what_is_no_plain_file_is_refused(made: tarfile.TarInfo, reason: str, tmp_path: Path, inside: Path) -> None:
    with pytest.raises(ArchiveRefused, match=reason):
        unpack(put(tmp_path, tar_with(made)), inside, silently)
    assert set(tree(inside)) == {"noise.bin"}


@pytest.mark.parametrize(("mode", "reason"), [(stat.S_IFLNK, "a symbolic link"), (stat.S_IFCHR, "a device")])
def test_a_zip_with_what_is_no_plain_file_is_refused(mode: int, reason: str, tmp_path: Path, inside: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("thing")
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveRefused, match=reason):
        unpack(put(tmp_path, packed.getvalue(), "speech.zip"), inside, silently)
    assert tree(inside) == {}


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a\\b"])
def test_a_zip_with_a_name_that_no_corpus_has_is_refused(name: str, tmp_path: Path, inside: Path) -> None:
    with pytest.raises(ArchiveRefused, match=r"speech\.zip is refused"):
        unpack(put(tmp_path, zip_of({name: b"x"}), "speech.zip"), inside, silently)
    assert tree(inside.parent) == {}


def test_a_zip_whose_names_are_in_no_stated_encoding_is_refused(tmp_path: Path, inside: Path) -> None:
    content = zip_of({"xx.wav": b"x"}).replace(b"xx.wav", b"\xe4\xff.wav")
    with pytest.raises(ArchiveRefused, match="not UTF-8"):
        unpack(put(tmp_path, content, "speech.zip"), inside, silently)


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_an_archive_with_far_more_content_than_bytes_is_refused_before_it_fills_the_disk(
    kind: str, tmp_path: Path, inside: Path
) -> None:
    if kind == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros.wav", bytes(1 << 24))
        content = packed.getvalue()
    else:
        content = tar_of({"zeros.wav": bytes(1 << 24)})
    with pytest.raises(ArchiveRefused, match="more than 20 times the archive's own size"):
        unpack(put(tmp_path, content, f"speech.{kind}"), inside, silently)
    assert tree(inside) == {}


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path, inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 10)
    with pytest.raises(ArchiveRefused, match="more than 10 members"):
        unpack(put(tmp_path, tar_with(*(member(f"{number}.wav") for number in range(20)))), inside, silently)


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path, inside: Path) -> None:
    long_name = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=1 << 40)
    content = gzip.compress(long_name.tobuf(tarfile.GNU_FORMAT) + random.Random(0).randbytes(4096))
    with pytest.raises(ArchiveRefused, match=r"a header of 1099\.5 GB"):
        unpack(put(tmp_path, content), inside, silently)


def test_a_name_that_is_a_file_and_a_folder_is_refused(tmp_path: Path, inside: Path) -> None:
    with pytest.raises(ArchiveRefused, match="can't be written"):
        unpack(put(tmp_path, tar_with(member("a"), member("a/b"))), inside, silently)


# ------------------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("name", ["speech.tar.gz", "speech.zip"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_an_archive_that_ends_too_early_is_damaged(name: str, share: float, tmp_path: Path, inside: Path) -> None:
    files = {f"{number}.wav": random.Random(number).randbytes(10_000) for number in range(10)}
    content = (zip_of if name.endswith("zip") else tar_of)(files)
    with pytest.raises(ArchiveRefused, match=f"{name} is damaged"):
        unpack(put(tmp_path, content[: int(share * len(content))], name), inside, silently)


@settings(deadline=None, max_examples=60)
@given(place=st.integers(0, 20_000), octet=st.integers(1, 255), kind=st.sampled_from(["tar.gz", "zip"]))
def test_a_flipped_byte_is_noticed_or_harmless(place: int, octet: int, kind: str) -> None:
    files = {f"{number}.wav": random.Random(number).randbytes(2000) for number in range(10)}
    content = bytearray((zip_of if kind == "zip" else tar_of)(files))
    content[place % len(content)] ^= octet
    with TemporaryDirectory() as name:
        inside = Path(name) / "inside"
        inside.mkdir()
        try:
            unpack(put(Path(name), bytes(content), f"speech.{kind}"), inside, silently)
        except ArchiveRefused:
            return
        assert set(tree(inside).values()) == set(files.values())  # a name may have changed, no content has


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path, inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    archive = put(tmp_path, tar_of(FILES))
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(InputError, match=r"No space left on device.*make room.*--to") as caught:
        unpack(archive, inside, silently)
    assert not isinstance(caught.value, ArchiveRefused)  # the archive is good


def test_a_report_that_raises_is_not_taken_for_damage(tmp_path: Path, inside: Path) -> None:
    def stop(*_: object) -> None:
        raise ValueError("cancelled")

    with pytest.raises(ValueError, match=r"^cancelled$"):
        unpack(put(tmp_path, tar_of(FILES)), inside, stop)


# ------------------------------------------------------------------------------------------------------------- property

PARTS = st.one_of(
    st.sampled_from(["..", ".", "", "a", "~", "escaped", "C:", "\\", "a\0b", "*", "con"]),
    st.text(max_size=5),
    st.binary(max_size=4).map(lambda octets: octets.decode(errors="surrogateescape")),
)
NAMES = st.builds(
    lambda start, parts, end: start + "/".join(parts) + end,
    st.sampled_from(["", "/", "//", "./", "../", "OUTSIDE/"]),
    st.lists(PARTS, max_size=5),
    st.sampled_from(["", "/"]),
)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])


def nothing_lands_outside(root: Path, content: bytes, archive_name: str) -> None:
    inside = root / "outside" / "inside"
    inside.mkdir(parents=True)
    (root / "outside" / "escaped").write_bytes(b"was here before")
    archive = put(root, content, archive_name)
    try:
        unpack(archive, inside, silently)
    except ArchiveRefused:
        pass
    assert {path.name for path in root.iterdir()} == {"outside", archive_name}
    assert {path.name for path in (root / "outside").iterdir()} == {"inside", "escaped"}
    assert (root / "outside" / "escaped").read_bytes() == b"was here before"
    assert not any(path.is_symlink() or path.is_fifo() for path in inside.rglob("*"))
    assert all(path.stat().st_nlink == 1 for path in inside.rglob("*") if path.is_file())


@settings(deadline=None, max_examples=150)
@given(
    members=st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=4),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_nothing_of_a_tar_lands_outside_whatever_its_names(members: list[tuple[str, bytes, str]], form: int) -> None:
    with TemporaryDirectory() as name:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", format=form, errors="surrogateescape") as tar:
            for path, kind, target in members:
                path, target = (text.replace("OUTSIDE", f"{name}/outside") for text in (path, target))
                try:
                    tar.addfile(member(path, kind, target))
                except ValueError:
                    pass  # a name that this format can't hold
        nothing_lands_outside(Path(name), packed.getvalue(), "speech.tar.gz")


@settings(deadline=None, max_examples=100)
@given(names=st.lists(NAMES, max_size=4))
def test_nothing_of_a_zip_lands_outside_whatever_its_names(names: list[str]) -> None:
    with TemporaryDirectory() as name:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in dict.fromkeys(names):
                try:
                    archive.writestr(zipfile.ZipInfo(path.replace("OUTSIDE", f"{name}/outside") or "empty"), b"x")
                except (ValueError, IndexError):
                    pass  # a name that zip can't hold
        nothing_lands_outside(Path(name), packed.getvalue(), "speech.zip")
