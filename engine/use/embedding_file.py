"""A corpus's embeddings as a file for other programs (numpy's .npz), and the picture of some of its speakers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.corpus.packed import PackedCorpus
from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.files import replacing
from engine.use.cosines import Vectors, unit
from engine.use.embedded import Embedded, Picture, SpeakerPoints
from engine.use.embedding_cache import embeddings_of
from engine.use.evaluating import corpus_for, facts_of, part_of
from engine.use.orders import Embed
from engine.use.recognizer import load_model

MOST_SPEAKERS = 10  # in the picture: more letters than that, and none can be followed
MOST_OF_A_SPEAKER = 30

Indexes = NDArray[np.int64]


def embed(order: Embed, report: Report) -> Embedded:
    """Does what the order says: a file of embeddings (utterances, width), ids and speakers. Raises `InputError`."""
    report("loading the model", 0, 0, "")
    model = load_model(order.checkpoint, order.device)
    packed = corpus_for(model, order.corpus, order.data, report)
    utterances, notes = part_of(packed, model, order.part)
    embeddings = embeddings_of(model, packed, report)[utterances]
    ids = np.array([packed.ids[place] for place in utterances.tolist()])
    speakers = np.array(packed.speakers)[packed.speakers_of[utterances]]
    try:
        with replacing(Path(order.out)) as temporary, temporary.open("wb") as file:
            np.savez(file, embeddings=embeddings, ids=ids, speakers=speakers)
    except OSError as error:
        raise InputError(f"{order.out}: can't be written ({error.strerror})") from None
    return Embedded(
        model=facts_of(model),
        corpus=order.corpus,
        part=order.part,
        out=order.out,
        utterances=len(utterances),
        width=embeddings.shape[1],
        speakers=len(np.unique(speakers)),
        notes=notes if order.part != "all" else [],
        picture=picture(embeddings, packed, utterances),
    )


def picture(embeddings: Vectors, packed: PackedCorpus, utterances: Indexes) -> Picture:
    """The speakers with most utterances, on the first two principal components of their unit vectors.

    embeddings: (utterances, width). Each axis points where its largest weight is positive, so that the same embeddings
    give the same picture on every machine.
    """
    speakers_of = packed.speakers_of[utterances]
    number = np.bincount(speakers_of, minlength=len(packed.speakers))
    shown = [place for place in np.argsort(-number, kind="stable")[:MOST_SPEAKERS].tolist() if number[place]]
    rows = [np.flatnonzero(speakers_of == place)[:MOST_OF_A_SPEAKER] for place in sorted(shown)]
    vectors = unit(embeddings[np.concatenate(rows)]).astype(np.float64)
    centred = vectors - vectors.mean(axis=0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    first = np.zeros((2, centred.shape[1]))
    first[: len(axes)] = axes[:2]
    first *= np.where(np.take_along_axis(first, np.abs(first).argmax(axis=1)[:, None], axis=1) < 0, -1, 1)
    points = centred @ first.T  # (shown utterances, 2)
    shares = np.square(np.append(lengths, [0, 0])[:2]) / max(float(np.square(lengths).sum()), 1e-12)
    ends = np.cumsum([len(of_speaker) for of_speaker in rows])
    groups = [
        SpeakerPoints(packed.speakers[place], part[:, 0].tolist(), part[:, 1].tolist())
        for place, part in zip(sorted(shown), np.split(points, ends[:-1]), strict=True)
    ]
    return Picture((float(shares[0]), float(shares[1])), groups)
