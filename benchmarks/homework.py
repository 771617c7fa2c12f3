"""How fast ready-made frames are packed, against a plain loop that loads each file once with torch.load.

    python benchmarks/homework.py [--utterances 56666] [--speakers 600] [--rounds 3] [--folder DIR]

Makes a corpus of the homework's size and layout in a temporary folder (100 to 1000 frames of 40 mel bands in float32
make 5.2 GB at full size, a packing 2.5 GB more; --utterances scales it). Prints the median seconds of rounds in which
the ways take turns after one that warms the page cache, so that a busy machine slows all of them alike, and the peak
memory of processes that pack a tenth of the corpus and all of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from peak_memory import peak_memory

from engine.corpus.opening import open_corpus
from engine.corpus.packed import pack
from engine.corpus.ready_frames import load_frames
from engine.machine import usable_cores
from engine.preset import Features

MEL_BANDS = 40
SHORTEST, LONGEST = 100, 1000  # frames of an utterance
CHUNK = 32  # files a task of the thread pool takes


def make_corpus(root: Path, speakers: int, utterances: int) -> None:
    """Random frames under names like the homework's, with metadata.json and mapping.json."""
    random = np.random.default_rng(0)
    noise = torch.from_numpy(random.normal(-8, 3, (50_000, MEL_BANDS)).astype(np.float32))
    entries: dict[str, list[dict[str, object]]] = {f"id{number:05d}": [] for number in range(speakers)}
    names = list(entries)
    root.mkdir()
    for number in range(utterances):
        length = int(random.integers(SHORTEST, LONGEST + 1))
        begin = int(random.integers(len(noise) - length))
        name = f"uttr-{number:032x}.pt"
        torch.save(noise[begin : begin + length].clone(), root / name)
        entries[names[number % speakers]].append({"feature_path": name, "mel_len": length})
    write_lists(root, entries)


def take_tenth(whole: Path, root: Path) -> None:
    """A corpus of a tenth of each speaker's utterances, as links to the same files."""
    entries = json.loads((whole / "metadata.json").read_text())["speakers"]
    entries = {speaker: listed[: max(2, len(listed) // 10)] for speaker, listed in entries.items()}
    root.mkdir()
    for listed in entries.values():
        for entry in listed:
            os.link(whole / entry["feature_path"], root / entry["feature_path"])
    write_lists(root, entries)


def write_lists(root: Path, entries: dict[str, list[dict[str, object]]]) -> None:
    """metadata.json and mapping.json."""
    (root / "metadata.json").write_text(json.dumps({"n_mels": MEL_BANDS, "speakers": entries}))
    mapping = {
        "speaker2id": {speaker: number for number, speaker in enumerate(entries)},
        "id2speaker": {str(number): speaker for number, speaker in enumerate(entries)},
    }
    (root / "mapping.json").write_text(json.dumps(mapping))


def measure(root: Path, rounds: int) -> dict[str, float]:
    """Median seconds that each way takes for the whole corpus."""
    corpus = open_corpus(str(root))
    paths = [utterance.path for utterance in corpus.utterances]

    def torch_load() -> None:
        for path in paths:
            torch.load(path, weights_only=True)

    def frames() -> None:
        for path in paths:
            load_frames(path, MEL_BANDS)

    def load_chunk(chunk: list[Path]) -> None:
        for path in chunk:
            load_frames(path, MEL_BANDS)

    def frames_on_all_cores() -> None:
        chunks = [paths[begin : begin + CHUNK] for begin in range(0, len(paths), CHUNK)]
        with ThreadPoolExecutor(usable_cores()) as pool:
            for _ in pool.map(load_chunk, chunks):
                pass

    ways: dict[str, Callable[[], object]] = {
        "torch.load, plain loop": torch_load,
        "load_frames, plain loop": frames,
        "load_frames, all cores": frames_on_all_cores,
        "listing": lambda: open_corpus(str(root)),
        "pack": lambda: pack(corpus, Features()),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory(dir=root.parent) as cache:
                os.environ["SPK_TUI_CACHE"] = cache
                began = time.perf_counter()
                way()
                seconds = time.perf_counter() - began
            if number > 0:  # the first round brings files into the page cache and warms libraries
                taken[name].append(seconds)
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utterances", type=int, default=56_666)
    parser.add_argument("--speakers", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="where there is room; the system's by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        whole, tenth = Path(folder) / "whole", Path(folder) / "tenth"
        make_corpus(whole, arguments.speakers, arguments.utterances)
        take_tenth(whole, tenth)
        os.sync()  # what follows shall not wait for the disk to take in the corpus that was just made
        print(f"{arguments.utterances:,} utterances of {arguments.speakers} speakers, {usable_cores()} cores")
        medians = measure(whole, arguments.rounds)
        plain = medians["torch.load, plain loop"]
        for name, seconds in medians.items():
            rate = arguments.utterances / seconds
            print(f"{name:26s} {seconds:7.2f} s {rate:9,.0f} utterances/s {seconds / plain:6.2f} x the plain loop")
        for name, root in (("a tenth of it", tenth), ("all of it", whole)):
            print(f"peak memory to pack {name:14s} {peak_memory(root, Path(folder)):7.0f} MiB")


if __name__ == "__main__":
    main()
