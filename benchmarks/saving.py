"""How long saving `last` holds up the thread that trains: handed to a thread of its own, and written on the spot.

    python benchmarks/saving.py [--rounds 100] [--folder FOLDER] [--threads 1]

Real training steps of both course presets on random frames. In turns of two steps, the state is handed over or
written, synced and renamed by the training thread itself. "Step beside a write" is the median of how much longer a
step took that began while the other thread wrote than the preset's median step; handing over isn't part of it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_library import find_preset
from engine.training.checkpoint import TrainingState, last_of, write_last
from engine.training.optimisation import LearningRate, make_optimizer
from engine.training.saving import LastWriter, snapshot

PRESETS, SPEAKERS = ("transformer-154k", "conformer-225k"), 600


class Timed:
    """Milliseconds of each call."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def call(self, what: Callable[[], object]) -> None:
        began = time.perf_counter()
        what()
        self.taken.append(1000 * (time.perf_counter() - began))

    def __str__(self) -> str:
        return f"{statistics.median(self.taken):.1f} / {max(self.taken):.1f}"


def row(preset: Preset, folder: Path, rounds: int) -> str:
    """One line of the table: trains, and saves after every second step, one way and the other in turns."""
    device = torch.device("cpu")
    model = SpeakerModel(preset, SPEAKERS).train()
    optimizer = make_optimizer(model, preset.optimizer, device)
    frames = torch.randn(preset.segments.batch_size, preset.segments.frames, preset.features.mel_bands)
    speakers = torch.randint(SPEAKERS, (preset.segments.batch_size,))
    state = TrainingState(1, 0, None, LearningRate.of(preset), [f"speaker{number}" for number in range(SPEAKERS)])
    writer = LastWriter(folder / "last.pt", folder / "events.jsonl")

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(frames), speakers).backward()
        optimizer.step()

    def hand_over() -> None:
        writer.hand_over(snapshot(1, None, last_of(state, model, optimizer)))

    def write() -> None:
        write_last(folder / "on the spot.pt", last_of(state, model, optimizer))

    for _ in range(5):
        step()  # the first steps choose kernels and make the optimizer's state
    handed, written, alone, beside = Timed(), Timed(), Timed(), Timed()
    for _ in range(rounds):
        alone.call(step)
        handed.call(hand_over)
        beside.call(step)
        writer.finish()
        written.call(write)
    megabytes = writer.path.stat().st_size / 1e6
    usual = statistics.median(alone.taken)
    longer = statistics.median(beside.taken) - usual
    return f"| {preset.name} | {megabytes:.1f} | {handed} | {written} | {usual:.0f} | {longer:+.1f} |"


def main() -> None:
    """Prints a Markdown table; milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        "| preset | file, MB | handed over, median / longest | written on the spot, median / longest | step"
        " | step beside a write |"
    )
    print("|---" * 6 + "|")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for name in PRESETS:
            print(row(find_preset(name, []), Path(folder), arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
