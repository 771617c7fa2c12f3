"""Who speaks in a recording, as a whole and second by second, or that it is nobody known: open-set identification.

Candidates are those enrolled and, where asked for, the speakers that the model was trained on. How a threshold is
chosen says `thresholds.py`, on which trials `reference.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.corpus.decoding import UnusableAudio, read_header
from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.files import user_path
from engine.use.cosines import Vectors, unit
from engine.use.embedding import Frames
from engine.use.enrolling import enrolled_voices, unusable
from engine.use.enrolments import all_enrolments, read_enrolments
from engine.use.evaluating import facts_of
from engine.use.identification import Identification, Identified, Match, Threshold, Window
from engine.use.orders import Identify
from engine.use.recognizer import SpeakerRecognizer, load_model
from engine.use.reference import Reference, reference_of
from engine.use.thresholds import FALLBACK, threshold_for
from engine.use.timeline import window_frames

LONG_SECONDS = 10.0
"""A recording from this length on gets a timeline by itself."""
FEW_TRIALS = 100


class Candidates(NamedTuple):
    """Who may be speaking: names, whether each was enrolled, and what stands for them (candidates, width)."""

    names: list[str]
    enrolled: list[bool]
    voices: Vectors

    def matches(self, scores: NDArray[np.float32], most: int) -> list[Match]:
        """The best of the scores (candidates,), first the best."""
        best = np.argsort(-scores, kind="stable")[:most].tolist()
        return [Match(self.names[place], float(scores[place]), self.enrolled[place]) for place in best]


def identify(order: Identify, report: Report) -> Identification:
    """Does what the order says. Raises `InputError` when no recording can be used or there are no candidates."""
    report("loading the model", 0, 0, "")
    model = load_model(order.checkpoint, order.device)
    if not order.trained:
        _demand_enrolled(model)
    reference, notes = _reference(order, model, report)
    outputs = model.outputs(order.recordings, report)
    problems = unusable(order.recordings, order.names, outputs)
    candidates = _candidates(order, model, reference, outputs.embeddings.shape[1])
    notes += _missing_candidates(order, model, candidates)
    threshold, window_threshold = _thresholds(order, reference, len(candidates.names))
    recordings = []
    for place, scores in zip(outputs.places.tolist(), unit(outputs.embeddings) @ candidates.voices.T, strict=True):
        path = user_path(order.recordings[place])
        seconds = _seconds(path)
        wanted = order.timeline if order.timeline is not None else seconds is None or seconds >= LONG_SECONDS
        timeline = _timeline(model, path, candidates, window_threshold, report) if wanted else []
        matches = candidates.matches(scores, max(1, order.most))
        speaker = matches[0].speaker if matches[0].score >= threshold.value else None
        length = seconds if seconds is not None else float(len(timeline))
        recordings.append(Identified(order.names[place], length, speaker, matches[: order.most], timeline))
    return Identification(
        model=facts_of(model),
        candidates=len(candidates.names),
        threshold=threshold,
        window_threshold=window_threshold,
        recordings=recordings,
        problems=problems,
        notes=notes,
    )


def _demand_enrolled(model: SpeakerRecognizer) -> None:
    if read_enrolments(model.sha256).speakers:
        return
    others = sorted({name for enrolments in all_enrolments() for name in enrolments.speakers})
    elsewhere = f" (with other models: {', '.join(others[:5])}{', …' if len(others) > 5 else ''})" if others else ""
    raise InputError(
        f"{model.path}: nobody is enrolled with this model{elsewhere}; 'spk-tui enroll NAME FILES...' does it, and"
        " --trained looks among the speakers that it was trained on"
    )


def _reference(order: Identify, model: SpeakerRecognizer, report: Report) -> tuple[Reference | None, list[str]]:
    """The corpus's voices where they are needed and can be had, and a line on what is missing. Raises `InputError`."""
    if order.threshold is not None and not order.trained:
        return None, []
    if not order.corpus:
        if order.trained:
            raise InputError(
                f"{model.path}: lies in no run, so nobody knows the voices that it was trained on; say which corpus"
                " with --data PATH"
            )
        return None, []
    try:
        return reference_of(model, order.corpus, order.data, report), []
    except InputError as error:
        if order.trained:
            raise
        return None, [f"no trials: {str(error).splitlines()[0]}"]


def _candidates(order: Identify, model: SpeakerRecognizer, reference: Reference | None, width: int) -> Candidates:
    names, voices = enrolled_voices(model, width)
    enrolled = [True] * len(names)
    if order.trained and reference is not None:
        known = [place for place, name in enumerate(reference.speakers) if name in set(model.speakers)]
        names = names + [reference.speakers[place] for place in known]
        enrolled += [False] * len(known)
        voices = np.concatenate([voices, reference.centroids[known]])
    if not names:
        raise InputError(f"{order.corpus}: has none of the speakers that {model.path} was trained on")
    return Candidates(names, enrolled, voices)


def _missing_candidates(order: Identify, model: SpeakerRecognizer, candidates: Candidates) -> list[str]:
    """A line where the corpus has the voices of only some of the model's own speakers, or of none."""
    found, wanted = candidates.enrolled.count(False), len(model.speakers)
    if not order.trained or found == wanted:
        return []
    return [
        f"{order.corpus} has {found:,} of the {wanted:,} speakers that the model was trained on; the others are no"
        " candidates"
    ]


def _thresholds(order: Identify, reference: Reference | None, candidates: int) -> tuple[Threshold, Threshold]:
    """That of whole recordings and that of windows."""
    if order.threshold is not None:
        given = Threshold(order.threshold, "as given")
        return given, given
    if reference is None:
        fallback = Threshold(FALLBACK, "no trials at hand to choose it by, so strangers may be let in more often")
        return fallback, fallback
    trials, speakers = len(reference.own), len(reference.speakers)
    basis = f"chosen on {trials:,} held-out utterances of {speakers:,} speakers"
    if candidates > speakers - 1:
        basis += f", for {speakers - 1:,} candidates"
    if trials < FEW_TRIALS:
        basis += "; so few that it is rough"
    whole, windows = (
        threshold_for(tried @ reference.centroids.T, reference.own, candidates, order.false_accepts, basis)
        for tried in (reference.trials, reference.windows)
    )
    return whole, windows


def _timeline(
    model: SpeakerRecognizer, path: Path, candidates: Candidates, threshold: Threshold, report: Report
) -> list[Window]:
    """Who speaks in each second. Raises `InputError` when the file can't be read on."""
    silent: list[bool] = []

    def heard() -> Iterator[Frames]:
        for frames in window_frames(path, model.preset.features):
            silent.append(frames is None)
            report("listening to each second", len(silent), 0, "s")
            if frames is not None:
                yield frames

    scores: dict[int, tuple[int, float]] = {}
    try:
        for output in model.forward.of_utterances(heard()):
            of_batch = unit(output.embeddings) @ candidates.voices.T  # (batch, candidates)
            best = of_batch.argmax(axis=1)
            for place, row, candidate in zip(output.places.tolist(), of_batch, best.tolist(), strict=True):
                scores[place] = (candidate, float(row[candidate]))
    except UnusableAudio as error:
        raise InputError(f"{path}: {error}") from None
    windows, spoken = [], 0
    for second, is_silent in enumerate(silent):
        if is_silent:
            windows.append(Window(float(second), None, None))
            continue
        candidate, score = scores[spoken]
        spoken += 1
        speaker = candidates.names[candidate] if score >= threshold.value else None
        windows.append(Window(float(second), speaker, score))
    return windows


def _seconds(path: Path) -> float | None:
    """A recording's length as its header has it; none where it promises nothing credible, as after a pipe."""
    try:
        return read_header(path).seconds
    except UnusableAudio:
        return None
