"""How good a checkpoint is on a part of a corpus, and how much better than another: data in, an `Evaluation` out.

It chooses the utterances and has them computed; what is made of the logits says `scoring.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.corpus.batches import ValidationBatches
from engine.corpus.frame_store import FrameStore
from engine.corpus.packed import PackedCorpus
from engine.corpus.preparing import prepare_corpus
from engine.corpus.reporting import Report
from engine.corpus.splits import split_of
from engine.errors import InputError, shown
from engine.model_settings import kind_of
from engine.preset import Data
from engine.use.embedding import Work
from engine.use.orders import Evaluate, Part
from engine.use.recognizer import SpeakerRecognizer, load_model
from engine.use.results import CORPUS_CHANGED, Comparison, Evaluation, ModelFacts
from engine.use.scoring import (
    Judged,
    accuracies,
    by_length,
    calibration,
    confusions,
    difference,
    joined,
    judge,
    taken,
    worst_matrix,
)

Indexes = NDArray[np.int64]


class Scored(NamedTuple):
    """A model's answers to utterances of a packed corpus: `utterances` are their indexes, one for each row."""

    packed: PackedCorpus
    utterances: Indexes
    segments: Judged
    whole: Judged


def evaluate(order: Evaluate, report: Report) -> Evaluation:
    """Does what the order says. Raises `InputError`."""
    report("loading the model", 0, 0, "")
    model = load_model(order.checkpoint, order.device)
    packed = corpus_for(model, order.corpus, order.data, report)
    utterances, notes = part_of(packed, model, order.part)
    utterances, left_out = known_to(model, packed, utterances)
    if left_out:
        notes.append(left_out)
    if order.fingerprint not in ("", packed.fingerprint):
        notes.append(CORPUS_CHANGED)
    scored = score(model, packed, utterances, report, "evaluating")
    comparison = _compare(order, scored, report) if order.against else None
    features, names = model.preset.features, model.speakers
    seconds = packed.lengths[scored.utterances] * features.hop / features.sample_rate
    return Evaluation(
        model=facts_of(model),
        corpus=order.corpus,
        fingerprint=packed.fingerprint,
        part=order.part,
        corpus_utterances=len(packed.ids),
        notes=notes,
        segment_seconds=model.preset.segments.frames * features.hop / features.sample_rate,
        segments=accuracies(scored.segments),
        whole=accuracies(scored.whole),
        by_length=by_length(scored.whole, seconds),
        confusions=confusions(scored.whole, names),
        matrix=worst_matrix(scored.whole, names),
        calibration=calibration(scored.whole),
        against=comparison,
    )


def facts_of(model: SpeakerRecognizer) -> ModelFacts:
    """What a report says of the model."""
    return ModelFacts(
        path=str(model.path),
        sha256=model.sha256,
        preset=model.preset.name,
        encoder=kind_of(model.preset.encoder),
        encoder_parameters=sum(parameter.numel() for parameter in model.model.encoder.parameters()),
        speakers=len(model.speakers),
        step=model.saved.step,
    )


def corpus_for(model: SpeakerRecognizer, corpus: str, data: Data, report: Report) -> PackedCorpus:
    """The corpus in the frames that the model takes. Raises `InputError`, also for ready-made frames of other bands."""
    packed = prepare_corpus(corpus, model.preset.features, report, data)
    check_bands(packed.features.mel_bands, model, corpus)
    return packed


def check_bands(bands: int | None, model: SpeakerRecognizer, corpus: str) -> None:
    """Raises `InputError` for a corpus of ready-made frames, unless they have the model's mel bands."""
    wanted = model.preset.features.mel_bands
    if bands not in (None, wanted):
        raise InputError(f"{corpus}: holds frames of {bands} mel bands, and {model.path} was trained on {wanted}")


def part_of(packed: PackedCorpus, model: SpeakerRecognizer, part: Part) -> tuple[Indexes, list[str]]:
    """The utterances of a part, ascending, and what a person should know of it. Raises `InputError`.

    Validation and training part are those of the model's own preset, so that on the corpus that it was trained on they
    are the run's.
    """
    if part == "all":
        advice = "if the model was trained on this corpus, most of these utterances are not new to it"
        return np.arange(len(packed.ids)), [advice]
    if part == "test":
        test = np.flatnonzero(np.array(packed.parts) == "test") if packed.parts else np.zeros(0, np.int64)
        if not len(test):
            raise InputError(f"{packed.name}: has no test part of its own; take --split validation or all")
        return test, []
    parts = split_of(packed, model.preset.validation)
    if part == "train":
        return parts.train, ["these utterances were trained on, so the numbers say nothing about new recordings"]
    return parts.validation, [parts.note] if parts.note else []


def known_to(model: SpeakerRecognizer, packed: PackedCorpus, utterances: Indexes) -> tuple[Indexes, str]:
    """The utterances of speakers that the model knows, and a line about the others. Raises `InputError`."""
    known = np.isin(packed.speakers, model.speakers)[packed.speakers_of[utterances]]  # (utterances,)
    if not known.any():
        raise InputError(
            f"{model.path}: knows none of the speakers of {packed.name}; names must be the same, such as"
            f" '{shown(model.speakers[0])}' (here: '{shown(packed.speakers[0])}')"
        )
    strangers = len(np.unique(packed.speakers_of[utterances[~known]]))
    line = f"left out: {int((~known).sum()):,} utterances of speakers that the model doesn't know ({strangers:,})"
    return utterances[known], line if strangers else ""


def score(model: SpeakerRecognizer, packed: PackedCorpus, utterances: Indexes, report: Report, stage: str) -> Scored:
    """The model's answers to each utterance's fixed segment and to the whole of it, as the run validated them."""
    preset = model.preset
    store = FrameStore(packed, model.forward.device, preset.segments)
    batches = ValidationBatches(store, packed, utterances, preset.segments, preset.validation.seed)
    classes = {name: place for place, name in enumerate(model.speakers)}
    class_of = np.array([classes.get(name, -1) for name in packed.speakers])
    own = class_of[packed.speakers_of[batches.utterances]]  # (utterances,), in the order of the batches
    every = np.arange(len(own))
    segments = [Work(every[place], partial(batches.segments_at, place)) for place in batches.segment_places()]
    whole = [Work(every[place], partial(batches.utterances_at, place)) for place in batches.utterance_places()]
    judged: list[Judged] = []
    done = 0
    for output in model.forward.of_batches(chain(segments, whole)):
        judged.append(judge(output.logits, own[output.places]))
        done += len(output.places)
        report(stage, done // 2, len(own), "utterances")
    return Scored(packed, batches.utterances, joined(judged[: len(segments)]), joined(judged[len(segments) :]))


def _compare(order: Evaluate, ours: Scored, report: Report) -> Comparison:
    """The other checkpoint on the same utterances, in the frames and segments of its own. Raises `InputError`."""
    other = load_model(order.against, order.device)
    packed = corpus_for(other, order.corpus, order.data, report)
    place_of = {identifier: place for place, identifier in enumerate(packed.ids)}
    shared = [place_of[identifier] for identifier in _ids(ours) if identifier in place_of]
    theirs = score(other, packed, known_to(other, packed, np.array(shared, np.int64))[0], report, "the other model")
    row_of = {identifier: row for row, identifier in enumerate(_ids(theirs))}
    pairs = [(row, row_of[name]) for row, name in enumerate(_ids(ours)) if name in row_of]
    mine, his = np.array(pairs, np.int64).T
    return Comparison(
        other=facts_of(other),
        other_segments=accuracies(taken(theirs.segments, his)),
        other_whole=accuracies(taken(theirs.whole, his)),
        segments=difference(taken(ours.segments, mine), taken(theirs.segments, his)),
        whole=difference(taken(ours.whole, mine), taken(theirs.whole, his)),
    )


def _ids(scored: Scored) -> Iterator[str]:
    return (scored.packed.ids[place] for place in scored.utterances.tolist())
