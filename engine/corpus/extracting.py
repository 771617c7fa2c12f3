"""From one utterance to its frames, whatever its file holds, and what was noticed on the way.

A function of the utterance alone, called on many threads by `packed.py`.
"""

from __future__ import annotations

import hashlib

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.corpus.corpus import CLIPPED, CUT_SHORT, DUPLICATE, LENGTH_DIFFERS, TWO_SPEAKERS, Corpus, Problem, Utterance
from engine.corpus.decoding import UnusableAudio, cut_short, decode, reason_of
from engine.corpus.features import log_mel, prepare_samples
from engine.corpus.waveforms import Perturbation, WaveformRecipe
from engine.preset import Features

FULL_SCALE = 0.995
CLIPPED_SHARE = 1e-3  # of the samples; single peaks at full scale are no clipping
CLIPPED_RUN = 3  # samples in a row at full scale, which no sound below it makes


class Extraction(Struct, frozen=True):
    """Frames (frames, mel), float16, or none and the problem that is why; remarks leave nothing out."""

    frames: NDArray[np.float16] | None
    problems: list[Problem]
    content: bytes = b""  # a hash of the frames: equal for equal content


def extract_utterance(
    utterance: Utterance, corpus: Corpus, features: Features, waveform: WaveformRecipe | None = None
) -> Extraction:
    """Reads, decodes and computes; raises nothing for what can be wrong with a file.

    With a waveform recipe the frames are those of the changed utterance; what there is to remark about the utterance
    itself has been remarked of the corpus.
    """
    if waveform is not None:
        return _extract_changed(utterance, features, waveform)
    try:
        if corpus.mel_bands is None:
            samples, rate = decode(utterance.path, utterance.start, utterance.end)
            remarks = [Problem(CLIPPED, utterance.id, clipped)] if (clipped := clipping(samples)) else []
            remarks += _compare_promise(utterance, len(samples), rate)
            frames = log_mel(prepare_samples(samples, rate, features), features).astype(np.float16)
        else:
            from engine.corpus.ready_frames import load_frames  # it loads torch, which audio doesn't need

            frames = load_frames(utterance.path, corpus.mel_bands)
            remarks = _compare_length(utterance, len(frames))
    except UnusableAudio as error:
        return Extraction(None, [Problem(error.kind, utterance.id, str(error))])
    return Extraction(frames, remarks, hashlib.blake2b(frames.tobytes(), digest_size=16).digest())


def _extract_changed(utterance: Utterance, features: Features, waveform: WaveformRecipe) -> Extraction:
    change = Perturbation(waveform, utterance.id)
    try:
        samples, rate = decode(utterance.path, utterance.start, utterance.end)
        frames = log_mel(prepare_samples(samples, rate, features, change), features).astype(np.float16)
    except UnusableAudio as error:
        return Extraction(None, [*change.problems, Problem(error.kind, utterance.id, str(error))])
    return Extraction(frames, change.problems)


class Duplicates:
    """Notices utterances whose content came before: 16 bytes and a name are kept of each."""

    def __init__(self) -> None:
        self._first: dict[bytes, Utterance] = {}

    def notice(self, utterance: Utterance, content: bytes) -> list[Problem]:
        """A remark when the same content came before, another when that was under another speaker."""
        first = self._first.setdefault(content, utterance)
        if first is utterance:
            return []
        kind = DUPLICATE if first.speaker == utterance.speaker else TWO_SPEAKERS
        return [Problem(kind, utterance.id, f"has the same content as {first.id}")]


def clipping(samples: NDArray[np.float32]) -> str:
    """How much of a recording is clipped, in words; empty when it isn't.

    Counted are samples at full scale with at least two neighbours there; more than 0.1 % of them is clipping.
    """
    loud = np.abs(samples) >= FULL_SCALE
    if np.count_nonzero(loud) <= CLIPPED_SHARE * len(samples):
        return ""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.view(np.int8), [0]))))
    runs = edges[1::2] - edges[::2]  # lengths of the stretches at full scale
    share = float(runs[runs >= CLIPPED_RUN].sum()) / len(samples)
    return f"{share:.1%} of its samples are cut off at full scale" if share > CLIPPED_SHARE else ""


def _compare_promise(utterance: Utterance, samples: int, rate: int) -> list[Problem]:
    """A remark where an utterance, decoded as so many samples, ends because its file does, and before it should."""
    if utterance.end is not None and samples >= round(utterance.end * rate) - round(utterance.start * rate):
        return []
    try:
        missing = cut_short(utterance.path)
    except OSError as error:  # the file is gone since it was decoded
        raise UnusableAudio("unreadable", reason_of(error)) from None
    return [Problem(CUT_SHORT, utterance.id, missing)] if missing else []


def _compare_length(utterance: Utterance, frames: int) -> list[Problem]:
    if utterance.frames is None or utterance.frames == frames:
        return []
    return [Problem(LENGTH_DIFFERS, utterance.id, f"has {frames} frames, its metadata says {utterance.frames}")]
