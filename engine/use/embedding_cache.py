"""The embeddings of a corpus's utterances, computed once for a checkpoint and then read from the cache.

Verification compares the same utterances again and again; a list of trials costs matrix products only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from engine.corpus.packed import PackedCorpus
from engine.corpus.reporting import Report, silently
from engine.files import cache_folder, write_atomically
from engine.use.recognizer import SpeakerRecognizer

VERSION = 1  # counts up when an embedding of the same file comes to something else
STAGE = "embedding"


def embeddings_of(
    model: SpeakerRecognizer,
    packed: PackedCorpus,
    report: Report = silently,
    utterances: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """Embeddings of the corpus's utterances, whole, in its order, or of these: (utterances, width).

    Kept by the checkpoint's hash, the corpus's fingerprint and the feature recipe. Where the cache can't be written
    they are computed again the next time.
    """
    every = np.arange(len(packed.ids))
    path = cached_path(model, packed)
    if utterances is None or len(utterances) == len(every) or path.is_file():
        whole = kept(path, len(every), lambda: _embedded(model, packed, every, report))
        return whole if utterances is None else whole[utterances]
    path = path_for(path.name, hashlib.blake2b(utterances.tobytes(), digest_size=12).hexdigest())
    return kept(path, len(utterances), lambda: _embedded(model, packed, utterances, report))


def kept(path: Path, rows: int, compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """Embeddings that lie at a path of the cache, if there are so many, or those computed now, which then lie there."""
    with suppress(OSError, SafetensorError, KeyError):
        found: NDArray[np.float32] = safetensors.numpy.load(path.read_bytes())["embeddings"]
        if len(found) == rows and found.dtype == np.float32:
            return found
    embeddings = compute()
    if len(embeddings) != rows:
        return embeddings  # some can't be used, and why is told each time
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, safetensors.numpy.save({"embeddings": embeddings}), private=True)
    return embeddings


def cached_path(model: SpeakerRecognizer, packed: PackedCorpus) -> Path:
    """Where those of a whole corpus lie."""
    return path_for(model.sha256, packed.fingerprint, packed.features)


def path_for(*parts: object) -> Path:
    """Where embeddings lie that are a function of these parts, a model's hash among them."""
    key = hashlib.blake2b(digest_size=12)
    for part in (VERSION, *parts):
        key.update(msgspec.json.encode(part) + b"\0")
    return cache_folder() / "embeddings" / f"{key.hexdigest()}.safetensors"


def _embedded(
    model: SpeakerRecognizer, packed: PackedCorpus, utterances: NDArray[np.int64], report: Report
) -> NDArray[np.float32]:
    embeddings = np.zeros((len(utterances), 0), np.float32)
    done = 0
    for output in model.forward.of_packed(packed, utterances):
        if not embeddings.size:
            embeddings = np.zeros((len(utterances), output.embeddings.shape[1]), np.float32)
        embeddings[output.places] = output.embeddings
        done += len(output.places)
        report(STAGE, done, len(utterances), "utterances")
    return embeddings
