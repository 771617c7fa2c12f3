"""What readers write their findings into: utterances, problems, and the fingerprint of all that was listed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from stat import S_ISREG

from engine.corpus.corpus import DUPLICATE, Corpus, Part, Problem, Utterance
from engine.corpus.decoding import is_audio, why_undecodable


class Listing:
    """The utterances and problems of one corpus, as a reader finds them.

    The fingerprint covers, in the order of finding, each utterance as listed and its file's size and time of change, so
    a reader lists in an order that depends on the corpus alone.
    """

    def __init__(self, layout: str, root: Path) -> None:
        self.layout = layout
        self.root = root
        self.utterances: list[Utterance] = []
        self.problems: list[Problem] = []
        self._ids: set[str] = set()
        self._recordings: dict[tuple[str, float, float | None], tuple[str, Part]] = {}
        self._digest = hashlib.blake2b(layout.encode(), digest_size=16)

    def add(
        self,
        identifier: str,
        speaker: str,
        path: Path,
        status: os.stat_result | None = None,
        *,
        session: str = "",
        part: Part = "",
        start: float = 0.0,
        end: float | None = None,
        frames: int | None = None,
    ) -> bool:
        """Lists an utterance, or the problem that keeps it out; returns whether it is in.

        `status` saves a system call where the reader has it. An id that is there already, a name that isn't UTF-8, a
        file that is missing, can't be looked at or is a pipe or a device, and a stretch that is none are problems.
        """
        if not all(map(writable, (identifier, speaker, session, str(path)))):
            return self.problem("unreadable", f"{identifier!a}", "has a name that is not UTF-8")
        if not speaker.strip():
            return self.problem("no speaker", identifier, "is given to no speaker")
        if identifier in self._ids:
            return self.problem("listed twice", identifier, "is in the list more than once; the first counts")
        if not (0 <= start < float("inf")) or (end is not None and not (start < end < float("inf"))):
            until = "its end" if end is None else f"{end:g} s"
            return self.problem("bad stretch", identifier, f"goes from {start:g} s to {until}")
        try:
            status = status or path.stat()
        except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
            missing = isinstance(error, FileNotFoundError)
            reason = "is listed, and there is no such file" if missing else getattr(error, "strerror", "") or str(error)
            return self.problem("missing" if missing else "unreadable", identifier, reason)
        if not S_ISREG(status.st_mode):  # opening a pipe waits for somebody who may never come
            return self.problem("unreadable", identifier, "is no regular file")
        first = self._recordings.setdefault((str(path), start, end), (identifier, part))
        if first[0] != identifier:
            sides = ", and on another side of the split" if first[1] != part else ""
            self.problem(DUPLICATE, identifier, f"is the same recording as {first[0]}{sides}")
        self._ids.add(identifier)
        self.utterances.append(Utterance(identifier, speaker, path, session, part, start, end, frames))
        facts = (identifier, speaker, session, part, start, end, frames, status.st_size, status.st_mtime_ns)
        self._digest.update("\0".join(map(str, facts)).encode() + b"\0\0")
        return True

    def add_audio(
        self, identifier: str, speaker: str, entry: os.DirEntry[str], *, session: str = "", part: Part = ""
    ) -> bool:
        """Lists a file that was found by walking when it is a recording; returns whether it is in.

        A kind of audio that can't be decoded here is a problem; what isn't audio is ignored.
        """
        if not is_audio(entry.name):
            return False
        if reason := why_undecodable(entry.name):
            return self.problem("unsupported", identifier, reason)
        try:
            status = entry.stat()
        except OSError as error:
            return self.problem("unreadable", identifier, error.strerror or str(error))
        return self.add(identifier, speaker, Path(entry.path), status, session=session, part=part)

    def problem(self, kind: str, where: str, detail: str = "") -> bool:
        """Lists what can't be used; always False, so that whoever adds can return it."""
        self.problems.append(Problem(kind, where, detail))
        return False

    def corpus(self, mel_bands: int | None = None) -> Corpus:
        """All that was listed."""
        self._digest.update(str(mel_bands).encode())
        return Corpus(
            name=self.root.stem if self.root.is_file() else self.root.name,
            layout=self.layout,
            root=self.root,
            utterances=self.utterances,
            problems=self.problems,
            fingerprint=self._digest.hexdigest(),
            mel_bands=mel_bands,
        )


def writable(name: str) -> bool:
    """Whether a name can be written into JSON, events and screens; bytes that aren't UTF-8 can't."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
