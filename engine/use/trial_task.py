"""What is tried in a verification: the recordings with their speakers and embeddings, and the trials of them.

Either a list says it (`trial_recordings.py` finds what it names), or trials are drawn from a part of a corpus.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from engine.corpus.packed import PackedCorpus, pack
from engine.corpus.preparing import list_corpus
from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.preset import Data
from engine.use.embedding_cache import embeddings_of
from engine.use.evaluating import check_bands, corpus_for, part_of
from engine.use.orders import Verify
from engine.use.recognizer import SpeakerRecognizer
from engine.use.trial_recordings import embed_named, find_recordings
from engine.use.trials import Trials, all_pairs, draw_trials, read_trials

Indexes = NDArray[np.int64]


class Recordings(NamedTuple):
    """What trials are made of, a row a recording: its name, its speaker's, and embeddings: (recordings, width)."""

    names: list[str]
    speakers: list[str]
    embeddings: NDArray[np.float32]


class Task(NamedTuple):
    """Recordings and trials of them, where they come from, and what a person should know of their choice."""

    recordings: Recordings
    trials: Trials
    source: str
    fingerprint: str  # of the corpus that they were drawn from; empty for a list
    speakers_known: bool
    notes: list[str]


def listed_trials(model: SpeakerRecognizer, order: Verify, report: Report) -> Task:
    """The trials of a list. Raises `InputError`."""
    report("reading the trials", 0, 0, "")
    listed = read_trials(Path(order.trials))
    named = find_recordings(listed, order.trials, order.corpus, _whole(order.data), report)
    check_bands(named.corpus.mel_bands, model, order.corpus)
    found = embed_named(model, named, report)
    row_of = np.full(len(named.utterances), -1)
    row_of[found.places] = np.arange(len(found.places))
    trials = Trials(row_of[listed.trials.first], row_of[listed.trials.second], listed.trials.same)
    usable = (trials.first >= 0) & (trials.second >= 0)
    notes = []
    if not usable.all():
        number, why = int((~usable).sum()), found.problems[0]
        notes.append(
            f"trials left out: {number:,}; recordings that can't be used: {len(found.problems):,}, such as {why}"
        )
    trials = Trials._make(column[usable] for column in trials)
    if notes and (trials.same.all() or not trials.same.any()):
        raise InputError(f"{order.trials}: too few trials are left to compare both kinds; {notes[0]}")
    utterances = [named.utterances[place] for place in found.places.tolist()]
    recordings = Recordings([one.id for one in utterances], [one.speaker for one in utterances], found.embeddings)
    if not named.speakers_known:
        notes.append("neither the list nor the corpus says who speaks, so intervals are over recordings")
    elif contradictions := _contradictions(recordings, trials):
        notes.append(f"trials that contradict the corpus or the folders about who speaks: {contradictions:,}")
    return Task(recordings, trials, order.trials, "", named.speakers_known, notes)


def _contradictions(recordings: Recordings, trials: Trials) -> int:
    places = np.unique(np.array(recordings.speakers), return_inverse=True)[1]
    return int(((places[trials.first] == places[trials.second]) != trials.same).sum())


def drawn_trials(model: SpeakerRecognizer, order: Verify, report: Report) -> Task:
    """Trials of a part of a corpus. Raises `InputError`."""
    packed, utterances, part, notes = _part(model, order, report)
    speakers_of = packed.speakers_of[utterances]
    if order.each:
        trials = draw_trials(speakers_of, order.each, order.seed)
        source = f"{order.each:,} of either kind for each speaker, drawn by seed {order.seed}, of {part}"
    else:
        trials, source = all_pairs(speakers_of), f"all pairs of {part}"
    if trials.same.all() or not trials.same.any():
        raise InputError(
            f"{order.corpus}: {part} gives {len(trials.same):,} trials of one kind only; two speakers are needed, and"
            " one with two recordings (--split chooses another part)"
        )
    embeddings = embeddings_of(model, packed, report, utterances)
    names = [packed.ids[place] for place in utterances.tolist()]
    speakers = [packed.speakers[place] for place in speakers_of.tolist()]
    recordings = Recordings(names, speakers, embeddings)
    return Task(recordings, trials, source, packed.fingerprint, True, notes)


def _part(model: SpeakerRecognizer, order: Verify, report: Report) -> tuple[PackedCorpus, Indexes, str, list[str]]:
    """The corpus, the utterances that trials are drawn from, their part's name, and what to know of it."""
    asked = order.part
    if asked == "auto" or asked == "strangers":
        found = _strangers(model, order, report)
        if found is not None:
            return *found, "speakers that it doesn't know", []
        asked = "validation"
    packed = corpus_for(model, order.corpus, order.data, report)
    utterances, notes = part_of(packed, model, asked)
    words = {"all": "all utterances", "train": "the training part"}.get(asked, f"the {asked} part")
    counted = order.corpus == order.trained_on and asked in ("train", "all")  # a number says what they would warn of
    return packed, utterances, words, [] if counted else notes


def _strangers(model: SpeakerRecognizer, order: Verify, report: Report) -> tuple[PackedCorpus, Indexes] | None:
    """The utterances of speakers whom the model doesn't know; None where there are none and nobody insists."""
    corpus = list_corpus(order.corpus, report, _whole(order.data))
    strangers = set(corpus.speakers) - set(model.speakers)
    if len(strangers) < 2:
        if order.part == "auto":
            return None
        raise InputError(
            f"{order.corpus}: the model was trained on {len(corpus.speakers) - len(strangers):,} of its"
            f" {len(corpus.speakers):,} speakers, so there are no two strangers; take --split validation, or keep"
            " speakers back in training with --speakers N"
        )
    packed = pack(corpus, model.preset.features, report)
    check_bands(packed.features.mel_bands, model, order.corpus)
    new = np.array([speaker in strangers for speaker in packed.speakers])
    return packed, np.flatnonzero(new[packed.speakers_of])


def _whole(data: Data) -> Data:
    """The corpus read as it was, but all of it: a run that takes a part of the speakers leaves strangers behind."""
    return structs.replace(data, speakers=0, max_utterances_per_speaker=0)
