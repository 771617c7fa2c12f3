"""All of the engine's promises of speed, measured on this machine, as one Markdown table.

    make bench
    python benchmarks/speed [--only NAME ...] [--rounds 5] [--seconds 6] [--folder DIR]

Names: steps, validation, corpus-size, dashboard, start, profile, cuda. Ratios are taken round by round, of contenders
that take turns, so that a busy machine slows all of them alike; figures are medians, with the least and the greatest.
The corpora that it makes take 3 GB in a temporary folder (--folder: where there is room) and 29 GB more of holes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from engine.runs.client import THREAD_POLICY

if not THREAD_POLICY.keys() & os.environ:
    os.environ.update(THREAD_POLICY)  # before PyTorch is loaded: the bare products run here, as in a worker

import made_corpus
from corpus_size import corpus_size
from cuda_rates import cuda
from dashboard import dashboard
from rates import steps, validation
from start import start
from step_profile import profiles
from table import Row, machine, markdown

from engine.corpus.preparing import prepare_corpus
from engine.preset import Features

NAMES = ("steps", "validation", "corpus-size", "dashboard", "start", "cuda", "profile")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a turn")
    parser.add_argument("--folder", type=Path, default=None)
    arguments = parser.parse_args()
    rounds, seconds = arguments.rounds, arguments.seconds
    before = machine()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        os.environ["SPK_TUI_CACHE"] = str(root / "cache")
        corpus = made_corpus.make(root)
        measurements: dict[str, Callable[[], Iterator[Row]]] = {
            "steps": lambda: steps(corpus, rounds, seconds),
            "validation": lambda: validation(corpus, rounds, seconds),
            "corpus-size": lambda: corpus_size(root, rounds, seconds),
            "dashboard": lambda: dashboard(corpus, rounds, seconds),
            "start": lambda: start(corpus, rounds),
            "cuda": lambda: cuda(corpus, rounds, seconds),
        }
        rows: list[Row] = []
        for name, measure in measurements.items():
            for row in measure() if name in arguments.only else ():
                print(f"{row.name}: {row.figure}", file=sys.stderr)
                rows.append(row)
        profile = profiles(prepare_corpus(str(corpus), Features())) if "profile" in arguments.only else ""
    print(f"{before}; after it: {', '.join(f'{number:.1f}' for number in os.getloadavg())}\n")
    print("\n\n".join(part for part in (markdown(rows) if rows else "", profile) if part))
    return 0


if __name__ == "__main__":
    sys.exit(main())
