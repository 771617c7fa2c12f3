"""The voices of a corpus as a model hears them: whom strangers are told from, and with --trained who may be speaking.

Training utterances make a speaker's centroid; held-out ones are the trials that thresholds are chosen on
(`thresholds.py`). What a model makes of a corpus is computed once and kept in the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from engine.corpus.packed import PackedCorpus
from engine.corpus.preparing import list_corpus
from engine.corpus.reporting import Report
from engine.corpus.splits import split_of
from engine.errors import InputError
from engine.files import cache_folder, write_atomically
from engine.preset import Data
from engine.use.cosines import Vectors, centroids, unit
from engine.use.evaluating import corpus_for
from engine.use.recognizer import SpeakerRecognizer
from engine.use.timeline import WINDOW_SECONDS

VERSION = 1  # counts up when the same files come to something else
MOST_OF_A_SPEAKER = 10  # utterances in a centroid
MOST_IN_CENTROIDS = 20_000
MOST_TRIALS = 4_000
STAGE = "the model's own voices"

Indexes = NDArray[np.int64]


class Reference(NamedTuple):
    """Speakers, what stands for each, and held-out utterances of theirs: as a whole, and a window of each."""

    speakers: list[str]
    centroids: Vectors  # (speakers, width), unit vectors as all here
    trials: Vectors  # (trials, width)
    windows: Vectors  # (trials, width): of WINDOW_SECONDS, as those of a timeline
    own: Indexes  # (trials,): the speaker of each


def reference_of(model: SpeakerRecognizer, corpus: str, data: Data, report: Report) -> Reference:
    """The voices of a corpus, from the cache or computed now. Raises `InputError` when it can't be used."""
    path = _cached_path(model, list_corpus(corpus, report, data).fingerprint, data)
    with suppress(OSError, SafetensorError, KeyError, ValueError):
        return _read(path)
    packed = corpus_for(model, corpus, data, report)
    found = _computed(model, packed, report)
    with suppress(OSError):  # computed again the next time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _written(found), private=True)
    return found


def _computed(model: SpeakerRecognizer, packed: PackedCorpus, report: Report) -> Reference:
    parts = split_of(packed, model.preset.validation)
    each = max(1, min(MOST_OF_A_SPEAKER, MOST_IN_CENTROIDS // len(packed.speakers)))
    kept = _first_of_each(packed.speakers_of[parts.train], each)
    enrolled = parts.train[kept]
    known, owners = np.unique(packed.speakers_of[enrolled], return_inverse=True)
    held_out = parts.validation[np.isin(packed.speakers_of[parts.validation], known)]
    if len(held_out) == 0 or len(known) < 2:
        raise InputError(f"{packed.name}: holds no utterances out, and two speakers at least are needed for trials")
    held_out = held_out[
        np.unique(np.linspace(0, len(held_out) - 1, min(len(held_out), MOST_TRIALS)).round().astype(int))
    ]
    utterances = np.concatenate([enrolled, held_out])
    whole = _embedded(model, packed, utterances, report)
    windows = _embedded_windows(model, packed, held_out)
    return Reference(
        [packed.speakers[place] for place in known],
        centroids(whole[: len(enrolled)], owners, len(known)),
        unit(whole[len(enrolled) :]),
        unit(windows),
        np.searchsorted(known, packed.speakers_of[held_out]),
    )


def _first_of_each(speakers_of: Indexes, each: int) -> NDArray[np.bool_]:
    """Which of the utterances, sorted by speaker, are among the first of their speaker."""
    _, first, number = np.unique(speakers_of, return_index=True, return_counts=True)
    return np.arange(len(speakers_of)) - np.repeat(first, number) < each


def _embedded(model: SpeakerRecognizer, packed: PackedCorpus, utterances: Indexes, report: Report) -> Vectors:
    parts: list[tuple[Indexes, Vectors]] = []
    done = 0
    for output in model.forward.of_packed(packed, utterances):
        parts.append((output.places, output.embeddings))
        done += len(output.places)
        report(STAGE, done, len(utterances), "utterances")
    return _in_order(parts)


def _embedded_windows(model: SpeakerRecognizer, packed: PackedCorpus, utterances: Indexes) -> Vectors:
    """Of each utterance the window in its middle."""
    most = round(WINDOW_SECONDS * packed.features.sample_rate / packed.features.hop)

    def windows() -> Iterator[NDArray[np.float16]]:
        for begin, length in zip(packed.offsets[utterances].tolist(), packed.lengths[utterances].tolist(), strict=True):
            begin += max(0, (length - most) // 2)
            yield np.asarray(packed.frames[begin : begin + min(length, most)])

    outputs = model.forward.of_utterances(windows())
    return _in_order([(output.places, output.embeddings) for output in outputs])


def _in_order(parts: list[tuple[Indexes, Vectors]]) -> Vectors:
    places = np.concatenate([place for place, _ in parts])
    vectors: Vectors = np.concatenate([embeddings for _, embeddings in parts])[np.argsort(places)]
    return vectors


def _cached_path(model: SpeakerRecognizer, fingerprint: str, data: Data) -> Path:
    key = hashlib.blake2b(digest_size=12)
    for part in (VERSION, model.sha256, fingerprint, data):
        key.update(msgspec.json.encode(part) + b"\0")
    return cache_folder() / "references" / f"{key.hexdigest()}.safetensors"


def _written(found: Reference) -> bytes:
    arrays = {name: getattr(found, name) for name in ("centroids", "trials", "windows", "own")}
    names = np.frombuffer(msgspec.json.encode(found.speakers), np.uint8)
    content: bytes = safetensors.numpy.save({**arrays, "speakers": names})
    return content


def _read(path: Path) -> Reference:
    """Raises `OSError`, `SafetensorError`, `KeyError` or `ValueError` for what isn't there or is damaged."""
    arrays = safetensors.numpy.load(path.read_bytes())
    speakers = msgspec.json.decode(arrays.pop("speakers").tobytes(), type=list[str])
    found = Reference(speakers=speakers, **{name: arrays[name] for name in ("centroids", "trials", "windows", "own")})
    if len(found.centroids) != len(speakers) or len(found.own) != len(found.trials):
        raise ValueError("is damaged")
    return found
