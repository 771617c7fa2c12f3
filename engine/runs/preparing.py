"""From what a run's preset asks for to packed frames, split and copied, and what a person should know of them.

Loads no torch. Whoever trains goes on from here: the worker itself, or each of several ranks, which find everything in
the cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from msgspec import structs

from engine.corpus.copies import Copy, check_augmentation, pack_copies
from engine.corpus.corpus import Problem
from engine.corpus.packed import PackedCorpus, pack
from engine.corpus.preparing import list_corpus
from engine.corpus.reporting import Report
from engine.corpus.splits import Split, split_of
from engine.preset import Preset
from engine.runs import events as e
from engine.runs.directory import RunInfo


class Prepared(NamedTuple):
    """Everything that training needs, and the preset with the frames that the corpus really has."""

    preset: Preset
    packed: PackedCorpus
    parts: Split
    copies: list[Copy]


def prepare(
    info: RunInfo, preset: Preset, report: Report, refitted: Callable[[Preset], Iterator[e.Diagnosis]]
) -> Generator[e.Diagnosis, None, Prepared]:
    """Lists, packs and splits the run's corpus, yielding what there is to tell. Raises `InputError`.

    refitted: what is done with the preset when ready-made frames are of another recipe than it says.
    """
    corpus = list_corpus(info.corpus, report, preset.data)
    check_augmentation(corpus, preset.augment)  # what is missing is told before anything is packed
    packed = pack(corpus, preset.features, report)
    if packed.features != preset.features:
        preset = structs.replace(preset, features=packed.features)
        yield from refitted(preset)
    parts = split_of(packed, preset.validation)
    yield from _notices(packed, parts, info.fingerprint)
    copies = pack_copies(corpus, packed, parts.train, preset.augment, report)
    yield from _notices_of_copies(copies)
    return Prepared(preset, packed, parts, copies)


def _notices(packed: PackedCorpus, split: Split, fingerprint: str) -> Iterator[e.Diagnosis]:
    """What a person should know of the corpus before it is trained on."""
    held_out = f"{len(split.train)} utterances to train on, {len(split.validation)} held out"
    yield e.Diagnosis(severity="notice", finding=f"{held_out}: {split.note}", advice="'spk-tui data' says more")
    left_out = [problem for problem in packed.problems if problem.leaves_out]
    yield from _left_out(left_out, "left out", "'spk-tui data' names them")
    remarks = [problem for problem in packed.problems if not problem.leaves_out]
    if remarks:
        finding = f"worth knowing: {_by_kind(remarks)}"
        yield e.Diagnosis(severity="notice", finding=finding, advice="'spk-tui data' names them")
    if fingerprint and fingerprint != packed.fingerprint:
        yield e.Diagnosis(
            severity="warning",
            finding="the corpus has changed since this run began",
            advice="the run goes on with what is there now; its curve mixes two corpora",
        )


def _notices_of_copies(copies: list[Copy]) -> Iterator[e.Diagnosis]:
    """What changed copies there are, and what they had to leave out."""
    if copies:
        counts = Counter(copy.words for copy in copies)
        words = ", ".join(words if number == 1 else f"{number} x {words}" for words, number in counts.items())
        yield e.Diagnosis(severity="notice", finding=f"trained on beside the corpus, as changed copies: {words}")
    problems = list(dict.fromkeys(problem for copy in copies for problem in copy.packed.problems))
    advice = "utterances that a copy lacks are trained on unchanged instead"
    yield from _left_out(problems, "left out of the changed copies", advice)


def _left_out(problems: list[Problem], what: str, advice: str) -> Iterator[e.Diagnosis]:
    """One warning for all of them, with the first by name."""
    if problems:
        first = problems[0]
        named = f"{first.where}{': ' if first.detail else ''}{first.detail}"
        finding = f"{len(problems)} {what}: {_by_kind(problems)} (the first: {named})"
        yield e.Diagnosis(severity="warning", finding=finding, advice=advice)


def _by_kind(problems: list[Problem]) -> str:
    """Such as "12 silent, 3 short"."""
    counts = Counter(problem.kind for problem in problems)
    return ", ".join(f"{number} {kind}" for kind, number in counts.most_common())
