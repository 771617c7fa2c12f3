"""The cohort of adaptive score normalisation: a mean embedding of each speaker that a model was trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.corpus.reporting import Report
from engine.corpus.splits import split_of
from engine.errors import InputError
from engine.use.embedding_cache import embeddings_of
from engine.use.evaluating import corpus_for
from engine.use.recognizer import SpeakerRecognizer

Vectors = NDArray[np.float32]


class Cohort(NamedTuple):
    """Names, and vectors: (speakers, width), of length one."""

    speakers: list[str]
    vectors: Vectors


def cohort_of(model: SpeakerRecognizer, corpus: str, report: Report) -> Cohort:
    """The speakers of the corpus that the model was trained on, from its training part. Raises `InputError`."""
    if not corpus:
        raise InputError(
            f"{model.path}: lies in no run, so nobody knows whom it was trained on; say which corpus with --cohort PATH"
        )
    packed = corpus_for(model, corpus, model.preset.data, report)
    train = split_of(packed, model.preset.validation).train
    places = packed.speakers_of[train]
    kept = np.isin(packed.speakers, model.speakers) & (np.bincount(places, minlength=len(packed.speakers)) > 0)
    if not kept.any():
        raise InputError(f"{corpus}: has none of the speakers that {model.path} was trained on")
    vectors = unit(embeddings_of(model, packed, report, train))
    sums = np.zeros((len(packed.speakers), vectors.shape[1]), np.float32)
    np.add.at(sums, places, vectors)
    return Cohort([packed.speakers[place] for place in np.flatnonzero(kept).tolist()], unit(sums[kept]))


def unit(vectors: Vectors) -> Vectors:
    """The same directions, of length one: (rows, width). A vector of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
