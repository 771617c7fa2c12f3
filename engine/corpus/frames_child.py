"""The child process that decodes for `frames_client.py`: `python -m engine.corpus.frames_child`.

It answers each line of JSON on stdin with one on stdout, until stdin is closed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.extracting import extract_utterance
from engine.corpus.frames_client import FRAME_TYPE, Answer, Question
from engine.corpus.packed import recipe_for
from engine.errors import InputError

MOST_COLUMNS = 2000  # more than any terminal has


def answer(question: Question) -> Answer:
    """Decodes one utterance; what is wrong with it, or with the recipe, is a problem in the answer."""
    path = Path(question.path)
    utterance = Utterance(question.id, "", path, start=question.start, end=question.end, frames=question.frames)
    corpus = Corpus("", "", path, [utterance], [], "", question.mel_bands)
    features = recipe_for(corpus, question.features)
    try:
        found = extract_utterance(utterance, corpus, features)
    except InputError as error:
        return Answer(b"", 0, features.mel_bands, [Problem("no such features", question.id, str(error))])
    if found.frames is None:
        return Answer(b"", 0, features.mel_bands, found.problems)
    columns = thinned(found.frames).astype(FRAME_TYPE)
    return Answer(columns.tobytes(), len(found.frames), features.mel_bands, found.problems)


def thinned(frames: NDArray[np.float16]) -> NDArray[np.float32]:
    """At most so many columns, each the mean of equally many frames (or one more): (frames, mel) to (columns, mel)."""
    begins = np.unique(np.linspace(0, len(frames), min(len(frames), MOST_COLUMNS) + 1).astype(np.int64))
    sums = np.add.reduceat(frames.astype(np.float32), begins[:-1], axis=0)
    return np.divide(sums, np.diff(begins)[:, None], dtype=np.float32)


def main() -> None:
    """Serves until stdin is closed."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(answer(msgspec.json.decode(line, type=Question))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
