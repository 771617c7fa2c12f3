"""One archive from its server to a folder: whole and checked, or not there at all.

pooch compares checksums and gives the file its name only when they agree. What it lacks is here: a transfer that is cut
off is kept under `<name>.partial` and taken up again where it stopped. Loading this module loads requests.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import TypeAlias, cast
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3
from msgspec import Struct

from engine.corpus.catalogue import Archive
from engine.corpus.reporting import Report, amount, megabytes
from engine.errors import InputError
from engine.files import write_atomically

MakeSure: TypeAlias = Callable[[int], None]
"""Takes the bytes that are still to come, before the first of them is written; raises when there is no room."""

ATTEMPTS = 4  # in a row that bring nothing; one that brings something starts the count anew
FIRST_WAIT_SECONDS = 1.0  # doubled after each
CONNECT_SECONDS, READ_SECONDS = 10, 30
CHUNK = 1 << 18

_AGAIN = (
    HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
)  # fmt: skip


def fetch(archive: Archive, folder: Path, make_sure: MakeSure, report: Report) -> Path:
    """The archive in `folder`, downloaded unless it is there and right. Nobody else may work in that folder meanwhile.

    Progress is in megabytes. It has to agree with the published checksum or, where there is none, with the remembered
    one. Raises `InputError` for everything that a network, a server or a disk can do; then only `<name>.partial` may be
    left, from which the next call goes on.
    """
    transfer = _Transfer(archive, folder, make_sure, report)
    report(f"checking {archive.name}", 0, 0, "")
    try:
        for stray in folder.glob("tmp*"):  # pooch's own temporary file, of a process that was killed
            stray.unlink(missing_ok=True)
        known = archive.checksum or remembered_checksum(archive, folder)
        return Path(_pooch().retrieve(archive.url, known or None, archive.name, folder, downloader=transfer))
    except InputError as error:
        raise InputError(f"{error}{transfer.kept()}") from None
    except ValueError:
        if not transfer.ended:
            raise
        raise InputError(_disagreement(archive, folder)) from None
    except OSError as error:
        raise InputError(
            f"{folder}: can't write {archive.name} there ({error.strerror or error}); make room, or set SPK_TUI_CACHE"
            f" to another folder{transfer.kept()}"
        ) from None


def remember_checksum(archive: Archive, folder: Path) -> None:
    """Trusts what was fetched without a checksum: its SHA-256 is kept beside it, and later downloads have to agree.

    To be called once the archive has proved to be one. The file is as `sha256sum` writes it.
    """
    if not archive.checksum and not remembered_checksum(archive, folder):
        digest = _pooch().file_hash(str(folder / archive.name), alg="sha256")
        write_atomically(_memory(archive, folder), f"{digest}  {archive.name}\n")


def remembered_checksum(archive: Archive, folder: Path) -> str:
    """What the first download of an archive without a published checksum was: "sha256:...", or empty."""
    try:
        return f"sha256:{_memory(archive, folder).read_text(encoding='utf-8').split()[0]}"
    except (FileNotFoundError, IndexError):
        return ""


def _pooch() -> ModuleType:
    """pooch, quiet. It is loaded only here because it loads tqdm with it, and nothing in the engine draws."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it would tell each download on stderr, across a bar
    return cast(ModuleType, pooch)


def _memory(archive: Archive, folder: Path) -> Path:
    return folder / f"{archive.name}.sha256"


def _disagreement(archive: Archive, folder: Path) -> str:
    what = f"{archive.url}: what came is not the archive that is meant, and is deleted"
    if archive.checksum:
        return f"{what}; its checksum is not the published one ({archive.checksum}). Try again, or another network"
    return (
        f"{what}; its SHA-256 is not that of the first download. If the publisher has changed the archive, delete"
        f" {_memory(archive, folder)} and download again"
    )


class _Origin(Struct, frozen=True):
    """Of which version of the file a partial download is a part. `validator` is an ETag or a date, for If-Range."""

    url: str
    validator: str
    total: int


class _CutOff(Exception):
    """The transfer ended before its end, in a way that may pass; the text says how."""


class _Transfer:
    """A downloader for pooch: what the server sends goes to a partial file, and that one to the place asked for."""

    def __init__(self, archive: Archive, folder: Path, make_sure: MakeSure, report: Report) -> None:
        self.ended = False
        self._archive = archive
        self._host = urlsplit(archive.url).hostname or archive.url
        self._partial = folder / f"{archive.name}.partial"
        self._origin_path = folder / f"{archive.name}.partial.json"
        self._make_sure = make_sure
        self._report = report

    def __call__(self, url: str, output_file: str, *_: object) -> None:
        tries, most = 0, self._size()
        while True:
            try:
                self._transfer()
                break
            except _CutOff as cut_off:
                tries = tries + 1 if self._size() <= most else 1
                most = max(most, self._size())
                if tries == ATTEMPTS:
                    raise InputError(f"{url}: {cut_off}; try again later") from None
                self._report(f"{cut_off}, trying again", 0, 0, "")
                time.sleep(FIRST_WAIT_SECONDS * 2 ** (tries - 1))
        self._partial.replace(output_file)
        self._origin_path.unlink(missing_ok=True)
        self.ended = True
        self._report(f"checking {self._archive.name}", 0, 0, "")

    def kept(self) -> str:
        """The end of a message: what is left of the transfer, if anything."""
        size = self._size()
        if not size or not self._origin():
            return ""
        return f". The first {amount(size)} are kept in {self._partial}: the same command goes on from there"

    def _transfer(self) -> None:
        """One request. Returns when the partial file is whole; raises `_CutOff` when asking again may help."""
        origin = self._origin()
        have = self._size() if origin else 0
        headers = {"Accept-Encoding": "identity", "User-Agent": "spk-tui"}
        if origin and have:
            headers["Range"] = f"bytes={have}-"
            if origin.validator:
                headers["If-Range"] = origin.validator
        try:
            with requests.get(
                self._archive.url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)
            ) as response:
                if self._is_whole_already(response, have):
                    return
                goes_on = self._check_answer(response, have, origin)
                self._receive(response, have if goes_on else 0)
        except requests.exceptions.SSLError:
            raise InputError(f"{self._archive.url}: the certificate of {self._host} can't be verified") from None
        except requests.exceptions.ProxyError:
            raise _CutOff("the proxy can't be reached") from None
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            raise _CutOff(f"{self._host} doesn't answer") from None
        except requests.exceptions.ConnectionError:
            raise _CutOff(f"{self._host} can't be reached (no network, or a proxy is needed)") from None
        except urllib3.exceptions.ProtocolError:
            raise _CutOff(f"{self._host} ends the transfer early") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _CutOff(f"the transfer from {self._host} fails ({type(error).__name__})") from None

    def _is_whole_already(self, response: requests.Response, have: int) -> bool:
        """Whether nothing is missing: a process was killed between the last byte and the renaming."""
        if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return False
        if response.headers.get("Content-Range") == f"bytes */{have}":
            return True
        self._forget()
        raise _CutOff("what was kept of an earlier download doesn't fit")

    def _check_answer(self, response: requests.Response, have: int, origin: _Origin | None) -> bool:
        """Whether the server goes on from where we are, rather than sending the whole file."""
        status = response.status_code
        if status in _AGAIN:
            raise _CutOff(f"{self._host} can't answer now ({status} {response.reason})")
        if status == HTTPStatus.PARTIAL_CONTENT and origin and have:
            if response.headers.get("Content-Range") == f"bytes {have}-{origin.total - 1}/{origin.total}":
                return True
            self._forget()
            raise _CutOff("the file has changed since the transfer began")
        if status != HTTPStatus.OK:
            raise InputError(
                f"{self._archive.url}: the server refuses it ({status} {response.reason}); it may have moved"
            )
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise InputError(f"{self._archive.url}: the server answers with a web page, not with the archive")
        return False

    def _receive(self, response: requests.Response, have: int) -> None:
        """Writes the answer's body behind the first `have` bytes of the partial file; raises if not all of it came."""
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else 0  # 0: the server doesn't tell
        self._make_sure((total or self._archive.size) - have)
        if not have:
            self._forget()
            etag = response.headers.get("ETag", "")
            validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")  # W/"..." won't do
            write_atomically(self._origin_path, msgspec.json.encode(_Origin(self._archive.url, validator, total)))
        stage = f"downloading {self._archive.name}"
        self._report(stage, have // 1_000_000, megabytes(total), "MB")
        with self._partial.open("ab") as file:
            for block in response.raw.stream(CHUNK, decode_content=False):
                file.write(block)
                have += len(block)
                self._report(stage, have // 1_000_000, megabytes(total), "MB")
        if have < total:  # older versions of urllib3 don't mind
            raise _CutOff(f"{self._host} ends the transfer early")
        self._report(stage, megabytes(have), megabytes(have), "MB")

    def _size(self) -> int:
        return self._partial.stat().st_size if self._partial.exists() else 0

    def _origin(self) -> _Origin | None:
        """What is known of the partial file; None when it can't be gone on with."""
        try:
            origin = msgspec.json.decode(self._origin_path.read_bytes(), type=_Origin)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return origin if origin.url == self._archive.url and origin.total else None

    def _forget(self) -> None:
        self._partial.unlink(missing_ok=True)
        self._origin_path.unlink(missing_ok=True)
