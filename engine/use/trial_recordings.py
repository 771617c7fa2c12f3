"""The recordings that a list of trials names: which files are meant, who speaks in them, and their embeddings.

A name is that of an utterance of the corpus, or a path below its folder; lists come with corpora of any layout.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.corpus.corpus import Corpus, Utterance
from engine.corpus.extracting import Extraction, extract_utterance
from engine.corpus.preparing import list_corpus
from engine.corpus.reporting import Report
from engine.errors import InputError, shown
from engine.files import user_path
from engine.machine import usable_cores
from engine.preset import Data
from engine.use.embedding_cache import STAGE, kept, path_for
from engine.use.recognizer import SpeakerRecognizer
from engine.use.trials import MOST_TOLD, TrialList

Indexes = NDArray[np.int64]


class Named(NamedTuple):
    """Utterances of a list's names, in its order, and the corpus that they are read as."""

    utterances: list[Utterance]
    corpus: Corpus
    speakers_known: bool  # else each recording stands for a speaker of its own


class Embedded(NamedTuple):
    """Embeddings of those that can be used: places: (used,), embeddings: (used, width); and why the others can't."""

    places: Indexes
    embeddings: NDArray[np.float32]
    problems: list[str]


def find_recordings(listed: TrialList, path: str, folder: str, data: Data, report: Report) -> Named:
    """Which utterances the names of the list at `path` mean. Raises `InputError` with the lines of missing ones."""
    corpus = _corpus_at(folder, data, report)
    by_name = {utterance.id: utterance for utterance in corpus.utterances}
    whole = [one for one in corpus.utterances if one.start == 0 and one.end is None]
    by_path = {one.path: one for one in whole}
    utterances, missing = list[Utterance](), list[str]()
    for name, line in zip(listed.names, listed.lines, strict=True):
        file = corpus.root / name
        utterance = by_name.get(name) or by_path.get(file)
        if utterance is None and file.is_file():
            utterance = Utterance(name, _speaker_of(name), file)
        if utterance is None:
            missing.append(f"  line {line}: {shown(name)}")
        else:
            utterances.append(utterance)
    if missing:
        more = [f"  and {len(missing) - MOST_TOLD:,} more"] if len(missing) > MOST_TOLD else []
        head = f"{path}: {len(missing):,} of its {len(listed.names):,} recordings are not below {folder}:"
        raise InputError("\n".join([head, *missing[:MOST_TOLD], *more]))
    known = len({utterance.speaker for utterance in utterances}) < len(utterances)
    return Named(utterances, corpus, known)


def embed_named(model: SpeakerRecognizer, named: Named, report: Report) -> Embedded:
    """Embeddings of whole utterances, each only once; kept in the cache where all of them can be used."""
    features = model.preset.features
    problems: dict[int, str] = {}
    used: list[int] = []

    def frames() -> Iterator[NDArray[np.float16]]:
        for place, extraction in enumerate(_extracted(named, model)):
            if extraction.frames is None:
                problems[place] = f"{extraction.problems[-1].where} {extraction.problems[-1].detail}"
            else:
                used.append(place)
                yield extraction.frames
            report(STAGE, place + 1, len(named.utterances), "recordings")

    def compute() -> NDArray[np.float32]:
        outputs = list(model.forward.of_utterances(frames()))
        if not outputs:
            raise InputError(f"none of the recordings can be used: {next(iter(problems.values()))}")
        embeddings = np.concatenate([output.embeddings for output in outputs])
        return embeddings[np.argsort(np.concatenate([output.places for output in outputs]))]

    stamps = [(one.id, one.start, one.end, *_stamp(one.path)) for one in named.utterances]
    path = path_for(model.sha256, features, str(named.corpus.root), stamps)
    embeddings = kept(path, len(named.utterances), compute)
    places = np.array(used, np.int64) if problems else np.arange(len(embeddings))
    return Embedded(places, embeddings, list(problems.values()))


def _corpus_at(folder: str, data: Data, report: Report) -> Corpus:
    """What lies there as a corpus; a folder that is none, of one speaker perhaps, still has files."""
    try:
        return list_corpus(folder, report, data)
    except InputError:
        root = user_path(folder)
        if not root.is_dir():
            raise
        return Corpus(root.name, "", root.resolve(), [], [], "")


def _speaker_of(name: str) -> str:
    """The first folder of a path, as in VoxCeleb's lists; the name itself where there is none."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return parts[0] if len(parts) > 1 else name


def _stamp(path: Path) -> Sequence[int]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns


def _extracted(named: Named, model: SpeakerRecognizer) -> Iterator[Extraction]:
    """Frames on all cores, in the order of the utterances, a little ahead of whoever takes them."""
    cores, remaining = usable_cores(), iter(named.utterances)
    waiting: deque[Future[Extraction]] = deque()
    with ThreadPoolExecutor(cores, thread_name_prefix="decoding") as pool:
        try:
            for one in islice(remaining, 2 * cores):
                waiting.append(pool.submit(extract_utterance, one, named.corpus, model.preset.features))
            while waiting:
                yield waiting.popleft().result()
                for one in islice(remaining, 1):
                    waiting.append(pool.submit(extract_utterance, one, named.corpus, model.preset.features))
        finally:
            pool.shutdown(cancel_futures=True)
