"""Recordings from anywhere as the frames that a model was trained on: whatever can be decoded, however long it is.

A corpus is packed (`engine.corpus.packed`); this is for files that belong to none. A long recording comes in stretches,
so that an hour takes no more memory than some minutes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.corpus.decoding import UnusableAudio, decode
from engine.corpus.features import log_mel, prepare_samples
from engine.errors import InputError
from engine.machine import usable_cores
from engine.preset import Features

STRETCH_SECONDS = 300.0
"""What is longer is looked at in stretches of five minutes, each scaled to its own peak, and their outputs averaged."""
SHORTEST_SECONDS = 0.1
"""With less sound than this, a model would name somebody by a click. Silence that is cut out doesn't count."""

Frames = NDArray[np.float16]


def frames_of(path: Path, features: Features) -> list[Frames]:
    """A recording's frames, (frames, mel) float16 for each stretch that has any sound; one for all but long recordings.

    Raises `InputError`, in one line, for what is no audio, silent, or too short.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a recording")
    try:
        stretches = list(_stretches(path, features))
    except UnusableAudio as error:
        raise InputError(f"{path}: {error}") from None
    heard = sum(map(len, stretches)) * features.hop_ms / 1000
    if heard < SHORTEST_SECONDS:
        raise InputError(
            f"{path}: has {heard:.2f} s of sound, too short for a voice: {SHORTEST_SECONDS:g} s are needed"
        )
    return stretches


def frames_of_all(paths: Iterable[Path], features: Features) -> Iterator[list[Frames] | InputError]:
    """The same for many recordings, in their order, on all cores; in place of one that can't be used stands why."""
    cores, remaining = usable_cores(), iter(paths)
    waiting: deque[Future[list[Frames] | InputError]] = deque()
    with ThreadPoolExecutor(cores, thread_name_prefix="decoding") as pool:
        try:
            for path in islice(remaining, 2 * cores):
                waiting.append(pool.submit(_frames_or_why, path, features))
            while waiting:
                yield waiting.popleft().result()
                for path in islice(remaining, 1):
                    waiting.append(pool.submit(_frames_or_why, path, features))
        finally:
            pool.shutdown(cancel_futures=True)


def _frames_or_why(path: Path, features: Features) -> list[Frames] | InputError:
    try:
        return frames_of(path, features)
    except InputError as error:
        return error


def _stretches(path: Path, features: Features) -> Iterator[Frames]:
    """Raises `UnusableAudio` when no stretch has any sound, or the file can't be read on."""
    begin, found, why = 0.0, False, UnusableAudio("empty", "has no samples")
    while True:
        try:
            samples, rate = decode(path, begin, begin + STRETCH_SECONDS)
        except UnusableAudio as error:
            if error.kind == "empty" and begin > 0:  # the recording ended with the stretch before
                break
            raise
        try:
            yield log_mel(prepare_samples(samples, rate, features), features).astype(np.float16)
            found = True
        except UnusableAudio as error:
            if error.kind not in ("silent", "short"):
                raise
            why = error
        if len(samples) < round(STRETCH_SECONDS * rate):
            break
        begin += STRETCH_SECONDS
    if not found:
        raise why
