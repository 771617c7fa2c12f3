"""A short training in earnest, on frames that mean nothing: how long a step takes here and what memory it needs.

Model, optimizer, step, batches, precision, threads and niceness are those of the worker; only the corpus is made up.
`python -m engine.trial` reads one question in JSON on stdin and answers with a `Trial`; `trial_client.py` asks it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import psutil
import torch

from engine.corpus.batches import TrainingBatches
from engine.corpus.frame_store import FrameStore
from engine.corpus.packed import PackedCorpus
from engine.cost import UNKNOWN_SPEAKERS
from engine.errors import InputError
from engine.model_settings import OwnEncoder
from engine.models.own_encoder import blame
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import parse_preset
from engine.training.averaging import WeightAverage
from engine.training.device import Resolved, resolve
from engine.training.life import NICE_ON_A_CPU
from engine.training.optimisation import LearningRate, make_optimizer
from engine.training.step import make_step
from engine.trial_client import LIMIT_SECONDS, Trial

SECONDS = 2.0
"""How long is measured, after the first steps."""
STRETCH_SECONDS = 0.1
"""Steps are timed in stretches of this length, so that waiting for an accelerator at each end of one costs nothing."""
FEWEST_STRETCHES = 3
MOST_UTTERANCES, MOST_FRAMES = 64, 500_000
"""Of the made-up corpus, which shall be small beside what training takes."""
FIRST_STEPS = 3
"""Steps in which memory is laid out and kernels are chosen; they are not measured."""


def try_out(preset: Preset, speakers: int = UNKNOWN_SPEAKERS, seconds: float = SECONDS) -> Trial:
    """Trains on random frames for so long. Raises `InputError`, and whatever a user's own encoder raises."""
    resolved = resolve(preset.run)
    torch.set_num_threads(resolved.threads)
    torch.manual_seed(preset.run.seed)
    before = _private_bytes()
    one_step = _training(preset, speakers, resolved)
    for step in range(FIRST_STEPS):
        one_step(step)
    durations: list[float] = []  # seconds a step, of each stretch
    memory: list[int] = []
    steps, ends = FIRST_STEPS, time.perf_counter() + seconds
    while time.perf_counter() < ends or len(durations) < FEWEST_STRETCHES:
        first, began = steps, time.perf_counter()
        while steps == first or time.perf_counter() - began < STRETCH_SECONDS:
            one_step(steps)
            steps += 1
        _wait_for(resolved.torch_device)
        durations.append((time.perf_counter() - began) / (steps - first))
        if before is not None:
            memory.append((_private_bytes() or before) - before)
    return Trial(
        preset=preset.name,
        speakers=speakers,
        steps=steps - FIRST_STEPS,
        seconds_per_step=median(durations),
        memory_bytes=round(median(memory)) if memory else None,
        device_memory_bytes=_device_bytes(resolved.torch_device),
        device=resolved.device,
        device_name=resolved.name,
        precision=resolved.precision,
        threads=resolved.threads,
    )


def _training(preset: Preset, speakers: int, resolved: Resolved) -> Callable[[int], None]:
    """What does one step, counted from zero, all of it as the trainer does."""
    device = resolved.torch_device
    if device.type == "cuda":
        torch.cuda.set_device(device)  # graphs and streams belong to the current device
    model = SpeakerModel(preset, speakers).to(device).train()
    optimizer = make_optimizer(model, preset.optimizer, device)
    take_step = make_step(model, optimizer, preset, resolved)
    average = WeightAverage(model, preset.optimizer.average) if preset.optimizer.average else None
    store = FrameStore(_noise(preset, speakers), device, preset.segments)
    batches = TrainingBatches(store, np.arange(len(store.lengths)), preset.segments, preset.run.seed, preset.augment)
    rates = LearningRate.of(preset)

    def one_step(step: int) -> None:
        take_step(batches.at(step), rates.at(step), step / preset.run.steps)
        if average is not None:
            average.update()

    return one_step


def _noise(preset: Preset, speakers: int) -> PackedCorpus:
    """A corpus of utterances twice as long as a segment, frames: (all of them, mel), of random numbers."""
    length = 2 * preset.segments.frames
    utterances = max(2, min(MOST_UTTERANCES, MOST_FRAMES // length))
    random = np.random.default_rng(preset.run.seed)
    frames = random.standard_normal((utterances * length, preset.features.mel_bands), np.float32).astype(np.float16)
    return PackedCorpus(
        name="noise",
        frames=frames,
        offsets=np.arange(utterances, dtype=np.int64) * length,
        lengths=np.full(utterances, length, np.int64),
        ids=[str(number) for number in range(utterances)],
        speakers_of=np.arange(utterances, dtype=np.int64) % speakers,
        speakers=[str(number) for number in range(speakers)],
        problems=[],
        fingerprint="",
        features=preset.features,
    )


def _wait_for(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _private_bytes() -> int | None:
    """What this process holds of its own, without files that are mapped; None where the system doesn't tell it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = (line.split() for line in status.read_text(encoding="utf-8").splitlines())
        return next((1024 * int(words[1]) for words in lines if words and words[0] == "RssAnon:"), None)
    try:
        return int(psutil.Process().memory_full_info().uss)
    except psutil.AccessDenied:
        return None


def _device_bytes(device: torch.device) -> int | None:
    """What torch took of an accelerator's memory; None on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return torch.mps.driver_allocated_memory() if device.type == "mps" else None


def _answer(question: bytes) -> Trial | dict[str, Any]:
    preset = None
    try:
        asked = msgspec.json.decode(question)
        preset = parse_preset(asked["preset"], "preset")
        if resolve(preset.run).device == "cpu":
            os.nice(NICE_ON_A_CPU)
        return try_out(preset, asked.get("speakers") or UNKNOWN_SPEAKERS)
    except BaseException as error:  # a user's own encoder may raise anything, and no terminal can
        return {"error": _in_words(error, preset)}


def _in_words(error: BaseException, preset: Preset | None) -> str:
    """What went wrong: no memory, a line of a user's own encoder, or what torch says."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return "memory ran out; try a smaller segments.batch_size or segments.frames"
    blamed = None
    if preset is not None and isinstance(preset.encoder, OwnEncoder):
        blamed = blame(error, preset.encoder.file)
    return blamed or f"{type(error).__name__}: {error}"


def main() -> None:
    """Answers the one question on stdin with a `Trial`, or with {"error": text}."""
    signal.alarm(2 * round(LIMIT_SECONDS))  # ends what hangs when whoever should do so was killed
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a user's own encoder prints is no answer
        answers.write(msgspec.json.encode(_answer(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
