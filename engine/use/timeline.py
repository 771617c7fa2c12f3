"""Who speaks when: a long recording as frames of overlapping windows, one for each second.

Each second is judged by a window around it, so that the windows' owner knows more than one syllable. How frames become
scores is the business of `identifying.py`. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from engine.corpus.decoding import UnusableAudio, decode
from engine.corpus.features import cut_silence, log_mel, prepare_samples
from engine.preset import Features

WINDOW_SECONDS = 2.0
LEAST_SOUND = 0.5  # seconds in a window, when silence is cut out of it; a breath is nobody's voice
STRETCH_SECONDS = 300.0
"""So much is in memory at once; windows end where a stretch does, and each stretch is scaled to its own peak."""

Samples = NDArray[np.float32]
Frames = NDArray[np.float16]


def window_frames(path: Path, features: Features) -> Iterator[Frames | None]:
    """For each second that a recording has begun: the frames (frames, mel) of the window around it, none for silence.

    Raises `UnusableAudio` when the file can't be read on.
    """
    begin = 0.0
    while True:
        try:
            samples, rate = decode(path, begin, begin + STRETCH_SECONDS)
        except UnusableAudio as error:
            if error.kind == "empty" and begin > 0:  # the recording ended with the stretch before
                return
            raise
        yield from _windows(samples, rate, features)
        if len(samples) < round(STRETCH_SECONDS * rate):
            return
        begin += STRETCH_SECONDS


def _windows(samples: Samples, rate: int, features: Features) -> Iterator[Frames | None]:
    """Silence is judged by the peak of the whole stretch: in a window of its own, breath would be as loud as speech."""
    seconds = -(-len(samples) // rate)
    try:
        scaled = prepare_samples(samples, rate, structs.replace(features, silence_level=0.0))
    except UnusableAudio as error:
        if error.kind not in ("silent", "short"):
            raise
        yield from [None] * seconds
        return
    for second in range(seconds):
        middle = (second + 0.5) * features.sample_rate
        half = WINDOW_SECONDS / 2 * features.sample_rate
        yield _frames(scaled[max(0, round(middle - half)) : round(middle + half)], features)


def _frames(window: Samples, features: Features) -> Frames | None:
    rate = features.sample_rate
    sound = cut_silence(window, features.silence_level, round(features.silence_seconds * rate))
    if len(sound) < max(features.window, LEAST_SOUND * rate):
        return None
    try:
        return log_mel(prepare_samples(sound, rate, features), features).astype(np.float16)
    except UnusableAudio:
        return None
