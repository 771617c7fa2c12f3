"""Enrolling: recordings of a person in, a voice that this model tells again out, kept by `enrolments.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.use.cosines import Vectors, centroids
from engine.use.enrolments import Enrolments, changing, enrolments_path, read_enrolments, speaker_name
from engine.use.evaluating import facts_of
from engine.use.identification import Enrolment, Unusable
from engine.use.orders import Enroll
from engine.use.recognizer import Outputs, SpeakerRecognizer, load_model


def enroll(order: Enroll, report: Report) -> Enrolment:
    """Does what the order says. Raises `InputError` when no recording can be used."""
    report("loading the model", 0, 0, "")
    model = load_model(order.checkpoint, order.device)
    outputs = model.outputs(order.recordings, report)
    problems = unusable(order.recordings, order.names, outputs)
    names = [order.names[place] for place in outputs.places.tolist()]
    kept = keep(model, order.speaker, names, outputs.embeddings)
    speaker = speaker_name(order.speaker)
    return Enrolment(facts_of(model), speaker, names, len(kept.speakers[speaker]), sorted(kept.speakers), problems)


def keep(model: SpeakerRecognizer, speaker: str, recordings: Sequence[str], embeddings: Vectors) -> Enrolments:
    """Adds embeddings (recordings, width) to those of the speaker; returns all of this model. Raises `InputError`."""
    with changing(model.sha256, model.preset.name) as enrolments:
        enrolments.add(speaker_name(speaker), recordings, embeddings.tolist())
    return enrolments


def enrolled_voices(model: SpeakerRecognizer, width: int) -> tuple[list[str], Vectors]:
    """Names, sorted, and what stands for each: (speakers, width), unit vectors. Raises `InputError`."""
    speakers = sorted(read_enrolments(model.sha256).speakers.items())
    vectors = [voice.embedding for _, voices in speakers for voice in voices]
    if not vectors:
        return [], np.zeros((0, width), np.float32)
    if len(vectors[0]) != width:
        raise InputError(f"{enrolments_path(model.sha256)}: is damaged (its embeddings have another width)")
    owners = np.repeat(np.arange(len(speakers)), [len(voices) for _, voices in speakers])
    return [name for name, _ in speakers], centroids(np.array(vectors, np.float32), owners, len(speakers))


def unusable(recordings: Sequence[str], names: Sequence[str], outputs: Outputs) -> list[Unusable]:
    """The recordings that can't be used. Raises `InputError` with all their lines when there is no other."""
    problems = [
        Unusable(names[place], str(error).removeprefix(f"{recordings[place]}: "))
        for place, error in sorted(outputs.problems.items())
    ]
    if not len(outputs.places):
        lines = [f"{problem.path}: {problem.reason}" for problem in problems]
        raise InputError(lines[0] if len(lines) == 1 else "\n  ".join(["none of the recordings can be used", *lines]))
    return problems
