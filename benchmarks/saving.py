"""How long saving `last` holds up the thread that trains: handed to a thread of its own, and written on the spot.

    python benchmarks/saving.py [--rounds 100] [--folder FOLDER] [--threads 1]

Real training steps of both course presets on random frames. After every step the state is handed over, or written,
synced and renamed by the training thread itself, in turns. Processor time is told too, since on a busy machine the
clock runs on while others compute. That of writing bounds what the other thread can hold up by keeping Python's lock.
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
    """Milliseconds of each call: by the clock, and of this thread's processor time."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.computed: list[float] = []

    def call(self, what: Callable[[], object]) -> None:
        began, computed = time.perf_counter(), time.thread_time()
        what()
        self.taken.append(1000 * (time.perf_counter() - began))
        self.computed.append(1000 * (time.thread_time() - computed))

    def __str__(self) -> str:
        return " | ".join(f"{statistics.median(each):.1f} / {max(each):.1f}" for each in (self.taken, self.computed))


def row(preset: Preset, folder: Path, rounds: int) -> str:
    """One line of the table: trains, and saves after every step, one way and the other in turns."""
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
    handed, written = Timed(), Timed()
    for _ in range(rounds):
        step()
        handed.call(hand_over)
        step()
        writer.finish()
        written.call(write)
    megabytes = writer.path.stat().st_size / 1e6
    return f"| {preset.name} | {megabytes:.1f} | {handed} | {written} |"


def main() -> None:
    """Prints a Markdown table of milliseconds, median / longest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| preset | file, MB | handed over | processor time | written on the spot | processor time |")
    print("|---" * 6 + "|")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for name in PRESETS:
            print(row(find_preset(name, []), Path(folder), arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
