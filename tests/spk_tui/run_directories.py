"""Run directories with real files and real events, written by a seed instead of by training.

The curves are shaped like those of a real run, so that screens can be judged by eye and compared by snapshot.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypedDict

from typing_extensions import Unpack

from engine.preset import Preset
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory, RunInfo, create_run
from engine.runs.event_log import EventWriter

BEGAN = 1_760_000_000.0
RATE = 12.3


class Birth(TypedDict, total=False):
    """What can be said of a run that is made up; the rest has a default."""

    name: str
    preset: Preset
    corpus: str
    created: float


def new_run(
    parent: Path, name: str = "20251009-090000-transformer-154k", *, preset: Preset | None = None,
    corpus: str = "/corpora/speechocean762", created: float = BEGAN,
) -> RunDirectory:  # fmt: skip
    """A run directory without any event."""
    preset = preset or find_preset("transformer-154k")
    info = RunInfo(
        id=name,
        preset=preset.name,
        corpus=corpus,
        created=created,
        host="laboratory",
        command=["spk-tui"],
        device="cpu",
    )
    return create_run(parent, preset, info)


def write(run: RunDirectory, *events: e.Event) -> None:
    """Appends events as a worker does."""
    writer = EventWriter(run.events_path)
    for event in events:
        writer.write(event)
    writer.close()


def beginning(steps: int = 70_000, began: float = BEGAN, encoder_parameters: int = 154_880) -> list[e.Event]:
    """From the worker's first word to the first step."""
    return [
        e.Queued(process=4242, time=began),
        e.Preparing(stage="packing audio", done=0, total=2500, unit="utterances", time=began + 1),
        e.Preparing(stage="packing audio", done=2500, total=2500, unit="utterances", time=began + 9),
        e.Started(
            steps=steps, device="cpu", device_name="AMD EPYC 7763", precision="bfloat16", threads=2, speakers=250,
            train_utterances=2250, validation_utterances=250,
            encoder_parameters=encoder_parameters, total_parameters=encoder_parameters + 30_050, seed=0,
            time=began + 10,
        ),
    ]  # fmt: skip


def training(
    until: int, *, start: int = 0, steps: int = 70_000, every: int = 2000, progress_every: int = 50, seed: int = 7,
    began: float = BEGAN,
) -> Iterator[e.Event]:  # fmt: skip
    """Progress, validations and checkpoints from `start` to `until`."""
    chance = random.Random(seed)
    best = 0.0
    for step in range(start + progress_every, until + 1, progress_every):
        now = began + 10 + step / RATE
        learned = 1 - math.exp(-step / (0.16 * steps))
        loss = 0.9 + 4.6 * math.exp(-step / (0.14 * steps)) + chance.gauss(0, 0.12)
        yield e.Progress(
            step=step, time=now, steps=progress_every, steps_per_second=RATE + chance.gauss(0, 0.35), loss=loss,
            accuracy=min(1.0, max(0.0, 0.74 * learned + chance.gauss(0, 0.03))), gradient_norm=1.0,
            learning_rate=1e-3 * min(step / 1000, 0.5 + 0.5 * math.cos(math.pi * step / steps)),
        )  # fmt: skip
        if step % every == 0:
            accuracy = 0.64 * learned + chance.gauss(0, 0.008)
            yield e.Validated(
                step=step, time=now, loss=loss + 0.45, segment_accuracy=accuracy,
                utterance_accuracy=min(1, accuracy + 0.07),
                utterances_per_second=346.0, utterances=250,
            )  # fmt: skip
            yield e.Checkpoint(step=step, time=now, kind="last", path="checkpoints/last.pt", accuracy=accuracy)
            if accuracy > best:
                best = accuracy
                yield e.Checkpoint(step=step, time=now, kind="best", path="checkpoints/best.safetensors", accuracy=best)
            yield e.Resources(step=step, time=now, processor_load=0.96, memory_bytes=1_240_000_000)


def write_checkpoints(run: RunDirectory) -> None:
    """Files where a worker leaves its checkpoints; the dashboard copies and deletes them and never looks inside."""
    run.best_path.write_bytes(b"best weights")
    run.last_path.write_bytes(b"full state")


def training_run(parent: Path, until: int = 42_000, **birth: Unpack[Birth]) -> RunDirectory:
    """A run in the middle of its training; it looks alive only while somebody holds its lock."""
    run = new_run(parent, **birth)
    began = birth.get("created", BEGAN)
    counted = run.preset().preset.encoder_parameters or 0
    write(run, *beginning(began=began, encoder_parameters=counted), *training(until, began=began))
    write_checkpoints(run)
    return run


def finished_run(
    parent: Path, reason: Literal["completed", "stopped"] = "completed", until: int = 70_000, **birth: Unpack[Birth]
) -> RunDirectory:
    """A run that has had its last word."""
    run = training_run(parent, until, **birth)
    state = run.state()
    write(
        run,
        e.Finished(
            step=until, time=(state.updated or 0) + 1, reason=reason, best_accuracy=state.best_accuracy,
            best_step=state.best_step, run=str(run.path),
        ),
    )  # fmt: skip
    return run
