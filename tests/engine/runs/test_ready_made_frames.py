"""A run on ready-made frames: the model takes as many mel bands as the corpus has, also when it is resumed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.use.loading import load_best
from tests.made_corpora import homework_folder

SMALL = [
    "encoder.d_model=16", "encoder.ffn=24", "segments.batch_size=8", "segments.frames=32", "run.threads=1",
    "run.device=cpu", "run.precision=float32", "validation.every=10",
]  # fmt: skip


def train_to_the_end(run: RunDirectory, reader: EventReader) -> list[e.AnyEvent]:
    news = client.follow(run, interval=0.02, reader=reader, starting_seconds=20)
    events = [event for event in news if event is not None]
    assert isinstance(events[-1], e.Finished), run.console_path.read_text()
    return events


@pytest.mark.parametrize("mel_bands", [24, 40])
def test_a_run_on_frames_of_any_number_of_mel_bands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mel_bands: int
) -> None:
    monkeypatch.setenv("SPK_TUI_CACHE", str(tmp_path / "cache"))
    root = homework_folder(tmp_path / "Dataset", mel_bands=mel_bands)
    preset = with_overrides(find_preset("conformer-225k", SMALL), ["run.steps=20"])
    run = client.start_run(preset, str(root), tmp_path / "runs")
    reader = EventReader(run.events_path)
    started = next(event for event in train_to_the_end(run, reader) if isinstance(event, e.Started))
    assert (started.speakers, started.train_utterances, started.validation_utterances) == (4, 36, 4)
    assert run.preset().features.mel_bands == mel_bands

    client.resume_run(run, 30)
    train_to_the_end(run, reader)
    state = run.state()
    assert state.step == 30
    assert list(state.segment_accuracy.steps) == [10, 20, 30]
    assert run.preset().features.mel_bands == mel_bands
    assert run.console_path.read_text() == ""
    model, saved = load_best(run.best_path)
    assert saved.preset.features.mel_bands == mel_bands
    assert saved.speakers == [f"id{number:05d}" for number in range(4)]
    assert model.embed(torch.zeros(2, 50, mel_bands)).shape == (2, 16)
