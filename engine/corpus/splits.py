"""Which utterances are held out, and which segment of each is looked at: pure functions of a seed and of names.

Nothing is drawn from a generator, so a split depends neither on the order of files, nor on what was drawn before, nor
on numpy.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.preset import Validation

if TYPE_CHECKING:
    from engine.corpus.packed import PackedCorpus

Indexes = NDArray[np.int64]
Way: TypeAlias = Literal["official", "sessions", "utterances"]

FLATTERED = "accuracies may be better than on new recordings"
LEAK = f"no sessions are known, so held-out utterances can come from the recordings that are trained on: {FLATTERED}"
ONE_SESSION = f"every speaker has one session only, so what is held out shares it with what is trained on: {FLATTERED}"
WHOLE_SESSIONS = "no session is on both sides"
OWN_SPLIT = "the corpus's own split"
AS_ASKED = f"sessions are known and not looked at, as asked, so they are on both sides: {FLATTERED}"


class Split(NamedTuple):
    """Indexes of utterances, ascending. What an official split keeps for tests is in neither."""

    train: Indexes  # (training utterances,)
    validation: Indexes  # (validation utterances,)
    way: Way = "utterances"  # what was held out: the corpus's own choice, whole sessions, single utterances
    note: str = ""  # what a person should know of it, in one line


def split(
    ids: Sequence[str],
    speakers_of: Indexes,
    share: float,
    seed: int,
    sessions: Sequence[str] = (),
    parts: Sequence[str] = (),
    way: Literal["auto", "official", "sessions", "utterances"] = "auto",
) -> Split:
    """Divides utterances into those trained on and those held out, the way that the corpus allows or the preset asks.

    speakers_of: (utterances,), the speaker of each. sessions, parts: one of each utterance, "" where unknown (see
    `engine.corpus.corpus.Utterance`), or none at all. Raises `InputError` when the way asked for can't be gone.
    """
    if way in ("auto", "official") and any(part in ("validation", "test") for part in parts):
        official = _official(speakers_of, parts, sessions)
        if official is not None:
            return official
    if way == "official":
        raise InputError("validation.split = 'official': this corpus has no split of its own that speakers are told by")
    if way in ("auto", "sessions") and any(sessions):
        by_session = _by_session(ids, speakers_of, share, seed, sessions)
        if by_session is not None:
            return by_session
    if way == "sessions":
        raise InputError(
            "validation.split = 'sessions': no speaker of this corpus has two known sessions; take 'auto' or"
            " 'utterances'"
        )
    note = LEAK if not any(sessions) else AS_ASKED if way == "utterances" else ONE_SESSION
    return _by_utterance(ids, speakers_of, share, seed)._replace(note=note)


def split_of(packed: PackedCorpus, validation: Validation) -> Split:
    """The split of a packed corpus that a preset asks for. Raises `InputError` as `split` does."""
    return split(
        packed.ids,
        packed.speakers_of,
        validation.share,
        validation.seed,
        packed.sessions,
        packed.parts,
        validation.split,
    )


def _official(speakers_of: Indexes, parts: Sequence[str], sessions: Sequence[str]) -> Split | None:
    """The corpus's own split; None when it tells no speakers apart whom it also trains.

    Without a validation part the test part is held out. Utterances that it doesn't mention are trained on. Held-out
    utterances of speakers with nothing to train on can't be told right and are left out.
    """
    of = np.array(parts)
    held_out = of == ("validation" if "validation" in parts else "test")
    train = (of == "train") | (of == "")
    known = np.isin(speakers_of, speakers_of[train])
    validation = np.flatnonzero(held_out & known)
    if not len(validation) or len(np.unique(speakers_of[train])) < 2:
        return None
    strangers = len(np.unique(speakers_of[held_out & ~known]))
    note = OWN_SPLIT if "validation" in parts else f"{OWN_SPLIT}; its test part is held out"
    if strangers:
        note += f"; {strangers} of its speakers have nothing to train on, and aren't held out"
    if any(sessions):
        train_sessions, held_out_sessions = (
            {(speakers_of[place], sessions[place]) for place in side.tolist() if sessions[place]}
            for side in (np.flatnonzero(train), validation)
        )
        if shared := len(train_sessions & held_out_sessions):
            note += f"; sessions on both sides: {shared}, so {FLATTERED}"
    return Split(np.flatnonzero(train), validation, "official", note)


def _by_session(
    ids: Sequence[str], speakers_of: Indexes, share: float, seed: int, sessions: Sequence[str]
) -> Split | None:
    """Holds out whole sessions, nearly the share of all utterances; None when no speaker has two.

    Speaker by speaker, in the order of a hash, so many sessions are held out as bring the total nearest to its share so
    far, but never all of a speaker's. Speakers with one session are trained on and not held out.
    """
    of_speaker: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, (speaker, session) in enumerate(zip(speakers_of.tolist(), sessions, strict=True)):
        of_speaker[speaker][session].append(place)
    several = [list(found.values()) for found in of_speaker.values() if len(found) > 1]
    if not several:
        return None
    order = [hash_of("split", seed, identifier) for identifier in ids]
    for found in several:
        found.sort(key=lambda places: min(order[place] for place in places))
    several.sort(key=lambda found: min(order[place] for place in found[0]))
    held_out: list[int] = []
    wanted = 0.0
    for found in several:
        wanted += share * sum(map(len, found))
        left = len(found)
        for places in found:
            nearer = abs(len(held_out) + len(places) - wanted) < abs(len(held_out) - wanted)
            if nearer and left > 1:
                held_out += places
                left -= 1
    if not held_out:  # so few sessions and so great that none comes near: the smallest is better than none
        held_out = min((places for found in several for places in found), key=len)
    validation = np.sort(np.array(held_out, np.int64))
    train = np.setdiff1d(np.arange(len(speakers_of), dtype=np.int64), validation)
    note = WHOLE_SESSIONS
    single = len(of_speaker) - len(several)
    if single:
        note += f"; speakers with one session only, who are trained on alone: {single}"
    return Split(train, validation, "sessions", note)


def _by_utterance(ids: Sequence[str], speakers_of: Indexes, share: float, seed: int) -> Split:
    """Holds out round(share * utterances) utterances, at least one, from each speaker in proportion.

    Each speaker's part is share * its utterances, rounded down; those with the largest remainders get one more until
    the total is exact (the method of Hamilton). Each keeps at least one utterance to train on. Within a speaker those
    with the smallest hashes of (seed, id) are held out, so another seed gives another split. Needs 2 utterances of some
    speaker to hold out any.
    """
    order = np.array([hash_of("split", seed, identifier) for identifier in ids], np.uint64)
    speakers, counts = np.unique(speakers_of, return_counts=True)
    exact = share * counts
    held_out = np.minimum(np.floor(exact).astype(np.int64), counts - 1)
    # Equal remainders are common (corpora with as many utterances each), so ties fall by hash and not by name.
    tie = np.zeros(len(speakers), np.uint64)
    place = np.searchsorted(speakers, speakers_of)
    np.maximum.at(tie, place, order)
    by_remainder = np.lexsort((tie, held_out - exact))
    wanted = max(1, round(share * len(ids)))
    missing = min(wanted, int((counts - 1).sum())) - int(held_out.sum())
    while missing > 0:
        for speaker in by_remainder:
            if missing > 0 and held_out[speaker] < counts[speaker] - 1:
                held_out[speaker] += 1
                missing -= 1
    by_speaker_and_hash = np.lexsort((order, place))
    rank = np.arange(len(ids)) - np.repeat(np.cumsum(counts) - counts, counts)  # within the speaker, in that order
    is_held_out = rank < held_out[place[by_speaker_and_hash]]
    return Split(
        train=np.sort(by_speaker_and_hash[~is_held_out]).astype(np.int64),
        validation=np.sort(by_speaker_and_hash[is_held_out]).astype(np.int64),
    )


def validation_starts(ids: Sequence[str], lengths: Indexes, frames: int, seed: int) -> Indexes:
    """The first frame of each utterance's fixed validation segment: (utterances,).

    A function of seed, id and the utterance's own length, in frames: the segment lies inside the utterance, and begins
    at 0 when the utterance is no longer than a segment.
    """
    room = np.maximum(np.asarray(lengths, np.int64) - frames, 0) + 1  # places at which a segment can begin
    hashes = np.array([hash_of("segment", seed, identifier) for identifier in ids], np.uint64)
    return (hashes % room.astype(np.uint64)).astype(np.int64)


def hash_of(purpose: str, seed: int, name: str) -> int:
    """64 bits that look random and are the same on every machine."""
    digest = hashlib.blake2b(f"{purpose}\0{seed}\0{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
