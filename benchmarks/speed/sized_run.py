"""A trainer on a corpus of any size, as a child process: frames in a file that is only ever mapped.

The frames are the same block again and again, or, with --sparse, zeros that take no room on the disk: what is asked is
how long reading and gathering take and what they hold in memory, not what is learned.

    python sized_run.py PRESET FILE UTTERANCES [--sparse]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from answering import asked, own_stdout
from contenders import course_preset

from engine.corpus.packed import FRAME_TYPE, PackedCorpus
from engine.corpus.splits import Split
from engine.preset import Features
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.training.device import resolve
from engine.training.trainer import Trainer

FRAMES, MEL_BANDS, SPEAKERS = 550, 40, 600  # of an utterance: the mean of the course corpus as made
BYTES = FRAMES * MEL_BANDS * FRAME_TYPE.itemsize


def write_frames(path: Path, utterances: int) -> None:
    """Random frames, a block of 100 utterances repeated."""
    block = np.random.default_rng(0).normal(-8, 3, (100 * FRAMES, MEL_BANDS)).astype(FRAME_TYPE).tobytes()
    with path.open("wb") as file:
        for begin in range(0, utterances, 100):
            file.write(block[: min(100, utterances - begin) * BYTES])


def corpus_in(path: Path, utterances: int) -> PackedCorpus:
    """The file as a packed corpus."""
    speakers_of = np.arange(utterances, dtype=np.int64) % SPEAKERS
    return PackedCorpus(
        name=path.name,
        frames=np.memmap(path, FRAME_TYPE, "r", shape=(utterances * FRAMES, MEL_BANDS)),
        offsets=np.arange(utterances, dtype=np.int64) * FRAMES,
        lengths=np.full(utterances, FRAMES, np.int64),
        ids=[str(number) for number in range(utterances)],
        speakers_of=speakers_of,
        speakers=[str(number) for number in range(SPEAKERS)],
        problems=[],
        fingerprint=path.name,
        features=Features(mel_bands=MEL_BANDS),
    )


def main() -> None:
    pipe = own_stdout()
    name, file, number = sys.argv[1:4]
    path, utterances = Path(file), int(number)
    if "--sparse" in sys.argv:
        path.touch()
        with path.open("r+b") as sparse:
            sparse.truncate(utterances * BYTES)
    else:
        write_frames(path, utterances)
    preset = course_preset(name)
    places = np.arange(utterances, dtype=np.int64)
    split = Split(train=places[10:], validation=places[:10], note="made")
    trainer = Trainer(preset, corpus_in(path, utterances), split, RunDirectory(path.parent), resolve(preset.run))
    progress = (event for event in trainer if isinstance(event, e.Progress))
    next(progress)
    for _, deadline, answer in asked(pipe):
        done = 0
        while done == 0 or time.perf_counter() < deadline:
            done += next(progress).steps
        answer(done)


if __name__ == "__main__":
    main()
