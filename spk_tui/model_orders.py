"""What a child process is asked to do with a model, from what a person has named: for commands, reports and screens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from engine.saved_model import SavedModel
from engine.use.finding import FoundCheckpoint
from engine.use.orders import Enroll, Evaluate, Part
from spk_tui.commands.model_corpus import corpus_of, demanded


def evaluation_order(
    found: FoundCheckpoint,
    saved: SavedModel,
    data: str | None,
    layout: str | None,
    part: Part,
    against: str,
    device: str,
) -> Evaluate:
    """An evaluation. On the run's own corpus that is read as the run read it. Raises `InputError`."""
    corpus = demanded(found, corpus_of(found, saved, data, layout, whole=part in ("test", "all")))
    return Evaluate(
        checkpoint=str(found.path.absolute()),
        corpus=corpus.path,
        part=part,
        data=corpus.data,
        against=against,
        fingerprint=corpus.fingerprint,
        device=device,
    )


def enrolment_order(
    found: FoundCheckpoint, speaker: str, recordings: Sequence[str], spoken: Sequence[str] = (), device: str = "auto"
) -> Enroll:
    """An enrolment: files are called by their full paths, the last of the recordings by `spoken` where it has names."""
    files = recordings[: len(recordings) - len(spoken)]
    names = [*(str(Path(path).absolute()) for path in files), *spoken]
    return Enroll(str(found.path.absolute()), speaker, list(recordings), names, device)


def sha256_of(path: Path) -> str:
    """The hash of a checkpoint, by which voices are kept for it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
