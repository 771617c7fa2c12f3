"""Getting a corpus by name from a real server on this machine, with everything that servers, networks and disks do."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from engine.corpus import fetching
from engine.corpus.catalogue import CATALOGUE
from engine.corpus.download import archives_folder, catalogue, corpus_folder, download, is_downloaded
from engine.corpus.opening import open_corpus
from engine.errors import InputError
from tests.archive_server import Archive, Server, entry_of, md5, serving, speech, tar_of, zip_of

SPEECH = tar_of(speech("WAVE"))
NAME = "made-speech"


class Stop(Exception):
    """Whoever watches has enough."""


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_DOWNLOADS", str(tmp_path / "corpora"))
    monkeypatch.setattr(fetching, "FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(fetching, "CHUNK", 4096)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def offer(
    server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes = SPEECH, checksum: str | None = None, size: int = 0
) -> None:
    """Puts one corpus with one archive into the catalogue."""
    server.files["made.tar.gz"] = content
    checksum = md5(content) if checksum is None else checksum
    archive = Archive("made.tar.gz", "", size, checksum, speakers="WAVE")
    monkeypatch.setitem(CATALOGUE, NAME, entry_of(server, NAME, archive))


def left(folder: Path) -> set[str]:
    """What lies in a folder, but for lock files."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"} if folder.is_dir() else set()


def refused(match: str) -> InputError:
    with pytest.raises(InputError, match=match) as caught:
        download(NAME)
    assert not is_downloaded(NAME)
    assert left(corpus_folder(NAME).parent) == set()
    assert "\n" not in str(caught.value)
    return caught.value


# ------------------------------------------------------------------------------------------------------ the catalogue


def test_every_entry_tells_what_a_person_needs_to_agree() -> None:
    assert {
        "speechocean762", "mini-librispeech", "librispeech-dev-clean", "librispeech-train-clean-100", "vctk",
        "voxceleb1", "voxceleb2", "homework",
    } == {entry.name for entry in catalogue()}  # fmt: skip
    for entry in catalogue():
        assert entry.licence
        assert entry.page.startswith("https://")
        assert bool(entry.archives) != bool(entry.by_hand)
        for archive in entry.archives:
            assert archive.url.startswith("https://")
            assert archive.name.endswith((".tar.gz", ".zip"))
            assert archive.size > 100_000_000
            assert archive.checksum == "" or len(archive.checksum.removeprefix("md5:")) == 32


@pytest.mark.parametrize(("name", "told"), [("voxceleb1", "mm.kaist.ac.kr"), ("homework", "metadata.json")])
def test_a_corpus_that_needs_an_account_says_how_to_get_it(name: str, told: str) -> None:
    with pytest.raises(InputError, match="can't be downloaded without an account") as caught:
        download(name)
    assert told in str(caught.value)


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(InputError, match="no public corpus is called 'vtck', did you mean 'vctk'"):
        download("vtck")


# ------------------------------------------------------------------------------------------------------- it goes well


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_what_was_downloaded_is_a_corpus(kind: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"made.{kind}"
    server.files[name] = (zip_of if kind == "zip" else tar_of)(speech("WAVE"))
    archive = Archive(name, "", 0, md5(server.files[name]), "WAVE")
    monkeypatch.setitem(CATALOGUE, NAME, entry_of(server, NAME, archive))
    heard: list[tuple[str, int, int, str]] = []
    folder = download(NAME, report=lambda *progress: heard.append(progress))
    corpus = open_corpus(str(folder))
    assert corpus.speakers == ["alice", "bob"]
    assert len(corpus.utterances) == 8
    assert corpus.problems == []
    assert (folder / "about" / "corpus" / "README.txt").read_text() == "made for a test\n"
    assert is_downloaded(NAME)
    assert left(archives_folder(NAME)) == set()  # the archive is deleted
    stages = list(dict.fromkeys(stage for stage, *_ in heard))
    assert stages == [f"checking {name}", f"downloading {name}", f"unpacking {name}"]
    assert (f"downloading {name}", 1, 1, "MB") in heard


def test_two_archives_become_one_corpus_and_are_kept_when_that_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.files = {
        "train.tar.gz": tar_of(speech("train", ("alice",))),
        "dev.tar.gz": tar_of(speech("dev", ("bob", "carol"))),
    }
    archives = (Archive(f"{part}.tar.gz", "", 0, speakers=part) for part in ("train", "dev"))
    monkeypatch.setitem(CATALOGUE, NAME, entry_of(server, NAME, *archives))
    folder = download(NAME, to=tmp_path / "elsewhere", keep_archive=True)
    assert folder == tmp_path / "elsewhere" / NAME
    assert open_corpus(str(folder)).speakers == ["alice", "bob", "carol"]
    assert not is_downloaded(NAME)  # not in the usual place
    assert is_downloaded(NAME, tmp_path / "elsewhere")
    kept = {path.name: path.read_bytes() for path in archives_folder(NAME).glob("*.gz")}
    assert kept == server.files
    download(NAME)
    assert len(server.requests) == 2  # the kept ones have served


@pytest.mark.parametrize(
    ("archives", "layout", "speakers"),
    [
        (
            {
                "train.tar.gz": ["LibriSpeech/SPEAKERS.TXT", "LibriSpeech/train-clean-5/19/198/19-198-0000.flac"],
                "dev.tar.gz": ["LibriSpeech/SPEAKERS.TXT", "LibriSpeech/dev-clean-2/84/121123/84-121123-0000.flac"],
            },
            "librispeech",
            ["19", "84"],
        ),
        (
            {"vctk.zip": [f"wav48_silence_trimmed/{speaker}/{speaker}_001_mic1.flac" for speaker in ("p225", "p226")]},
            "vctk",
            ["p225", "p226"],
        ),
        (
            {"so.tar.gz": [f"speechocean762/WAVE/SPEAKER000{n}/00010011{n}.WAV" for n in (1, 3)]},
            "audio_folder",
            ["SPEAKER0001", "SPEAKER0003"],
        ),
    ],
)
def test_the_layouts_of_the_catalogue_are_understood(
    archives: dict[str, list[str]],
    layout: str,
    speakers: list[str],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, paths in archives.items():
        server.files[name] = (zip_of if name.endswith("zip") else tar_of)(dict.fromkeys(paths, SPEECH))
    made = (Archive(name, "", 0, speakers="WAVE" if layout == "audio_folder" else "") for name in archives)
    monkeypatch.setitem(CATALOGUE, NAME, entry_of(server, NAME, *made))
    corpus = open_corpus(str(download(NAME)))
    assert (corpus.layout, corpus.speakers) == (layout, speakers)


def test_a_corpus_that_is_there_is_not_asked_for_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    first = download(NAME)
    (first / "about" / "mine.txt").touch()
    assert download(NAME) == first
    assert (first / "about" / "mine.txt").exists()
    assert len(server.requests) == 1


# -------------------------------------------------------------------------------------------------------- it is cut off


def test_a_transfer_that_is_cut_off_goes_on_where_it_stopped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    server.cuts = [10_000, 5000]
    download(NAME)
    assert server.requests == ["", "bytes=10000-", "bytes=15000-"]


def test_another_process_goes_on_where_the_first_one_stopped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    server.cuts = [50_000]
    told = str(refused("ends the transfer early; try again later"))
    partial = archives_folder(NAME) / "made.tar.gz.partial"
    assert f"The first 50 kB are kept in {partial}: the same command goes on from there" in told
    assert partial.read_bytes() == SPEECH[:50_000]
    download(NAME)
    assert server.requests == ["", "bytes=50000-"]
    assert is_downloaded(NAME)


def test_without_ranges_it_begins_anew(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    server.ranges = False
    server.cuts = [10_000]
    download(NAME)
    assert server.requests == ["", "bytes=10000-"]
    assert is_downloaded(NAME)


def test_of_a_file_that_has_changed_meanwhile_no_half_is_taken(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tar_of(speech("WAVE", ("alice", "bob", "carol")))
    offer(server, monkeypatch, checksum="")
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    server.cuts = [10_000]
    refused("ends the transfer early")
    server.files["made.tar.gz"] = changed
    assert open_corpus(str(download(NAME))).speakers == ["alice", "bob", "carol"]
    assert server.requests == ["", "bytes=10000-"]


def test_without_an_etag_a_length_that_has_changed_is_noticed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch, checksum="")
    server.validated = False
    server.cuts = [10_000]
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "ATTEMPTS", 1)
        refused("ends the transfer early")
    server.files["made.tar.gz"] = tar_of(speech("WAVE", ("alice", "bob", "carol")))
    assert open_corpus(str(download(NAME))).speakers == ["alice", "bob", "carol"]
    assert server.requests == ["", "bytes=10000-", ""]


def test_a_process_killed_after_the_last_byte_loses_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    server.cuts = [10_000]
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "ATTEMPTS", 1)
        refused("ends the transfer early")
    (archives_folder(NAME) / "made.tar.gz.partial").write_bytes(SPEECH)
    download(NAME)
    assert server.requests == ["", f"bytes={len(SPEECH)}-"]


def test_it_gives_up_when_nothing_more_comes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    server.cuts = [1000] + [0] * 20
    refused(r"ends the transfer early; try again later\. The first 1 kB are kept")
    assert len(server.requests) == fetching.ATTEMPTS
    assert set(server.requests[1:]) == {"bytes=1000-"}


@pytest.mark.parametrize("ranges", [True, False])
def test_attempts_that_bring_something_are_not_counted(
    ranges: bool, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, monkeypatch)
    server.ranges = ranges
    server.cuts = [1000 * number for number in range(1, 9)]
    download(NAME)
    assert len(server.requests) == 9


def test_a_busy_server_is_asked_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    server.statuses = [503, 429]
    heard: list[str] = []
    download(NAME, report=lambda stage, *_: heard.append(stage))
    assert any("can't answer now (503 Service Unavailable), trying again" in stage for stage in heard)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# -------------------------------------------------------------------------------------------------------- it goes wrong


def test_a_server_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Server()
    nobody.url = "http://127.0.0.1:9"
    offer(nobody, monkeypatch)
    refused(r"http://127\.0\.0\.1:9/made\.tar\.gz: 127\.0\.0\.1 can't be reached \(no network, or a proxy is needed\)")


def test_an_archive_that_has_gone_is_told_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    del server.files["made.tar.gz"]
    refused(r"made\.tar\.gz: the server refuses it \(404 Not Found\); it may have moved")
    assert len(server.requests) == 1
    assert left(archives_folder(NAME)) == set()


def test_a_web_page_is_not_taken_for_the_archive(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch, checksum="")
    server.content_type = "text/html; charset=utf-8"
    refused("answers with a web page, not with the archive")
    assert left(archives_folder(NAME)) == set()


def test_a_wrong_checksum_is_refused_and_the_archive_deleted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch, checksum=md5(b"something else"))
    refused(r"what came is not the archive that is meant, and is deleted; its checksum is not the published one \(md5:")
    assert left(archives_folder(NAME)) == set()


def test_without_a_published_checksum_the_first_download_is_trusted_and_later_ones_have_to_agree(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, monkeypatch, checksum="")
    folder = download(NAME)
    memory = archives_folder(NAME) / "made.tar.gz.sha256"
    assert memory.read_text() == f"{hashlib.sha256(SPEECH).hexdigest()}  made.tar.gz\n"
    shutil.rmtree(folder)
    server.files["made.tar.gz"] = tar_of(speech("WAVE", ("mallory", "bob")))
    told = str(refused("its SHA-256 is not that of the first download"))
    assert f"delete {memory} and download again" in told
    assert left(archives_folder(NAME)) == {memory.name}
    memory.unlink()
    assert open_corpus(str(download(NAME))).speakers == ["bob", "mallory"]


def test_what_proves_to_be_no_archive_is_not_trusted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch, content=b"no archive at all" * 1000, checksum="")
    refused("made.tar.gz is damaged")
    assert left(archives_folder(NAME)) == set()


def test_an_archive_without_the_speakers_folder_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch, content=tar_of(speech("elsewhere")))
    refused("made.tar.gz is refused, nothing of it is kept: it has no folder 'WAVE' with speakers")
    assert left(archives_folder(NAME)) == set()


def test_a_dangerous_archive_leaves_nothing(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(server, monkeypatch, content=tar_of({**speech("WAVE"), "../../escaped": b"x"}))
    refused(r"its member '\.\./\.\./escaped' leads out of the folder")
    assert left(archives_folder(NAME)) == set()
    assert not list(tmp_path.rglob("escaped"))


# ------------------------------------------------------------------------------------------------------------- no room


def test_room_is_looked_for_before_the_first_byte_is_written(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch, size=400_000_000)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, 500_000_000))
    told = str(refused("made-speech needs about 600 MB there"))
    assert "600 MB unpacked), and 500 MB are free; make room" in told
    assert left(archives_folder(NAME)) == set()


@contextmanager
def largest_file(octets: int) -> Iterator[None]:
    """Within it this process can write no larger file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_in_the_middle_keeps_what_there_is(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, monkeypatch)
    with largest_file(20_000):
        told = str(refused("can't write made.tar.gz there"))
    assert "make room, or set SPK_TUI_CACHE to another folder. The first" in told
    download(NAME)
    assert server.requests == ["", "bytes=20000-"]


def test_a_disk_that_fills_up_while_unpacking_keeps_the_archive(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, monkeypatch)
    fetching.fetch(CATALOGUE[NAME].archives[0], _made(archives_folder(NAME)), lambda _: None, lambda *_: None)
    with largest_file(10_000):
        refused(r"can't unpack made\.tar\.gz there .*; make room, or choose another folder with --to")
    download(NAME)
    assert len(server.requests) == 1


def test_a_folder_that_cannot_be_written_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer(server, monkeypatch)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/made-speech: can't write the corpus \(.*--to or SPK_TUI_DOWNLOADS"):
        download(NAME, to=tmp_path / "file")
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path / "file"))
    refused(r"can't write the cache \(.*SPK_TUI_CACHE")


# ------------------------------------------------------------------------------------------ cancelled, and in company


@pytest.mark.parametrize("when", ["downloading", "unpacking"])
def test_a_report_that_raises_stops_it_and_the_next_one_goes_on(
    when: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, monkeypatch)

    def stop(stage: str, *_: object) -> None:
        if stage.startswith(when):
            raise Stop

    with pytest.raises(Stop):
        download(NAME, report=stop)
    assert left(corpus_folder(NAME).parent) == set()
    assert download(NAME).is_dir()
    assert len(server.requests) == (2 if when == "downloading" else 1)


CHILD = """
import json, sys
import msgspec
from engine.corpus import catalogue, download
entry = msgspec.json.decode(sys.argv[1], type=catalogue.PublicCorpus)
catalogue.CATALOGUE[entry.name] = entry
print(json.dumps(str(download.download(entry.name, report=lambda *p: print(json.dumps(p[0]), flush=True)))))
"""


def test_of_two_processes_one_downloads_and_the_other_waits(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch)
    server.gate.clear()
    command = [sys.executable, "-c", CHILD, msgspec.json.encode(CATALOGUE[NAME]).decode()]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        first_words = {}
        for child in children:
            assert child.stdout is not None
            first_words[json.loads(child.stdout.readline())] = child
        assert set(first_words) == {
            "checking made.tar.gz",
            "waiting for another process that prepares the same corpus",
        }
        server.gate.set()
        lasts = [json.loads(child.communicate(timeout=60)[0].splitlines()[-1]) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert lasts == [str(corpus_folder(NAME))] * 2
    assert server.requests == [""]
    assert open_corpus(lasts[0]).speakers == ["alice", "bob"]
