"""Which corpus a command on a trained model looks at, and how it is read: the run's own, or the one that is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from engine.preset import Data
    from engine.saved_model import SavedModel
    from engine.use.finding import FoundCheckpoint


class ModelCorpus(NamedTuple):
    """The corpus, "" where none is known; how it is read; and its fingerprint when the model was trained on it."""

    path: str
    data: Data
    fingerprint: str = ""


def corpus_of(
    found: FoundCheckpoint, saved: SavedModel, data: str | None, layout: str | None, *, whole: bool = False
) -> ModelCorpus:
    """The corpus at `data`, or the one that the run was trained on, which is read as the run read it.

    whole: of another corpus all speakers and utterances are wanted, however few the run took of its own.
    """
    from msgspec import structs

    from engine.files import user_path

    info = found.run.info() if found.run is not None else None
    own = data is None or (info is not None and user_path(data).resolve() == Path(info.corpus).resolve())
    read_as = structs.replace(saved.preset.data, layout=layout or (saved.preset.data.layout if own else "auto"))
    if whole and not own:
        read_as = structs.replace(read_as, speakers=0, max_utterances_per_speaker=0)
    if info is not None and own:
        return ModelCorpus(info.corpus, read_as, info.fingerprint)
    return ModelCorpus(data or "", read_as)


def demanded(found: FoundCheckpoint, corpus: ModelCorpus) -> ModelCorpus:
    """The corpus where there must be one. Raises `InputError`."""
    from engine.errors import InputError

    if not corpus.path:
        raise InputError(f"{found.path}: lies in no run, so nobody knows its corpus; say which with --data PATH")
    return corpus
