"""How well a checkpoint tells whether one speaker is heard twice: trials in, a `Verification` out.

It scores trials by matrix products. Which trials there are says `trial_task.py`, what is made of scores `detection.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.corpus.preparing import prepare_corpus
from engine.corpus.reporting import Report
from engine.corpus.splits import split_of
from engine.errors import InputError
from engine.files import write_atomically
from engine.use.cohort import Cohort, Vectors, cohort_of, unit
from engine.use.detection import measured
from engine.use.evaluating import facts_of
from engine.use.orders import Verify
from engine.use.recognizer import SpeakerRecognizer, load_model
from engine.use.score_normalisation import adapted
from engine.use.trial_task import Recordings, Task, drawn_trials, listed_trials
from engine.use.trials import Trials
from engine.use.verification_results import TrialFacts, Verification

SCORED_TOGETHER = 1 << 15
FEWEST_IN_COHORT = 2
FEWEST_FOR_INTERVALS = 10  # speakers

Floats = NDArray[np.float64]


def verify(order: Verify, report: Report) -> Verification:
    """Does what the order says. Raises `InputError`."""
    report("loading the model", 0, 0, "")
    model = load_model(order.checkpoint, order.device)
    choose = listed_trials if order.trials else drawn_trials
    task = choose(model, order, report)
    vectors = unit(task.recordings.embeddings)
    scores = {"cosine": cosines(vectors, task.trials)}
    notes = list(task.notes)
    if order.top:
        cohort = cohort_of(model, order.trained_on, report)
        own = _own_places(task.recordings, cohort)
        top = _cohort_size(order, cohort, own)
        notes.append(_about(cohort, top, bool((own >= 0).any())))
        scores[f"AS-norm, top {top}"] = adapted(scores["cosine"], task.trials, vectors, cohort.vectors, own, top)
    trained = _trained_trials(model, order, task, report)
    notes += _warnings(task, trained)
    report("drawing speakers for the intervals", 0, 0, "")
    places = np.unique(np.array(task.recordings.speakers), return_inverse=True)[1]
    sides = places[task.trials.first], places[task.trials.second]
    scorings = [measured(name, values, task.trials.same, sides) for name, values in scores.items()]
    if order.scores:
        _write(Path(order.scores), task, scores)
    return Verification(
        model=facts_of(model),
        corpus=order.corpus,
        fingerprint=task.fingerprint,
        notes=notes,
        trials=_facts(model, task, trained),
        scorings=scorings,
    )


def cosines(vectors: Vectors, trials: Trials) -> Floats:
    """The cosine of each trial: (trials,); vectors: (recordings, width), of length one."""
    scores = np.empty(len(trials.same))
    for begin in range(0, len(scores), SCORED_TOGETHER):
        part = slice(begin, begin + SCORED_TOGETHER)
        scores[part] = np.einsum("ij,ij->i", vectors[trials.first[part]], vectors[trials.second[part]])
    return scores


def _own_places(recordings: Recordings, cohort: Cohort) -> NDArray[np.int64]:
    """The place of each recording's own speaker in the cohort, or -1: (recordings,)."""
    place_of = {name: place for place, name in enumerate(cohort.speakers)}
    return np.array([place_of.get(name, -1) for name in recordings.speakers])


def _cohort_size(order: Verify, cohort: Cohort, own: NDArray[np.int64]) -> int:
    """How many of the cohort count: as many as were asked for, or all but a recording's own speaker."""
    most = len(cohort.speakers) - int((own >= 0).any())
    if most < FEWEST_IN_COHORT:
        raise InputError(f"{order.trained_on}: has {len(cohort.speakers)} speakers of the model, too few for a cohort")
    return min(order.top, most)


def _about(cohort: Cohort, top: int, own_left_out: bool) -> str:
    line = f"cohort of AS-norm: mean embeddings of {len(cohort.speakers):,} training speakers, of which the {top:,}"
    line += " most alike count for a recording"
    return f"{line}, its own speaker left out" if own_left_out else line


def _trained_trials(model: SpeakerRecognizer, order: Verify, task: Task, report: Report) -> int | None:
    """How many trials have a recording that was trained on; None where nobody can tell."""
    if task.speakers_known and set(task.recordings.speakers).isdisjoint(model.speakers):
        return 0
    if not order.trained_on or order.trained_on != order.corpus:
        return None
    packed = prepare_corpus(order.trained_on, model.preset.features, report, model.preset.data)
    ids = {packed.ids[place] for place in split_of(packed, model.preset.validation).train.tolist()}
    trained = np.array([name in ids for name in task.recordings.names])
    return int((trained[task.trials.first] | trained[task.trials.second]).sum())


def _warnings(task: Task, trained: int | None) -> list[str]:
    lines = []
    if trained:
        number = len(task.trials.same)
        lines.append(f"trials with a recording that was trained on: {trained:,} of {number:,}; they flatter the model")
    speakers = len(set(task.recordings.speakers))
    if speakers < FEWEST_FOR_INTERVALS:
        lines.append(f"there are only {speakers} speakers, so the intervals say little")
    return lines


def _facts(model: SpeakerRecognizer, task: Task, trained: int | None) -> TrialFacts:
    tried = np.unique(np.concatenate([task.trials.first, task.trials.second])).tolist()
    speakers = {task.recordings.speakers[place] for place in tried}
    same = int(task.trials.same.sum())
    return TrialFacts(
        source=task.source,
        trials=len(task.trials.same),
        same=same,
        different=len(task.trials.same) - same,
        recordings=len(tried),
        speakers=len(speakers),
        new_speakers=len(speakers - set(model.speakers)),
        trained_trials=trained,
    )


def _write(path: Path, task: Task, scores: dict[str, Floats]) -> None:
    """A line a trial, columns with tabs between them: 1 or 0, both names, and the scores. Raises `InputError`."""
    trials, names = task.trials, task.recordings.names
    columns = zip(*(values.tolist() for values in scores.values()), strict=True)
    pairs = zip(trials.same.tolist(), trials.first.tolist(), trials.second.tolist(), columns, strict=True)
    lines = [
        "\t".join([str(int(same)), names[first], names[second], *(f"{score:.6f}" for score in found)])
        for same, first, second, found in pairs
    ]
    try:
        write_atomically(path, "\n".join([*lines, ""]))
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror})") from None
