"""Small archives of made speech, and a real web server on this machine that can misbehave as servers do."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import soundfile

from engine.corpus.catalogue import Archive, PublicCorpus


class Server:
    """What is served, how badly, and what was asked for. `requests` has each one's Range header, or an empty string."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        """For each request in turn: after how many bytes the connection is closed."""
        self.statuses: list[int] = []
        """For each request in turn: an error to answer with, or 0."""
        self.ranges = True
        self.validated = True
        self.content_type = "application/octet-stream"
        self.tells_length = True
        self.gate = threading.Event()
        """No body is sent before it is set."""
        self.gate.set()
        self.requests: list[str] = []
        self.url = ""

    def etag(self, content: bytes) -> str:
        return f'"{hashlib.sha1(content).hexdigest()}"'


@contextmanager
def serving() -> Iterator[Server]:
    """A server of one's own on a free port."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            server.requests.append(wanted)
            status = server.statuses.pop(0) if server.statuses else 0
            content = server.files.get(self.path.lstrip("/"))
            if status or content is None:
                self.send_error(status or 404)
                return
            start = 0
            if wanted and server.ranges and self.headers.get("If-Range", server.etag(content)) == server.etag(content):
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if server.validated:
                self.send_header("ETag", server.etag(content))
            if server.tells_length:
                self.send_header("Content-Length", str(len(content) - start))
            self.send_header("Content-Type", server.content_type)
            self.end_headers()
            server.gate.wait(60)
            self.wfile.write(content[start:][: server.cuts.pop(0) if server.cuts else None])

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_port}"
    try:
        yield server
    finally:
        server.gate.set()
        listener.shutdown()
        listener.server_close()


def speech(top: str, speakers: tuple[str, ...] = ("alice", "bob"), utterances: int = 4) -> dict[str, bytes]:
    """Files of noise, half a second each, below `top`, and a readme outside it."""
    chance = np.random.default_rng(0)
    files = {"corpus/README.txt": b"made for a test\n"}
    for speaker in speakers:
        for number in range(utterances):
            sound = io.BytesIO()
            soundfile.write(sound, 0.1 * chance.standard_normal(8000), 16_000, format="WAV")
            files[f"corpus/{top}/{speaker}/{number}.wav"] = sound.getvalue()
    return files


def tar_of(files: dict[str, bytes]) -> bytes:
    """A .tar.gz with these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def tar_with(*members: tarfile.TarInfo, padding: int = 4096) -> bytes:
    """A .tar.gz with these members, all without content, and one plain file of noise that makes it large enough."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        noise = tarfile.TarInfo("noise.bin")
        noise.size = padding
        tar.addfile(noise, io.BytesIO(random.Random(0).randbytes(padding)))
        for member in members:
            tar.addfile(member)
    return packed.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    """A .zip with these files, stored as they are."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def md5(content: bytes) -> str:
    """As it is written in the catalogue."""
    return f"md5:{hashlib.md5(content).hexdigest()}"


def entry_of(server: Server, name: str, *archives: Archive) -> PublicCorpus:
    """A corpus for the catalogue, with archives of this server."""
    served = tuple(
        Archive(
            name=archive.name,
            url=f"{server.url}/{archive.name}",
            size=archive.size or len(server.files[archive.name]),
            checksum=archive.checksum,
            speakers=archive.speakers,
        )
        for archive in archives
    )
    return PublicCorpus(
        name=name, summary="made speech", speakers=2, hours=0.1, licence="CC0 1.0", page=server.url, archives=served
    )
