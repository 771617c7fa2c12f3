"""What is in a corpus, what would be held out, and what is wrong with it: from headers alone, in seconds.

What shows only when everything is decoded (silence, damage, copies) is found by packing; a full survey packs first.
"""

from __future__ import annotations

import statistics
from collections import Counter
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.demo import make_demo, parse_demo
from engine.corpus.histogram import Histogram, histogram
from engine.corpus.lengths import Lengths, read_lengths
from engine.corpus.opening import open_corpus
from engine.corpus.packed import FEWEST_UTTERANCES, PackedCorpus, pack, problems_of_packing
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
    """A corpus in numbers: of the speakers and utterances that can be trained on, as far as is known.

    From headers alone that leaves out what can't be read and speakers with too few utterances; once everything is
    packed these are the very ones that training is given. Recordings last as long as they are, silence included.
    """

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
    """A corpus with what was found in it; `seconds` are those of the utterances that can be read, by id."""

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
    packed = pack(corpus, features) if problems_of_packing(corpus, features) is not None else None
    if packed is not None:
        lengths = msgspec.structs.replace(lengths, seconds=_seconds(corpus, lengths, packed))
    return Survey(corpus, lengths.seconds, _summary(corpus, lengths, packed, validation))


def _seconds(corpus: Corpus, lengths: Lengths, packed: PackedCorpus) -> dict[str, float | None]:
    """How long utterances last: by their headers; ready-made frames, and where no header tells, by what was packed."""
    hop = packed.features.hop / packed.features.sample_rate  # seconds
    by_frames = {
        identifier: frames * hop for identifier, frames in zip(packed.ids, packed.lengths.tolist(), strict=True)
    }
    by_headers = lengths.seconds if corpus.mel_bands is None else {}
    return {**lengths.seconds, **by_frames, **by_headers}


def _summary(corpus: Corpus, lengths: Lengths, packed: PackedCorpus | None, validation: Validation) -> CorpusSummary:
    problems = _problems(corpus, lengths, packed)
    utterances = _trainable(corpus, lengths, packed)
    divided = _split(utterances, validation)
    if divided is None:
        detail = f"at least 2 speakers with {FEWEST_UTTERANCES} usable utterances each are needed"
        problems.append(Problem("can't be trained on", corpus.name, detail))
    of_speaker = list(Counter(utterance.speaker for utterance in utterances).values())
    seconds = [value for utterance in utterances if (value := lengths.seconds[utterance.id]) is not None]
    headers = [lengths.headers[utterance.id] for utterance in utterances if utterance.id in lengths.headers]
    return CorpusSummary(
        name=corpus.name,
        layout=corpus.layout,
        root=str(corpus.root),
        speakers=len(of_speaker),
        utterances=len(utterances),
        hours=sum(seconds) / 3600,
        sessions=len({(utterance.speaker, utterance.session) for utterance in utterances if utterance.session}),
        mel_bands=corpus.mel_bands,
        sample_rates=dict(Counter(header.sample_rate for header in headers).most_common()),
        channels=dict(Counter(header.channels for header in headers).most_common()),
        seconds=_spread(seconds),
        utterances_per_speaker=_spread(of_speaker),
        seconds_histogram=histogram(seconds, least=0.01),
        utterances_per_speaker_histogram=histogram(of_speaker, least=1),
        split=divided,
        problem_kinds=_kinds(problems),
        problems=problems,
        fingerprint=corpus.fingerprint,
        packed=packed is not None,
    )


def _trainable(corpus: Corpus, lengths: Lengths, packed: PackedCorpus | None) -> list[Utterance]:
    """What training would be given, as far as is known, in its own order: sorted by speaker and id."""
    usable = lengths.seconds.keys() if packed is None else set(packed.ids)
    found = [utterance for utterance in corpus.utterances if utterance.id in usable]
    counts = Counter(utterance.speaker for utterance in found)
    return sorted(
        (utterance for utterance in found if counts[utterance.speaker] >= FEWEST_UTTERANCES),
        key=lambda utterance: (utterance.speaker, utterance.id),
    )


def _problems(corpus: Corpus, lengths: Lengths, packed: PackedCorpus | None) -> list[Problem]:
    """Everything that is known to be wrong, each once; what has been decoded decides what is left out."""
    if packed is None:
        return corpus.problems + lengths.problems + _too_few(corpus, lengths)
    told = corpus.problems + [problem for problem in lengths.problems if not problem.leaves_out]
    known = {(problem.kind, problem.where) for problem in told}
    return told + [problem for problem in packed.problems if (problem.kind, problem.where) not in known]


def _too_few(corpus: Corpus, lengths: Lengths) -> list[Problem]:
    """Speakers with fewer readable utterances than one can be held out of."""
    readable = Counter(utterance.speaker for utterance in corpus.utterances if utterance.id in lengths.seconds)
    return [
        Problem(
            TOO_FEW,
            speaker,
            f"has {'only one' if readable[speaker] else 'no'} readable utterance; {FEWEST_UTTERANCES} are needed to"
            " hold one out",
        )
        for speaker in corpus.speakers
        if readable[speaker] < FEWEST_UTTERANCES
    ]


def _split(utterances: list[Utterance], validation: Validation) -> SplitSummary | None:
    """What training would hold out of these, which are in its own order; none when too few speakers are left."""
    speakers = sorted({utterance.speaker for utterance in utterances})
    if len(speakers) < 2:
        return None
    place = {speaker: index for index, speaker in enumerate(speakers)}
    parts = split(
        [utterance.id for utterance in utterances],
        np.array([place[utterance.speaker] for utterance in utterances], np.int64),
        validation.share,
        validation.seed,
        [utterance.session for utterance in utterances],
        [utterance.part for utterance in utterances],
        validation.split,
    )
    train, held_out = len(parts.train), len(parts.validation)
    return SplitSummary(parts.way, train, held_out, len(utterances) - train - held_out, parts.note)


def _kinds(problems: list[Problem]) -> list[KindOfProblem]:
    leaves_out = {problem.kind: problem.leaves_out for problem in problems}
    counts = Counter(problem.kind for problem in problems).most_common()
    return sorted(
        (KindOfProblem(kind, number, leaves_out[kind]) for kind, number in counts), key=lambda kind: not kind.leaves_out
    )


def _spread(values: list[float] | list[int]) -> Spread | None:
    return Spread(min(values), statistics.median(values), max(values)) if values else None
