"""Why the assignment's encoders learn slowly under a ReLU head, and why batch normalisation cures it.

    SPK_TUI_CORPORA=... python benchmarks/head_finding.py --store DIR [--steps 1000] [--only NAME ...] [--report]

Trains every course encoder under both heads, and one failing encoder under heads that change one thing at a time. Each
finished run is one JSON file in DIR, so the script goes on where it was stopped. It prints Markdown: accuracies, what
was measured at fixed steps, which measure tells failing runs from learning ones and when, and the curves side by side.
--report prints what is in DIR, of runs of that length, without training what is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec
from head_report import report
from head_runs import RECIPES, Result, preset_of, train

from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split_of
from engine.errors import InputError
from engine.files import write_atomically

CORPUS = "speechcommands4"


def main() -> None:
    """Trains what the store lacks, then prints what all of it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="folder of finished runs")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--only", nargs="*", choices=list(RECIPES), help="these runs alone")
    parser.add_argument("--report", action="store_true", help="trains nothing")
    arguments = parser.parse_args()
    try:
        if not arguments.report:
            train_missing(arguments.store, arguments.steps, arguments.only or list(RECIPES))
    except InputError as error:
        sys.exit(f"head_finding: {error}")
    found = [kept(arguments.store, name) for name in RECIPES]
    print(report([result for result in found if result is not None and result.steps == arguments.steps]))


def train_missing(store: Path, steps: int, names: list[str]) -> None:
    """Trains those of the named runs that the store doesn't hold in that length. Raises `InputError`."""
    if "SPK_TUI_CORPORA" not in os.environ:
        raise InputError(f"SPK_TUI_CORPORA must name the folder that {CORPUS} lies in")
    corpus = str(Path(os.environ["SPK_TUI_CORPORA"]) / CORPUS)
    store.mkdir(parents=True, exist_ok=True)
    for name in names:
        before = kept(store, name)
        if before is not None and before.steps == steps:
            continue
        preset = preset_of(RECIPES[name], steps)
        packed = prepare_corpus(corpus, preset.features, data=preset.data)
        result = train(name, RECIPES[name], preset, packed, split_of(packed, preset.validation))
        write_atomically(store / f"{name}.json", msgspec.json.encode(result))
        print(f"{name}: {result.accuracy:.4f} after {result.seconds:.0f} s", file=sys.stderr, flush=True)


def kept(store: Path, name: str) -> Result | None:
    """The finished run of that name, if the store holds it."""
    path = store / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=Result) if path.exists() else None


if __name__ == "__main__":
    main()
