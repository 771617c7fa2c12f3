"""A corpus of random frames, and trainers on it in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.corpus.copies import Copy
from engine.corpus.packed import PackedCorpus
from engine.corpus.splits import split
from engine.preset import Preset
from engine.runs.directory import RunDirectory, RunInfo, create_run
from engine.training import pending
from engine.training.device import resolve
from engine.training.trainer import Trainer
from tests.engine.training.trainers import Asked
from tests.made_corpora import random_frames


@pytest.fixture(autouse=True)
def _requests_are_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked for at every step and not every 50 ms, so that a stop comes at the same step on any machine."""
    monkeypatch.setattr(pending, "LOOK_EVERY_SECONDS", 0.0)


@pytest.fixture(scope="module")
def packed() -> PackedCorpus:
    return random_frames(speakers=6, each=10)


@pytest.fixture
def make_trainer(tmp_path: Path, packed: PackedCorpus) -> Callable[..., tuple[Trainer, Asked]]:
    def make(
        preset: Preset, name: str = "run", corpus: PackedCorpus = packed, copies: Sequence[Copy] = ()
    ) -> tuple[Trainer, Asked]:
        run = RunDirectory(tmp_path / name)
        if not run.path.exists():
            info = RunInfo(id=name, preset=preset.name, corpus="", created=1.0, host="", command=[])
            create_run(tmp_path, preset, info)
        inbox = Asked()
        parts = split(corpus.ids, corpus.speakers_of, preset.validation.share, preset.validation.seed)
        trainer = Trainer(preset, corpus, parts, run, resolve(preset.run), inbox, copies)
        return trainer, inbox

    return make
