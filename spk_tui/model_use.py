"""A run's best checkpoint in use, for the dashboard: what the model screen asks for, one plain function each.

A child process computes (`engine.use.client`). Everything here blocks, so it is called in threads; no torch is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.runs.directory import RunDirectory
from engine.saved_model import SavedModel, read_saved
from engine.use.client import ask
from engine.use.enrolments import changing, read_enrolments
from engine.use.finding import FoundCheckpoint, find_checkpoint
from engine.use.identification import Enrolment, Identification
from engine.use.orders import Identify, Part
from engine.use.results import Evaluation
from spk_tui.checkpoint_facts import facts_of
from spk_tui.commands.model_corpus import corpus_of
from spk_tui.model_orders import enrolment_order, evaluation_order, sha256_of


class UsedModel(NamedTuple):
    """A checkpoint as it is now (a run that trains on may replace it), and who is enrolled with it.

    facts: what it says of itself, as pairs. voices: the recordings of each person.
    """

    found: FoundCheckpoint
    saved: SavedModel
    sha256: str
    facts: list[tuple[str, str]]
    corpus: str
    voices: dict[str, list[str]]


def open_model(run: RunDirectory) -> UsedModel:
    """The best checkpoint of a run. Raises `InputError`."""
    found = find_checkpoint(run.path)
    saved = read_saved(found.path)
    try:
        sha256 = sha256_of(found.path)
    except OSError as error:
        raise InputError(f"{found.path}: can't be read ({error.strerror})") from None
    speakers = read_enrolments(sha256).speakers
    voices = {name: [voice.recording for voice in speakers[name]] for name in sorted(speakers)}
    return UsedModel(found, saved, sha256, facts_of(found.path), corpus_of(found, saved, None, None).path, voices)


def evaluate(model: UsedModel, part: Part, report: Report) -> Evaluation:
    """How good it is on a part of the corpus that it was trained on. Raises `InputError` and `UseFailed`."""
    return ask(evaluation_order(model.found, model.saved, None, None, part, "", "auto"), Evaluation, report)


def identify(model: UsedModel, recordings: Sequence[str], trained: bool, report: Report) -> Identification:
    """Who speaks in recordings; trained: the model's own speakers may, too. Raises `InputError` and `UseFailed`."""
    corpus = corpus_of(model.found, model.saved, None, None, whole=True)
    order = Identify(
        checkpoint=str(model.found.path.absolute()),
        recordings=list(recordings),
        names=list(recordings),
        corpus=corpus.path,
        data=corpus.data,
        trained=trained,
    )
    return ask(order, Identification, report)


def enrol(model: UsedModel, speaker: str, recordings: Sequence[str], report: Report) -> Enrolment:
    """Keeps a person's voice for this checkpoint. Raises `InputError` and `UseFailed`."""
    return ask(enrolment_order(model.found, speaker, recordings), Enrolment, report)


def forget(model: UsedModel, speaker: str) -> None:
    """Takes a person's voice away. Raises `InputError`."""
    with changing(model.sha256, model.saved.preset.name) as enrolments:
        enrolments.remove(speaker)
