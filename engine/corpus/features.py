"""Log-mel features: from an audio file to the frames that a network sees, by the recipe in a preset's [features].

The order is that of yistLin/dvector, whose recipe this is: one channel, resample, scale the peak, cut silence, log-mel.
It knows single files only; which files there are and where their frames go is the work of readers and `packed.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from engine.corpus.decoding import UnusableAudio, decode
from engine.errors import InputError
from engine.preset import Features

Samples = NDArray[np.floating]
Change: TypeAlias = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
"""Takes samples and their rate in hertz, returns other samples at the same rate."""

QUIETEST_PEAK = 1e-4  # -80 dB of full scale: three steps of 16-bit audio, so what is left is rounding, not sound
FRAME_BLOCK = 256  # frames transformed at a time: their windows (400 samples in float64) stay inside a core's cache

BLAS_THREADS_FROM = 1 << 18  # multiplications from which OpenBLAS (interface/gemm.c) takes more than one thread


def extract(path: Path, features: Features, start: float = 0.0, end: float | None = None) -> NDArray[np.float16]:
    """The log-mel frames of one audio file, or of a stretch of it, rounded to float16: (frames, mel).

    start, end: seconds; no end is the file's end.

    Raises `UnusableAudio` when the file can't be read, is empty, silent, not finite or shorter than one window.
    """
    samples = prepare_samples(*decode(path, start, end), features)
    return log_mel(samples, features).astype(np.float16)


def prepare_samples(
    samples: NDArray[np.float32], rate: int, features: Features, change: Change | None = None
) -> NDArray[np.float32]:
    """Resamples, scales the peak and cuts silence, in this order: (samples,) to (samples left,).

    `change` is what a copy of a corpus does to the samples once they are resampled (see `waveforms.py`).
    The peak is scaled before silence is judged, so that a quiet recording isn't taken for silence, and not again after:
    what is cut is below the peak anyway. Raises `UnusableAudio`.
    """
    if not np.isfinite(samples).all():
        raise UnusableAudio("not finite", "contains samples that are infinite or not a number")
    if rate != features.sample_rate:
        samples = soxr.resample(samples, rate, features.sample_rate, quality="HQ")
    if change is not None and len(samples):
        samples = change(samples, features.sample_rate)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < QUIETEST_PEAK:
        raise UnusableAudio("silent", "contains no sound" if peak == 0 else "never rises above -80 dB of full scale")
    samples = samples * np.float32(10 ** (features.peak_db / 20) / peak)
    samples = cut_silence(samples, features.silence_level, round(features.silence_seconds * features.sample_rate))
    if len(samples) < features.window:
        left = f"{len(samples) / features.sample_rate * 1000:.0f} ms of sound"
        raise UnusableAudio("short", f"has {left}, less than one window of {features.window_ms:g} ms")
    return samples


def cut_silence(samples: NDArray[np.float32], level: float, shortest: int) -> NDArray[np.float32]:
    """Removes every run of at least `shortest` samples that all lie below `level` (1.0 is full scale).

    This is what SoX's effect "silence 1 0.1 1% -1 0.1 1%", as yistLin/dvector calls it, is meant to do: take out, at
    the beginning, the end and everywhere between, silence that lasts 0.1 s. SoX judges the root mean square of a
    sliding 20 ms window and resumes only after 0.1 s of sound, so it also takes soft edges of words and single clicks;
    here each sample is judged by itself, no sound is ever cut, and the whole is a few array operations.
    """
    loud = np.flatnonzero(np.abs(samples) >= level)
    edges = np.concatenate(([-1], loud, [len(samples)]))
    gaps = np.flatnonzero(np.diff(edges) > shortest)  # a gap of n silent samples is a step of n + 1
    if not len(gaps):
        return samples
    begins = np.concatenate(([0], edges[gaps + 1]))  # the stretches that stay lie between the gaps
    ends = np.concatenate((edges[gaps] + 1, [len(samples)]))
    return np.concatenate([samples[begin:end] for begin, end in zip(begins, ends, strict=True)])


def log_mel(samples: Samples, features: Features) -> NDArray[np.float64]:
    """The logarithm of the mel energies of frames centred on every hop: (samples,) to (1 + samples // hop, mel).

    (A window of an odd number of samples reaches one sample further: there it is 1 + (samples - 1) // hop.)
    Hann window as long as the Fourier transform, edges reflected, power spectrum, mel bands without normalisation,
    natural logarithm of the energy or of the recipe's floor, whichever is greater: librosa.feature.melspectrogram with
    htk=True, norm=None, pad_mode="reflect", and torchaudio's MelSpectrogram by default. It is computed in float64: a
    float32 transform is off by up to 0.04 in bands that lie 100 dB below the loudest one. Needs more than half a window
    of samples.
    """
    window, hop = features.window, features.hop
    half = window // 2
    padded = np.pad(samples.astype(np.float64), half, mode="reflect")
    windows = sliding_window_view(padded, window)[::hop]  # (frames, window), a view
    hann, bands = hann_window(window), mel_bands(features)
    mel = np.empty((len(windows), features.mel_bands))
    for begin in range(0, len(windows), FRAME_BLOCK):
        block = slice(begin, begin + FRAME_BLOCK)
        spectrum = np.fft.rfft(windows[block] * hann)  # (frames, bins)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        _multiply_on_this_thread(power, bands, mel[block])
    return np.log(np.maximum(mel, features.floor, out=mel), out=mel)


def _multiply_on_this_thread(power: Samples, bands: Samples, mel: Samples) -> None:
    """mel = power @ bands, in products so small that the BLAS library doesn't share them between threads.

    Files are extracted on all cores at once; there, BLAS threads of each extracting thread spinning for the same cores
    cost half of the speed.
    """
    rows = max(1, BLAS_THREADS_FROM // bands.size)
    for begin in range(0, len(power), rows):
        np.matmul(power[begin : begin + rows], bands, out=mel[begin : begin + rows])


@lru_cache(maxsize=8)
def hann_window(length: int) -> NDArray[np.float64]:
    """The periodic Hann window: (length,)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    window.setflags(write=False)
    return window


@lru_cache(maxsize=8)
def mel_bands(features: Features) -> NDArray[np.float64]:
    """The triangular mel filter bank on the HTK scale, each triangle of height 1: (bins, mel).

    Bands lie at equal distances in mel from the recipe's lowest frequency to half the sample rate (Young et al., The
    HTK Book). Raises `InputError` when a band is so narrow that no bin of the Fourier transform falls into it.
    """
    bins = np.arange(features.window // 2 + 1) * features.sample_rate / features.window  # hertz
    edges = band_edges(features)
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    bands = np.maximum(0.0, np.minimum(rising, falling))
    deaf = int((bands.max(axis=0) == 0).sum())
    if deaf:
        raise InputError(
            f"features.mel_bands = {features.mel_bands}: {deaf} of the bands are narrower than the resolution of a"
            f" {features.window_ms:g} ms window and would hear nothing; use fewer bands or a longer features.window_ms"
        )
    bands.setflags(write=False)
    return bands


def band_edges(features: Features) -> NDArray[np.float64]:
    """Hertz, (mel + 2,): band b rises from edges[b], has its peak at edges[b + 1] and ends at edges[b + 2]."""
    mels = np.linspace(_mel(features.lowest_hz), _mel(features.sample_rate / 2), features.mel_bands + 2)
    edges: NDArray[np.float64] = 700 * (10 ** (mels / 2595) - 1)
    return edges


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)
