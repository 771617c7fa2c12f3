"""A small run on a few synthetic voices, trained once for all tests of a file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine.corpus.packed import PackedCorpus
from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split_of
from engine.preset import Preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory, RunInfo, create_run
from engine.training.device import resolve
from engine.training.trainer import Trainer
from tests.engine.training.trainers import small
from tests.made_corpora import audio_folder


class Trained(NamedTuple):
    """The run, the folder with its corpus, the corpus packed, and what its last validation said."""

    run: RunDirectory
    root: Path
    packed: PackedCorpus
    validated: e.Validated


def trained(folder: Path, name: str = "run", *overrides: str) -> Trained:
    """Twelve steps on five voices in float32, as what uses a model computes; at its end it has validated once."""
    root = folder / "speech"
    if not root.exists():
        audio_folder(root, speakers=5, each=10)
    preset: Preset = small("quick-tour", "run.steps=12", "validation.every=12", "validation.share=0.4",
                           "run.precision=float32", *overrides)  # fmt: skip
    packed = prepare_corpus(str(root), preset.features, data=preset.data)
    info = RunInfo(id=name, preset=preset.name, corpus=str(root), created=1.0, host="", command=[],
                   fingerprint=packed.fingerprint)  # fmt: skip
    run = create_run(folder / "runs", preset, info)
    trainer = Trainer(preset, packed, split_of(packed, preset.validation), run, resolve(preset.run))
    validated = [event for event in trainer if isinstance(event, e.Validated)]
    return Trained(run, root, packed, validated[-1])
