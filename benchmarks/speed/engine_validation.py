"""The engine's validation as a child process: the very function that a run calls, again and again.

python engine_validation.py PRESET CORPUS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from answering import asked, own_stdout
from contenders import course_preset

from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split_of
from engine.runs.directory import RunDirectory
from engine.training.device import resolve
from engine.training.trainer import Trainer
from engine.training.validation import validate


def main() -> None:
    pipe = own_stdout()
    preset = course_preset(sys.argv[1])
    packed = prepare_corpus(sys.argv[2], preset.features)
    run = RunDirectory(Path(sys.argv[2]).parent / "no-run")  # nothing is saved
    device = resolve(preset.run)
    trainer = Trainer(preset, packed, split_of(packed, preset.validation), run, device)
    for _, deadline, answer in asked(pipe):
        done = 0
        while done == 0 or time.perf_counter() < deadline:
            for _ in validate(
                trainer.keeper.judged, trainer.validation, len(packed.speakers), 0, lambda: False,
                precision=device.precision,
            ):  # fmt: skip
                pass
            done += len(trainer.validation.utterances)
        answer(done)


if __name__ == "__main__":
    main()
