"""How long the budget meter takes for each preset once it is warm: parameters, multiply-adds, memory, sizes.

    python benchmarks/meter.py [--rounds 15]

Milliseconds of one count in a process that has counted every preset before, medians of rounds in which the presets
take turns; with the arithmetic that training takes on this machine. The goal is 50 ms.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from engine.budget import count
from engine.preset import Preset
from engine.preset_library import list_presets
from engine.step_memory import precision_here

GOAL = 50.0


def milliseconds(preset: Preset) -> float:
    """One count."""
    began = time.perf_counter()
    count(preset)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Prints a Markdown table, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    presets = [found.preset for found in list_presets() if found.preset is not None and not found.own]
    for preset in presets:
        count(preset)
    times = [[milliseconds(preset) for preset in presets] for _ in range(rounds)]
    medians = [statistics.median(of_one) for of_one in zip(*times, strict=True)]
    print(f"| preset ({precision_here(presets[0].run)}) | ms | goal of {GOAL:.0f} |\n|---|---|---|")
    for median, preset in sorted(zip(medians, presets, strict=True), key=lambda pair: -pair[0]):
        print(f"| {preset.name} | {median:.1f} | {'met' if median <= GOAL else 'not met'} |")


if __name__ == "__main__":
    main()
