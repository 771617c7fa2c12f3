"""The corpus that the speed benchmarks train on: made frames in the homework's layout, packed once, split once.

Every contender reads the same files, trains on the same utterances and validates on the same others; the plain ones
find them in a list of paths, since they know nothing of packed corpora.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split_of
from engine.preset import Features, Validation

sys.path.append(str(Path(__file__).parent.parent))
from homework import make_corpus

SPEAKERS, UTTERANCES = 600, 3_000
LISTS = "lists.json"


def make(root: Path) -> Path:
    """A corpus of .pt files, 100 to 1,000 frames each, packed already, with `lists.json` beside them."""
    folder = root / "corpus"
    make_corpus(folder, SPEAKERS, UTTERANCES)
    packed = prepare_corpus(str(folder), Features())
    split = split_of(packed, Validation())
    listed = json.loads((folder / "metadata.json").read_text())["speakers"]
    speaker_of = {entry["feature_path"]: speaker for speaker, entries in listed.items() for entry in entries}
    numbers = {speaker: number for number, speaker in enumerate(packed.speakers)}
    held_out = {packed.ids[index] for index in split.validation}
    parts: dict[str, list[tuple[str, int]]] = {"train": [], "validation": []}
    for name, speaker in speaker_of.items():
        parts["validation" if name in held_out else "train"].append((str(folder / name), numbers[speaker]))
    (root / LISTS).write_text(json.dumps(parts))
    return folder
