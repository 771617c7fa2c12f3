"""Packing: all log-mel frames of a corpus in one file, extracted once on all cores and then mapped into memory.

It names and leaves out what can't be used. What a frame is says `features.py`; which utterances are trained on says
`splits.py`; batches are cut out of the frames by `batches.py`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.corpus.building import build_once
from engine.corpus.corpus import DUPLICATE, Corpus, Problem, Utterance
from engine.corpus.extracting import Duplicates, Extraction, extract_utterance
from engine.corpus.features import mel_bands
from engine.corpus.reporting import Report, silently, unhurried
from engine.corpus.waveforms import WaveformRecipe
from engine.errors import InputError
from engine.files import cache_folder, sync
from engine.machine import usable_cores
from engine.preset import Features

FORMAT_VERSION = 2  # counts up when the files below, or what features.py or waveforms.py compute, mean something else
FRAME_TYPE = np.dtype("<f2")
FEWEST_UTTERANCES = 2  # of a speaker: one to train on and one to hold out

STAGE = "packing the corpus"


@dataclass(frozen=True, eq=False)
class PackedCorpus:
    """Frames of all usable utterances, one after the other, sorted by speaker and id."""

    name: str
    frames: NDArray[np.float16]  # (frames in all, mel), a read-only memory map
    offsets: NDArray[np.int64]  # (utterances,): where each begins in `frames`
    lengths: NDArray[np.int64]  # (utterances,): frames of each
    ids: list[str]  # of the utterances
    speakers_of: NDArray[np.int64]  # (utterances,): the place of each one's speaker in `speakers`
    speakers: list[str]  # sorted; a speaker's place is its class
    problems: list[Problem]  # what was left out, and why
    fingerprint: str  # of the corpus that was packed
    features: Features  # the recipe of the frames
    sessions: list[str] = field(default_factory=list)  # of the utterances; empty when none is known
    parts: list[str] = field(default_factory=list)  # their sides of an official split; empty when there is none

    @property
    def seconds(self) -> float:
        """Length of all utterances without the silence cut out of them."""
        return float(len(self.frames)) * self.features.hop / self.features.sample_rate

    @property
    def hours(self) -> float:
        """The same in hours."""
        return self.seconds / 3600


@dataclass(frozen=True)
class _Packing:
    """What is packed, and what it is called in reports."""

    corpus: Corpus
    features: Features
    waveform: WaveformRecipe | None
    stage: str

    @property
    def fewest(self) -> int:
        """Utterances of a speaker, and speakers, that are needed: a copy stands beside the corpus, which has two."""
        return FEWEST_UTTERANCES if self.waveform is None else 1


class _Index(Struct, frozen=True):
    """index.json: everything but the frames."""

    name: str
    speakers: list[str]
    ids: list[str]
    speakers_of: list[int]
    lengths: list[int]
    problems: list[Problem]
    fingerprint: str
    features: Features
    sessions: list[str]
    parts: list[str]


def pack(
    corpus: Corpus,
    features: Features,
    report: Report = silently,
    waveform: WaveformRecipe | None = None,
    stage: str = STAGE,
) -> PackedCorpus:
    """The packed form of a corpus: from the cache, or extracted now, on all cores.

    Where the corpus holds ready-made frames, their number of mel bands takes the place of the recipe's. Files that are
    unreadable, empty, silent, not finite or shorter than one window, and speakers with fewer than 2 usable utterances,
    are left out and listed in `problems`, as are remarks on what stays. If `report` raises, packing stops and leaves
    nothing behind. Memory doesn't grow with the corpus but for its index. Raises `InputError` when fewer than 2
    speakers are left, the recipe makes no sense, or the cache can't be written.

    With a waveform recipe this packs a changed copy of the corpus (see `copies.py`), which stands beside the corpus, so
    that one utterance of a speaker, and one speaker, are enough. `stage` is what packing is called in reports.
    """
    features = recipe_for(corpus, features)
    if corpus.mel_bands is None:
        mel_bands(features)  # a recipe that can't work is told before any file is read
    folder = packed_folder(corpus, features, waveform)
    packing = _Packing(corpus, features, waveform, stage)
    build_once(folder, _is_complete, lambda partial_folder: _build(partial_folder, packing, report), report)
    return _open(folder)


def recipe_for(corpus: Corpus, features: Features) -> Features:
    """The recipe as it is for this corpus: ready-made frames have as many mel bands as they have."""
    return features if corpus.mel_bands is None else msgspec.structs.replace(features, mel_bands=corpus.mel_bands)


def packed_folder(corpus: Corpus, features: Features, waveform: WaveformRecipe | None = None) -> Path:
    """Where the packed form lies: named by the corpus's fingerprint, the recipes and the format."""
    key = hashlib.blake2b(digest_size=12)
    for part in (FORMAT_VERSION, corpus.fingerprint, recipe_for(corpus, features)):
        key.update(msgspec.json.encode(part) + b"\0")
    if waveform is not None:
        key.update(waveform.key.encode())
    return cache_folder() / "packed" / key.hexdigest()


def problems_of_packing(corpus: Corpus, features: Features) -> list[Problem] | None:
    """What packing found wrong with the corpus; None when it isn't packed."""
    folder = packed_folder(corpus, features)
    return _read_index(folder).problems if _is_complete(folder) else None


def _frames_path(folder: Path) -> Path:
    return folder / "frames.f16"


def _index_path(folder: Path) -> Path:
    return folder / "index.json"


def _read_index(folder: Path) -> _Index:
    return msgspec.json.decode(_index_path(folder).read_bytes(), type=_Index)


def _is_complete(folder: Path) -> bool:
    """Whether the folder holds an index and as many frames as it promises."""
    try:
        index = _read_index(folder)
        size = _frames_path(folder).stat().st_size
    except (OSError, msgspec.DecodeError):
        return False
    return size == sum(index.lengths) * index.features.mel_bands * FRAME_TYPE.itemsize


def _open(folder: Path) -> PackedCorpus:
    index = _read_index(folder)
    lengths = np.array(index.lengths, np.int64)
    frames = np.memmap(_frames_path(folder), FRAME_TYPE, "r", shape=(int(lengths.sum()), index.features.mel_bands))
    return PackedCorpus(
        name=index.name,
        frames=frames,
        offsets=np.cumsum(lengths) - lengths,
        lengths=lengths,
        ids=index.ids,
        speakers_of=np.array(index.speakers_of, np.int64),
        speakers=index.speakers,
        problems=index.problems,
        fingerprint=index.fingerprint,
        features=index.features,
        sessions=index.sessions,
        parts=index.parts,
    )


def _build(folder: Path, packing: _Packing, report: Report) -> None:
    """Writes frames and index into `folder`."""
    corpus, stage = packing.corpus, packing.stage
    report = unhurried(report)
    utterances = sorted(corpus.utterances, key=lambda utterance: (utterance.speaker, utterance.id))
    problems = list(corpus.problems)
    listed_twice = {problem.where for problem in problems if problem.kind == DUPLICATE}
    speakers: list[str] = []
    kept: list[tuple[Utterance, int]] = []  # with the number of its frames
    speakers_of: list[int] = []
    duplicates = Duplicates()
    report(stage, 0, len(utterances), "utterances")
    with (
        _frames_path(folder).open("wb") as file,
        closing(_extract_all(utterances, packing)) as extracted_in_order,
    ):
        results = enumerate(extracted_in_order, start=1)
        # One speaker after the other, so that whoever turns out to have too few utterances can be taken back.
        for speaker, of_speaker in groupby(results, key=lambda item: item[1][0].speaker):
            begin, usable = file.tell(), []
            for done, (utterance, extraction) in of_speaker:
                problems += extraction.problems
                if extraction.frames is not None:
                    if extraction.content and utterance.id not in listed_twice:
                        problems += duplicates.notice(utterance, extraction.content)
                    file.write(extraction.frames.tobytes())
                    usable.append((utterance, len(extraction.frames)))
                report(stage, done, len(utterances), "utterances")
            if len(usable) < packing.fewest:
                file.seek(begin)
                file.truncate()
                problems += [_too_few(speaker, len(usable))] if packing.waveform is None else []
                continue
            kept += usable
            speakers_of += [len(speakers)] * len(usable)
            speakers.append(speaker)
    problems = list(dict.fromkeys(problems))  # a noise that can't be used is met by many utterances
    if len(speakers) < packing.fewest:
        raise InputError(_nothing_left(packing, len(speakers), problems))
    index = _Index(
        name=corpus.name,
        speakers=speakers,
        ids=[utterance.id for utterance, _ in kept],
        speakers_of=speakers_of,
        lengths=[length for _, length in kept],
        problems=problems,
        fingerprint=corpus.fingerprint,
        features=packing.features,
        sessions=_unless_empty([utterance.session for utterance, _ in kept]),
        parts=_unless_empty([utterance.part for utterance, _ in kept]),
    )
    _index_path(folder).write_bytes(msgspec.json.encode(index))
    for path in (_frames_path(folder), _index_path(folder)):
        sync(path)


def _unless_empty(names: Sequence[str]) -> list[str]:
    return list(names) if any(names) else []


def _extract_all(utterances: list[Utterance], packing: _Packing) -> Generator[tuple[Utterance, Extraction], None, None]:
    """Extracts on all cores, a little ahead of whoever takes the results, in the order of the utterances.

    Threads, not processes: decoding, resampling and Fourier transforms run outside Python's lock, nothing is copied
    between processes, and nothing is forked from a worker that holds locks. Ready-made frames are read in the caller's
    thread: that is mostly Python's own work, and with threads it took longer (benchmarks/homework.py).
    """
    if packing.corpus.mel_bands is not None:
        for utterance in utterances:
            yield utterance, extract_utterance(utterance, packing.corpus, packing.features)
        return

    def submit(utterance: Utterance) -> tuple[Utterance, Future[Extraction]]:
        return utterance, pool.submit(extract_utterance, utterance, packing.corpus, packing.features, packing.waveform)

    threads = usable_cores()
    waiting: deque[tuple[Utterance, Future[Extraction]]] = deque()
    remaining = iter(utterances)
    with ThreadPoolExecutor(threads, thread_name_prefix="packing") as pool:
        try:
            for utterance in islice(remaining, 4 * threads):
                waiting.append(submit(utterance))
            while waiting:
                utterance, future = waiting.popleft()
                yield utterance, future.result()
                for following in islice(remaining, 1):
                    waiting.append(submit(following))
        finally:
            pool.shutdown(cancel_futures=True)


def _too_few(speaker: str, utterances: int) -> Problem:
    found = "no usable utterance" if utterances == 0 else "only one usable utterance"
    return Problem("too few utterances", speaker, f"has {found}; {FEWEST_UTTERANCES} are needed to hold one out")


def _nothing_left(packing: _Packing, speakers: int, problems: list[Problem]) -> str:
    lines = [f"  {problem.kind}: {problem.where} {problem.detail}".rstrip() for problem in problems[:3]]
    more = [f"  and {len(problems) - 3} more"] if len(problems) > 3 else []
    left = "no speaker is" if speakers == 0 else "only one speaker is"
    found = f"{left} left to train on, at least 2 are needed"
    if packing.waveform is not None:
        found = f"no utterance is left in the changed copy ({packing.waveform.words})"
    return "\n".join([f"{packing.corpus.root}: {found}; what is wrong:", *lines, *more])
