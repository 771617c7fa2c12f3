"""Audio files as samples: what can be decoded, headers, whole files and stretches of them.

What becomes of the samples says `features.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from msgspec import Struct
from numpy.typing import NDArray

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
UNSUPPORTED_ENDINGS = (".m4a", ".aac", ".wma", ".amr", ".webm", ".sph", ".aif", ".aiff")

DECODE_BLOCK = 1 << 18  # samples a channel; many channels never exist in memory all at once
LONGEST_SECONDS = 48 * 3600  # a header that promises more is damaged


class UnusableAudio(Exception):
    """A recording can't become frames. `kind` is a short name to count by, the text says what was found."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Header(Struct, frozen=True):
    """What a file says of its audio without being decoded."""

    sample_rate: int  # hertz
    channels: int
    seconds: float


def read_header(path: Path) -> Header:
    """The header of an audio file. Raises `UnusableAudio` when it is unreadable, empty, or promises the impossible."""
    try:
        if path.stat().st_size == 0:
            raise UnusableAudio("empty", "is an empty file")
        with soundfile.SoundFile(path) as file:
            header = Header(file.samplerate, file.channels, file.frames / file.samplerate)
    except (soundfile.SoundFileError, OSError) as error:
        raise UnusableAudio("unreadable", reason_of(error)) from None
    if header.seconds == 0:
        raise UnusableAudio("empty", "has no samples")
    if not 0 < header.seconds < LONGEST_SECONDS:
        raise UnusableAudio("unreadable", "has a header without a credible length")
    return header


def decode(path: Path, start: float = 0.0, end: float | None = None) -> tuple[NDArray[np.float32], int]:
    """Reads an audio file of any rate and channel count as the mean of its channels: (samples,), and its hertz.

    start, end: the stretch to read, in seconds; no end is the file's end. A stretch that goes past the file's end ends
    there; one that begins past it is empty. Raises `UnusableAudio`.
    """
    try:
        if path.stat().st_size == 0:
            raise UnusableAudio("empty", "is a file of 0 bytes")
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            if start > 0:
                file.seek(min(round(start * rate), file.frames))
            left = None if end is None else round(end * rate) - round(start * rate)
            # Block by block, until there is no more: the length in a header may be wrong, even absurdly great.
            blocks = []
            while left is None or left > 0:
                size = DECODE_BLOCK if left is None else min(left, DECODE_BLOCK)
                block = file.read(size, dtype="float32", always_2d=True)  # (samples, channels)
                if not len(block):
                    break
                blocks.append(block[:, 0] if file.channels == 1 else block.mean(axis=1))
                left = None if left is None else left - len(block)
    except (soundfile.SoundFileError, OSError) as error:
        raise UnusableAudio("unreadable", reason_of(error)) from None
    if not blocks:
        raise UnusableAudio("empty", "has no samples")
    return np.concatenate(blocks), rate


def reason_of(error: Exception) -> str:
    """What a failure to read says, without the path that libsndfile repeats."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(getattr(error, "error_string", "") or error).strip().rstrip(".")
