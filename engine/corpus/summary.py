"""What is in a corpus, what would be held out, and what is wrong with it: from headers alone, in seconds.

What shows only when everything is decoded (silence, damage, copies) is found by packing; a full survey packs first.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from engine.corpus.corpus import Corpus, Problem
from engine.corpus.demo import make_demo, parse_demo
from engine.corpus.histogram import Histogram, histogram
from engine.corpus.lengths import Lengths, read_lengths
from engine.corpus.opening import open_corpus
from engine.corpus.packed import FEWEST_UTTERANCES, problems_of_packing
from engine.corpus.packing_client import pack_in_child
from engine.corpus.reporting import Report, silently, unhurried
from engine.corpus.splits import Way, split
from engine.preset import Data, Features, Validation

TOO_FEW = "too few utterances"


class Spread(Struct, frozen=True):
    """The smallest, the middle and the greatest of some values."""

    min: float
    median: float
    max: float


class SplitSummary(Struct, frozen=True):
    """What would be held out, in utterances; those of an official test part may be in no part."""

    way: Way
    train: int
    validation: int
    test: int
    note: str


class KindOfProblem(Struct, frozen=True):
    """So many problems of one kind, and whether what they name is left out or only worth knowing of."""

    kind: str
    number: int
    leaves_out: bool


class CorpusSummary(Struct, frozen=True, kw_only=True):
    """A corpus in numbers; `speakers` and `utterances` count those whose headers can be read."""

    name: str
    layout: str
    root: str
    speakers: int
    utterances: int
    hours: float
    sessions: int  # 0: none is known
    mel_bands: int | None  # of ready-made frames; none: the files hold audio
    sample_rates: dict[int, int]  # hertz: utterances
    channels: dict[int, int]  # channels: utterances
    seconds: Spread | None  # of an utterance; none when no length is known
    utterances_per_speaker: Spread | None
    seconds_histogram: Histogram | None
    utterances_per_speaker_histogram: Histogram | None
    split: SplitSummary | None  # none: fewer than 2 speakers are left to train on
    problem_kinds: list[KindOfProblem]  # those that leave something out first, each the most frequent first
    problems: list[Problem]
    fingerprint: str
    packed: bool  # whether everything has been decoded once, so that `problems` are all there are


class Survey(NamedTuple):
    """A corpus with what was found in it; `seconds` are those of the utterances whose headers can be read, by id."""

    corpus: Corpus
    seconds: dict[str, float | None]
    summary: CorpusSummary


def summarize(
    spec: str,
    report: Report = silently,
    data: Data | None = None,
    full: bool = False,
    features: Features | None = None,
    validation: Validation | None = None,
) -> CorpusSummary:
    """The corpus in numbers; see `survey`."""
    return survey(spec, report, data, full, features, validation).summary


def survey(
    spec: str,
    report: Report = silently,
    data: Data | None = None,
    full: bool = False,
    features: Features | None = None,
    validation: Validation | None = None,
) -> Survey:
    """Reads the header of every file of a corpus (see `engine.corpus.opening.open_corpus`), on all cores.

    With `full` everything is decoded once and kept, in a child process: the next training finds it packed. What packing
    has found wrong is told from then on. A demo corpus that isn't in the cache yet is made first. If `report` raises,
    the work ends at once. Raises `InputError` as opening does, when the validation asked for can't be had, and, with
    `full`, when nothing is left to train on.
    """
    data, features, validation = data or Data(), features or Features(), validation or Validation()
    report = unhurried(report)
    size = parse_demo(spec)
    if full:
        pack_in_child(spec, data, features, report)
    elif size is not None:
        make_demo(size, report)
    corpus = open_corpus(spec, data)
    lengths = read_lengths(corpus, features, report)
    of_packing = problems_of_packing(corpus, features)
    return Survey(corpus, lengths.seconds, _summary(corpus, lengths, of_packing, validation))


def _summary(
    corpus: Corpus, lengths: Lengths, of_packing: list[Problem] | None, validation: Validation
) -> CorpusSummary:
    known = {(problem.kind, problem.where) for problem in corpus.problems + lengths.problems}
    found_inside = [problem for problem in of_packing or [] if (problem.kind, problem.where) not in known]
    unusable = {problem.where for problem in found_inside if problem.leaves_out and problem.kind != TOO_FEW}
    readable = Counter(utterance.speaker for utterance in corpus.utterances if utterance.id in lengths.seconds)
    problems = corpus.problems + lengths.problems + found_inside
    problems += _too_few(corpus, readable, problems)
    divided = _split(corpus, lengths.seconds.keys() - unusable, validation)
    if divided is None:
        detail = f"at least 2 speakers with {FEWEST_UTTERANCES} usable utterances each are needed"
        problems.append(Problem("can't be trained on", corpus.name, detail))
    seconds = [value for value in lengths.seconds.values() if value is not None]
    return CorpusSummary(
        name=corpus.name,
        layout=corpus.layout,
        root=str(corpus.root),
        speakers=len(readable),
        utterances=len(lengths.seconds),
        hours=sum(seconds) / 3600,
        sessions=len({
            (utterance.speaker, utterance.session)
            for utterance in corpus.utterances
            if utterance.session and utterance.id in lengths.seconds
        }),
        mel_bands=corpus.mel_bands,
        sample_rates=lengths.sample_rates,
        channels=lengths.channels,
        seconds=_spread(seconds),
        utterances_per_speaker=_spread(list(readable.values())),
        seconds_histogram=histogram(seconds, least=0.01),
        utterances_per_speaker_histogram=histogram(list(readable.values()), least=1),
        split=divided,
        problem_kinds=_kinds(problems),
        problems=problems,
        fingerprint=corpus.fingerprint,
        packed=of_packing is not None,
    )  # fmt: skip


def _too_few(corpus: Corpus, readable: Counter[str], problems: list[Problem]) -> list[Problem]:
    """Speakers with fewer utterances than one can be held out of, where packing hasn't told so."""
    told = {problem.where for problem in problems if problem.kind == TOO_FEW}
    return [
        Problem(
            TOO_FEW,
            speaker,
            f"has {readable[speaker]} readable utterances; {FEWEST_UTTERANCES} are needed to hold one out",
        )
        for speaker in corpus.speakers
        if readable[speaker] < FEWEST_UTTERANCES and speaker not in told
    ]


def _split(corpus: Corpus, usable: Collection[str], validation: Validation) -> SplitSummary | None:
    """What training would hold out of the usable utterances, in its own order; none when too little is left."""
    counts = Counter(utterance.speaker for utterance in corpus.utterances if utterance.id in usable)
    speakers = sorted(speaker for speaker, number in counts.items() if number >= FEWEST_UTTERANCES)
    if len(speakers) < 2:
        return None
    place = {speaker: index for index, speaker in enumerate(speakers)}
    kept = sorted(
        (utterance for utterance in corpus.utterances if utterance.id in usable and utterance.speaker in place),
        key=lambda utterance: (utterance.speaker, utterance.id),
    )
    parts = split(
        [utterance.id for utterance in kept],
        np.array([place[utterance.speaker] for utterance in kept], np.int64),
        validation.share,
        validation.seed,
        [utterance.session for utterance in kept],
        [utterance.part for utterance in kept],
        validation.split,
    )
    train, held_out = len(parts.train), len(parts.validation)
    return SplitSummary(parts.way, train, held_out, len(kept) - train - held_out, parts.note)


def _kinds(problems: list[Problem]) -> list[KindOfProblem]:
    leaves_out = {problem.kind: problem.leaves_out for problem in problems}
    counts = Counter(problem.kind for problem in problems).most_common()
    return sorted(
        (KindOfProblem(kind, number, leaves_out[kind]) for kind, number in counts), key=lambda kind: not kind.leaves_out
    )


def _spread(values: list[float] | list[int]) -> Spread | None:
    return Spread(min(values), statistics.median(values), max(values)) if values else None
