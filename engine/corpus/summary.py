"""What is in a corpus and what is wrong with it, from the headers of its files alone: seconds, not a packing.

What shows only when audio is decoded (silence, files cut short) is found by `packed.py`.
"""

from __future__ import annotations

import statistics
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.decoding import UnusableAudio, read_header
from engine.corpus.demo import make_demo, parse_demo
from engine.corpus.opening import open_corpus
from engine.corpus.packed import FEWEST_UTTERANCES, problems_of_packing
from engine.corpus.reporting import Report, silently, unhurried
from engine.machine import usable_cores
from engine.preset import Features

SHORTEST_SECONDS = 0.025  # one window of the usual recipe


class Spread(Struct, frozen=True):
    """The smallest, the middle and the greatest of some values."""

    min: float
    median: float
    max: float


class CorpusSummary(Struct, frozen=True, kw_only=True):
    """A corpus in numbers; `speakers` and `utterances` count those whose headers can be read."""

    name: str
    layout: str
    root: str
    speakers: int
    utterances: int
    hours: float
    sample_rates: dict[int, int]  # hertz: utterances
    channels: dict[int, int]  # channels: utterances
    seconds: Spread | None  # of an utterance; none when no file can be read
    utterances_per_speaker: Spread | None
    problems: list[Problem]
    fingerprint: str
    packed: bool  # whether all audio has been decoded once, so that `problems` are all there are


class _Header(Struct, frozen=True):
    speaker: str
    sample_rate: int
    channels: int
    seconds: float


def summarize(spec: str, report: Report = silently) -> CorpusSummary:
    """Reads the header of every file of a corpus (see `engine.corpus.opening.open_corpus`), on all cores.

    A demo corpus that isn't in the cache yet is made first. Raises `InputError` as opening does.
    """
    report = unhurried(report)
    size = parse_demo(spec)
    if size is not None:
        make_demo(size, report)
    corpus = open_corpus(spec)
    headers: list[_Header] = []
    problems = list(corpus.problems)
    with ThreadPoolExecutor(usable_cores()) as pool:
        for done, header in enumerate(pool.map(_read_header, corpus.utterances), start=1):
            if isinstance(header, Problem):
                problems.append(header)
            else:
                headers.append(header)
            report("reading headers", done, len(corpus.utterances), "utterances")
    of_packing = problems_of_packing(corpus, Features())
    known = {(problem.kind, problem.where) for problem in problems}
    problems += [problem for problem in of_packing or [] if (problem.kind, problem.where) not in known]
    return _summary(corpus, headers, problems, packed=of_packing is not None)


def _read_header(utterance: Utterance) -> _Header | Problem:
    try:
        header = read_header(utterance.path)
    except UnusableAudio as error:
        return Problem(error.kind, utterance.id, str(error))
    end = header.seconds if utterance.end is None else min(utterance.end, header.seconds)
    seconds = end - utterance.start
    if seconds < SHORTEST_SECONDS:
        return Problem("short", utterance.id, f"lasts {max(0, seconds) * 1000:.0f} ms, less than one window")
    return _Header(utterance.speaker, header.sample_rate, header.channels, seconds)


def _summary(corpus: Corpus, headers: list[_Header], problems: list[Problem], *, packed: bool) -> CorpusSummary:
    of_speaker = Counter(header.speaker for header in headers)
    told = {problem.where for problem in problems if problem.kind == "too few utterances"}
    for speaker in corpus.speakers:
        if of_speaker[speaker] < FEWEST_UTTERANCES and speaker not in told:
            found = f"has {of_speaker[speaker]} readable utterances; {FEWEST_UTTERANCES} are needed to hold one out"
            problems.append(Problem("too few utterances", speaker, found))
    too_few = {problem.where for problem in problems if problem.kind == "too few utterances"}
    if len(set(corpus.speakers) - too_few) < 2:
        detail = f"at least 2 speakers with {FEWEST_UTTERANCES} usable utterances each are needed"
        problems.append(Problem("can't be trained on", corpus.name, detail))
    return CorpusSummary(
        packed=packed,
        name=corpus.name,
        layout=corpus.layout,
        root=str(corpus.root),
        speakers=len(of_speaker),
        utterances=len(headers),
        hours=sum(header.seconds for header in headers) / 3600,
        sample_rates=dict(Counter(header.sample_rate for header in headers).most_common()),
        channels=dict(Counter(header.channels for header in headers).most_common()),
        seconds=_spread([header.seconds for header in headers]),
        utterances_per_speaker=_spread(list(of_speaker.values())),
        problems=problems,
        fingerprint=corpus.fingerprint,
    )


def _spread(values: list[float] | list[int]) -> Spread | None:
    return Spread(min(values), statistics.median(values), max(values)) if values else None
