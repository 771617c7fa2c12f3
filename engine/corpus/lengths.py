"""How long each utterance of a corpus lasts, from headers or from what the corpus says itself: nothing is decoded.

A file is opened once, however many utterances are stretches of it. Ready-made frames have no header, and their files
are not opened at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from engine.corpus.corpus import CUT_SHORT, Corpus, Problem, Utterance
from engine.corpus.decoding import Header, UnusableAudio, read_header
from engine.corpus.reporting import Report
from engine.machine import usable_cores
from engine.preset import Features

STAGE = "reading headers"


class Lengths(Struct, frozen=True):
    """What headers tell. Utterances whose header can't be read or is too short are in `problems` and nowhere else.

    Those that are only remarked on are in both.
    """

    seconds: dict[str, float | None]  # of each usable utterance, by id; none where the corpus doesn't say
    headers: dict[str, Header]  # of the recordings that usable utterances are taken from, by their ids; none of frames
    problems: list[Problem]


def read_lengths(corpus: Corpus, features: Features, report: Report) -> Lengths:
    """Reads the header of every audio file, on all cores; if `report` raises, that ends at once.

    Ready-made frames last as many hops of `features` as the corpus says that there are.
    """
    if corpus.mel_bands is not None:
        hop = features.hop / features.sample_rate  # seconds
        return Lengths({u.id: None if u.frames is None else u.frames * hop for u in corpus.utterances}, {}, [])
    headers = dict(_read_headers([*{utterance.path: None for utterance in corpus.utterances}], report))
    seconds: dict[str, float | None] = {}
    usable: dict[str, Header] = {}
    problems = []
    for utterance in corpus.utterances:
        header = headers[utterance.path]
        if isinstance(header, UnusableAudio):
            problems.append(Problem(header.kind, utterance.id, str(header)))
            continue
        lasts = _seconds(utterance, header)
        if lasts * 1000 < features.window_ms:
            found = f"lasts {max(0.0, lasts) * 1000:.0f} ms, less than one window"
            problems.append(Problem("short", utterance.id, found))
            continue
        seconds[utterance.id] = lasts
        usable[utterance.id] = header
        if header.cut_short and _reaches_the_end(utterance, header):
            problems.append(Problem(CUT_SHORT, utterance.id, header.cut_short))
    return Lengths(seconds, usable, problems)


def _read_headers(paths: list[Path], report: Report) -> Iterator[tuple[Path, Header | UnusableAudio]]:
    pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="headers")
    try:
        for done, header in enumerate(pool.map(_header, paths), start=1):
            yield paths[done - 1], header
            report(STAGE, done, len(paths), "files")
    finally:
        pool.shutdown(cancel_futures=True)


def _header(path: Path) -> Header | UnusableAudio:
    try:
        return read_header(path)
    except UnusableAudio as error:
        return error


def _seconds(utterance: Utterance, header: Header) -> float:
    """The length of a recording, or of the part of a stretch that lies inside it; not positive when none does."""
    end = header.seconds if utterance.end is None else min(utterance.end, header.seconds)
    return end - utterance.start


def _reaches_the_end(utterance: Utterance, header: Header) -> bool:
    """Whether the utterance would go on where the file ends, so that it lacks what the file lacks."""
    held = round(header.seconds * header.sample_rate)  # samples
    return utterance.end is None or round(utterance.end * header.sample_rate) > held
