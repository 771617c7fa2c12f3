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
LEAST_OWN_SOUND = 0.2  # seconds in the second itself; else it would be told by its neighbours alone
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
    own = features.sample_rate
    around = round((WINDOW_SECONDS - 1) / 2 * own)  # samples on each side of the second
    for begin in range(0, seconds * own, own):
        window = scaled[max(0, begin - around) : begin + own + around]
        if len(_sound(scaled[begin : begin + own], features)) < LEAST_OWN_SOUND * own:
            yield None
        else:
            yield _frames(window, features)


def _frames(window: Samples, features: Features) -> Frames | None:
    """The window at the level of a recording of its own: a model may hear how loud it is."""
    sound = _sound(window, features)
    if len(sound) < max(features.window, LEAST_SOUND * features.sample_rate):
        return None
    try:
        return log_mel(prepare_samples(sound, features.sample_rate, features), features).astype(np.float16)
    except UnusableAudio:
        return None


def _sound(samples: Samples, features: Features) -> Samples:
    return cut_silence(samples, features.silence_level, round(features.silence_seconds * features.sample_rate))
