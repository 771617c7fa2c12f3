"""AAC and whatever else lies in m4a, mp4 and aac files, through PyAV: headers, whole files and stretches of them.

PyAV is an extra (`pip install 'spk-tui[m4a]'`): `decoding.py` imports this file when it meets such a recording, and
nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from engine.corpus.decoding import Header, UnusableAudio

PREROLL_SECONDS = 1.0  # decoded before a stretch: AAC frames overlap, so the first one after a jump isn't exact
WITHOUT_INDEX = "aac"  # FFmpeg's name for a file of bare AAC frames (ADTS): it tells no length and allows no jumps


def read_header(path: Path) -> Header:
    """What the file says of its first audio stream. Raises `UnusableAudio` when there is none."""
    with _first_audio(path) as (container, stream):
        seconds = _stated_seconds(container, stream)
        if seconds is None:
            seconds = sum(float((packet.duration or 0) * packet.time_base) for packet in container.demux(stream))
        return Header(stream.codec_context.sample_rate, len(stream.codec_context.layout.channels), seconds)


def decode(path: Path, start: float, end: float | None) -> tuple[NDArray[np.float32], int]:
    """Reads a stretch, in seconds, as the mean of the channels: (samples,), and its hertz.

    No samples when it begins past the end. What an encoder added to fill its last frame is left out where the file
    tells its length. Raises `UnusableAudio`.
    """
    blocks: list[NDArray[np.float32]] = []
    place: int | None = None  # of the next block in the whole recording, in samples
    with _first_audio(path) as (container, stream):
        rate = stream.codec_context.sample_rate
        stated = _stated_seconds(container, stream)
        end = stated if end is None or (stated is not None and stated < end) else end
        for frame in _frames_from(start, container, stream):
            rate = frame.sample_rate
            if place is None:
                place = _place(frame, stream)
            left = None if end is None else round(end * rate) - place
            if left is not None and left <= 0:
                break
            block = frame.to_ndarray().mean(axis=0)  # (channels, samples) -> (samples,)
            blocks.append(block[max(0, round(start * rate) - place) : left])
            place += len(block)
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32), rate


@contextmanager
def _first_audio(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    """The opened file and its first audio stream; what FFmpeg can't make sense of becomes `UnusableAudio`."""
    try:
        with av.open(str(path)) as container:
            streams = container.streams.audio
            if not streams or streams[0].codec_context is None:
                raise UnusableAudio("unreadable", "holds no audio that can be decoded")
            yield container, streams[0]
    except av.error.FFmpegError as error:
        raise UnusableAudio("unreadable", error.strerror or str(error)) from None


def _stated_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """How long the file says that its audio lasts; None where it says nothing, or FFmpeg only guesses."""
    if container.format.name == WITHOUT_INDEX or not stream.duration or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _frames_from(start: float, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Frames of float32, a row a channel, from a little before the start, in seconds, to the end of the file."""
    if start > PREROLL_SECONDS and stream.time_base is not None and container.format.name != WITHOUT_INDEX:
        container.seek(int((start - PREROLL_SECONDS) / stream.time_base) + (stream.start_time or 0), stream=stream)
    resampler = av.AudioResampler(format="fltp")  # changes the type of the samples alone
    for frame in container.decode(stream):
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _place(frame: AudioFrame, stream: AudioStream) -> int:
    """Where in the recording a frame begins, in samples."""
    if frame.pts is None or frame.time_base is None:
        return 0
    begin = frame.pts * frame.time_base - (stream.start_time or 0) * (stream.time_base or 0)
    return round(begin * frame.sample_rate)
