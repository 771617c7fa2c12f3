"""How fast a corpus is packed, against a plain loop over its files in the same run.

    SPK_TUI_CORPORA=/path/to/corpora python benchmarks/packing.py [CORPUS] [--files 600] [--rounds 5]

Prints seconds of audio per second (x real time), the median of rounds in which four things take turns, so that a busy
machine slows all of them alike: decoding alone in a plain loop and on all cores, which is as fast as any packing could
get, then the plain loop with features, and `pack` itself with all its writing. Then the memory that a process takes
to pack a tenth of the speakers, and all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile
from msgspec.structs import replace
from peak_memory import peak_memory

from engine.corpus.corpus import Corpus
from engine.corpus.features import decode, extract
from engine.corpus.opening import open_corpus
from engine.corpus.packed import pack
from engine.machine import usable_cores
from engine.preset import Features

RECIPE = Features()


def measure(corpus: Corpus, rounds: int) -> dict[str, float]:
    """Median seconds that each way takes for the same files."""
    paths = [utterance.path for utterance in corpus.utterances]

    def pack_afresh() -> None:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["SPK_TUI_CACHE"] = cache
            pack(corpus, RECIPE)

    def decode_on_all_cores() -> None:
        with ThreadPoolExecutor(usable_cores()) as pool:
            for _ in pool.map(decode, paths):
                pass

    ways: dict[str, Callable[[], object]] = {
        "decoding alone, plain loop": lambda: [decode(path) for path in paths],
        "decoding alone, all cores": decode_on_all_cores,
        "decoding and features, plain loop": lambda: [extract(path, RECIPE) for path in paths],
        "pack": pack_afresh,
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():  # files into the page cache, libraries warm
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", default="speechocean762", help="a folder of SPK_TUI_CORPORA")
    parser.add_argument("--files", type=int, default=600, help="about how many files, from all over the corpus")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    corpora = os.environ.get("SPK_TUI_CORPORA")
    if not corpora:
        sys.exit("set SPK_TUI_CORPORA to a folder of corpora")
    corpus = open_corpus(str(Path(corpora) / arguments.corpus))
    speakers = corpus.speakers  # whole speakers, since pack leaves out those with a single utterance
    every = max(1, round(len(corpus.utterances) / arguments.files))
    chosen = set(speakers[::every])
    corpus = replace(corpus, utterances=[one for one in corpus.utterances if one.speaker in chosen])
    seconds = sum(soundfile.info(utterance.path).duration for utterance in corpus.utterances)
    print(f"{len(corpus.utterances)} files, {seconds / 60:.1f} minutes of audio, {usable_cores()} cores")
    medians = measure(corpus, arguments.rounds)
    plain = medians["decoding and features, plain loop"]
    for name, taken in medians.items():
        print(f"{name:36s} {taken:7.2f} s {seconds / taken:7.0f} x real time {plain / taken:6.2f} x the plain loop")
    root = Path(corpora) / arguments.corpus
    for number in (len(speakers) // 10, len(speakers)):
        print(f"peak memory to pack {number:4d} speakers {peak_memory(root, speakers=number):7.0f} MiB")


if __name__ == "__main__":
    main()
