"""Which part of a corpus is used: so many speakers, so many utterances of each, chosen before anything is packed."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import msgspec

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.splits import hash_of
from engine.errors import InputError
from engine.preset import Data


def select(corpus: Corpus, data: Data) -> Corpus:
    """The speakers that the corpus's own split allows, and of them the part that `data` asks for.

    Raises `InputError` when `data` asks for what isn't there.
    """
    return _draw(_without_strangers(corpus), data)


def _without_strangers(corpus: Corpus) -> Corpus:
    """Leaves out speakers whom an official split tests on and never trains on: no classifier could tell them.

    A split with no speaker on both sides is one for other purposes, and is ignored here as in `splits.py`.
    """
    sides: dict[str, set[str]] = defaultdict(set)
    for utterance in corpus.utterances:
        sides[utterance.speaker].add("held out" if utterance.part in ("validation", "test") else "train")
    strangers = sorted(speaker for speaker, found in sides.items() if found == {"held out"})
    if not strangers or not any(len(found) == 2 for found in sides.values()):
        return corpus
    detail = "is held out by the corpus's own split and never trained on"
    gone = set(strangers)
    return msgspec.structs.replace(
        corpus,
        utterances=[utterance for utterance in corpus.utterances if utterance.speaker not in gone],
        problems=corpus.problems + [Problem("not in the training part", speaker, detail) for speaker in strangers],
    )


def _draw(corpus: Corpus, data: Data) -> Corpus:
    """The corpus with the speakers and utterances that `data` asks for; the same corpus when it asks for all.

    What is drawn is a function of the seed and of each name alone: with more speakers asked for, those of a smaller
    choice stay, and so with utterances. The fingerprint becomes that of the part. Raises `InputError` when fewer than
    2 speakers are asked for, or more than there are.
    """
    if not data.speakers and not data.max_utterances_per_speaker:
        return corpus
    utterances = corpus.utterances
    if data.speakers:
        chosen = _speakers(corpus, data)
        utterances = [utterance for utterance in utterances if utterance.speaker in chosen]
    if data.max_utterances_per_speaker == 1:
        raise InputError("data.max_utterances_per_speaker = 1 leaves nothing to hold out; take 2 or more, or 0 for all")
    if data.max_utterances_per_speaker:
        utterances = _fewer(utterances, data)
    digest = hashlib.blake2b(corpus.fingerprint.encode(), digest_size=16)
    for utterance in utterances:
        digest.update(utterance.id.encode() + b"\0")
    return msgspec.structs.replace(corpus, utterances=utterances, fingerprint=digest.hexdigest())


def _speakers(corpus: Corpus, data: Data) -> set[str]:
    counts = Counter(utterance.speaker for utterance in corpus.utterances)
    if not 2 <= data.speakers <= len(counts):
        raise InputError(
            f"data.speakers = {data.speakers} can't be had: {corpus.name} has {len(counts)} speakers, and at least 2"
            " are needed"
        )

    def rank(speaker: str) -> tuple[int, int]:
        return (0 if data.choose == "random" else -counts[speaker], hash_of("speaker", data.seed, speaker))

    return set(sorted(counts, key=rank)[: data.speakers])


def _fewer(utterances: list[Utterance], data: Data) -> list[Utterance]:
    """At most so many utterances of each speaker, in the order in which they were."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, utterance in enumerate(utterances):
        places[utterance.speaker].append(place)
    kept = set()
    for of_speaker in places.values():
        of_speaker.sort(key=lambda place: hash_of("utterance", data.seed, utterances[place].id))
        kept.update(of_speaker[: data.max_utterances_per_speaker])
    return [utterance for place, utterance in enumerate(utterances) if place in kept]
