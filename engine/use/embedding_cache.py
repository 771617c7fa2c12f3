"""The embeddings of all utterances of a corpus, computed once for a checkpoint and then read from the cache.

Verification compares the same utterances again and again; a list of trials costs matrix products only.
"""

from __future__ import annotations

import hashlib
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


def embeddings_of(model: SpeakerRecognizer, packed: PackedCorpus, report: Report = silently) -> NDArray[np.float32]:
    """Embeddings of the corpus's utterances, whole, in its order: (utterances, width).

    Kept by the checkpoint's hash, the corpus's fingerprint and the feature recipe. Where the cache can't be written
    they are computed again the next time.
    """
    path = cached_path(model, packed)
    with suppress(OSError, SafetensorError, KeyError):
        found: NDArray[np.float32] = safetensors.numpy.load(path.read_bytes())["embeddings"]
        if len(found) == len(packed.ids) and found.dtype == np.float32:
            return found
    embeddings = _embedded(model, packed, report)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, safetensors.numpy.save({"embeddings": embeddings}))
    return embeddings


def cached_path(model: SpeakerRecognizer, packed: PackedCorpus) -> Path:
    """Where they lie."""
    key = hashlib.blake2b(digest_size=12)
    for part in (VERSION, model.sha256, packed.fingerprint, packed.features):
        key.update(msgspec.json.encode(part) + b"\0")
    return cache_folder() / "embeddings" / f"{key.hexdigest()}.safetensors"


def _embedded(model: SpeakerRecognizer, packed: PackedCorpus, report: Report) -> NDArray[np.float32]:
    embeddings = np.zeros((len(packed.ids), 0), np.float32)
    done = 0
    for output in model.forward.of_packed(packed, np.arange(len(packed.ids))):
        if not embeddings.size:
            embeddings = np.zeros((len(packed.ids), output.embeddings.shape[1]), np.float32)
        embeddings[output.places] = output.embeddings
        done += len(output.places)
        report(STAGE, done, len(packed.ids), "utterances")
    return embeddings
