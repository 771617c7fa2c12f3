"""Audio files as samples: what can be decoded, headers, whole files and stretches of them.

libsndfile reads most of them, and PyAV, where it is installed, the rest (`m4a.py`). What becomes of the samples says
`features.py`.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import soundfile
from msgspec import Struct
from numpy.typing import NDArray

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
M4A_ENDINGS = (".m4a", ".mp4", ".aac")
UNSUPPORTED_ENDINGS = (".wma", ".amr", ".webm", ".sph", ".aif", ".aiff")
AUDIO_ENDINGS = ENDINGS + M4A_ENDINGS + UNSUPPORTED_ENDINGS

NEEDS_PYAV = "needs PyAV: pip install 'spk-tui[m4a]'"

EXACT_JUMPS = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""Encodings, by libsndfile's names (FLAC's are PCM's), in which a jump lands on the very sample that is asked for.

In MP3 with a varying bit rate, and near the end of Vorbis, other samples come after a jump, and some kinds of ADPCM
allow none: stretches of these are decoded from the recording's beginning, some thousand times faster than it plays.
"""

DECODE_BLOCK = 1 << 18  # samples a channel; many channels never exist in memory all at once
LONGEST_SECONDS = 48 * 3600  # a header that promises more is damaged
UNKNOWN_SIZE = 0x7FFFF000  # bytes: who writes WAV into a pipe, as SoX and FFmpeg do, states this many or more


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
    cut_short: str = ""  # what the file lacks of what it promises, in words; empty where nothing is known to be missing


def is_audio(name: str) -> bool:
    """Whether a file's name ends as those of recordings do, in any case."""
    return name.lower().endswith(AUDIO_ENDINGS)


def why_undecodable(name: str) -> str:
    """Why a recording with this name can't be decoded here, judged by its ending alone; empty when it can."""
    if _is_m4a(name) and not pyav_is_there():
        return NEEDS_PYAV
    if name.lower().endswith(UNSUPPORTED_ENDINGS):
        return f"is not one of {', '.join(ENDINGS + M4A_ENDINGS)}; convert it"
    return ""


@cache  # a corpus has a million recordings, and looking for a package takes a while
def pyav_is_there() -> bool:
    """Whether PyAV, which is an extra, can be imported."""
    try:
        import_module("av")
    except ImportError:
        return False
    return True


def read_header(path: Path) -> Header:
    """The header of an audio file. Raises `UnusableAudio` when it is unreadable, empty, or promises the impossible."""
    try:
        if path.stat().st_size == 0:
            raise UnusableAudio("empty", "is an empty file")
        if _is_m4a(path.name):
            header = _header_by_pyav(path)
        else:
            with soundfile.SoundFile(path) as file:
                seconds = file.frames / file.samplerate
                header = Header(file.samplerate, file.channels, seconds, cut_short(path))
    except (soundfile.SoundFileError, OSError) as error:
        raise UnusableAudio("unreadable", reason_of(error)) from None
    if header.seconds == 0:
        raise UnusableAudio("empty", "has no samples")
    if not 0 < header.seconds < LONGEST_SECONDS:
        raise UnusableAudio("unreadable", "has a header without a credible length")
    return header


def cut_short(path: Path) -> str:
    """What a WAV file lacks of the audio that its header promises, in words; empty when nothing does, and for others.

    libsndfile takes the length of such a file from what is there. Raises `OSError`.
    """
    if not path.name.lower().endswith(".wav"):
        return ""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return ""
        file.seek(12)  # past the size of the whole and "WAVE"
        while len(chunk := file.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                held = os.fstat(file.fileno()).st_size - file.tell()
                missing = held < size < UNKNOWN_SIZE
                return f"holds {held:,} of the {size:,} bytes of audio that its header promises" if missing else ""
            file.seek(size + size % 2, os.SEEK_CUR)
    return ""


def decode(path: Path, start: float = 0.0, end: float | None = None) -> tuple[NDArray[np.float32], int]:
    """Reads an audio file of any rate and channel count as the mean of its channels: (samples,), and its hertz.

    start, end: the stretch to read, in seconds; no end is the file's end. A stretch that goes past the file's end ends
    there; one that begins past it is empty. Raises `UnusableAudio`.
    """
    try:
        if path.stat().st_size == 0:
            raise UnusableAudio("empty", "is a file of 0 bytes")
        read = _decode_by_pyav if _is_m4a(path.name) else _decode_by_libsndfile
        samples, rate = read(path, start, end)
    except (soundfile.SoundFileError, OSError) as error:
        raise UnusableAudio("unreadable", reason_of(error)) from None
    if not len(samples):
        raise UnusableAudio("empty", "has no samples")
    return samples, rate


class _Straight(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read on from where it is: soundfile jumps there after each block, where jumps are possible."""

    def seekable(self) -> bool:
        return False


def _decode_by_libsndfile(path: Path, start: float, end: float | None) -> tuple[NDArray[np.float32], int]:
    with _Straight(path) as file:
        rate = int(file.samplerate)
        first, last = round(start * rate), None if end is None else round(end * rate)
        place = file.seek(min(first, file.frames)) if first and file.subtype.startswith(EXACT_JUMPS) else 0
        # Block by block, until there is no more: the length in a header may be wrong, even absurdly great.
        blocks = [np.zeros(0, np.float32)]
        while last is None or place < last:
            size = DECODE_BLOCK if last is None else min(last - place, DECODE_BLOCK)
            block = file.read(size, dtype="float32", always_2d=True)  # (samples, channels)
            if not len(block):
                break
            if place + len(block) > first:
                samples = block[:, 0] if file.channels == 1 else block.mean(axis=1)
                blocks.append(samples[max(0, first - place) :])
            place += len(block)
    return np.concatenate(blocks), rate


def _is_m4a(name: str) -> bool:
    return name.lower().endswith(M4A_ENDINGS)


def _header_by_pyav(path: Path) -> Header:
    _demand_pyav()
    from engine.corpus import m4a

    return m4a.read_header(path)


def _decode_by_pyav(path: Path, start: float, end: float | None) -> tuple[NDArray[np.float32], int]:
    _demand_pyav()
    from engine.corpus import m4a

    return m4a.decode(path, start, end)


def _demand_pyav() -> None:
    if not pyav_is_there():
        raise UnusableAudio("unsupported", NEEDS_PYAV)


def reason_of(error: Exception) -> str:
    """What a failure to read says, without the path that libsndfile repeats."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(getattr(error, "error_string", "") or error).strip().rstrip(".")
