"""Log-mel features against librosa, and every step before them against what it promises."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.corpus.features import UnusableAudio, cut_silence, decode, extract, log_mel, mel_bands, prepare_samples
from engine.errors import InputError
from engine.preset import Features
from tests.made_corpora import voice

RECIPE = Features()
RECIPES = [
    RECIPE,
    Features(mel_bands=80, lowest_hz=20.0),
    Features(sample_rate=8000, mel_bands=24, lowest_hz=0.0),
    Features(window_ms=32.0, hop_ms=16.0, mel_bands=64),
    Features(window_ms=25.06, hop_ms=10.0),  # a window of an odd number of samples
]


def by_librosa(samples: np.ndarray, recipe: Features) -> np.ndarray:
    """The same features, computed by librosa in float64: (frames, mel)."""
    mel = librosa.feature.melspectrogram(
        y=samples.astype(np.float64), sr=recipe.sample_rate, n_fft=recipe.window, hop_length=recipe.hop, power=2.0,
        center=True, pad_mode="reflect", n_mels=recipe.mel_bands, fmin=recipe.lowest_hz, htk=True, norm=None,
        dtype=np.float64,
    )  # fmt: skip
    return np.log(np.maximum(mel.T, recipe.floor))


signals = st.builds(
    lambda kind, pitch, level, seconds, seed: level * SOUNDS[kind](pitch, seconds, np.random.default_rng(seed)),
    st.sampled_from(["tone", "noise", "click", "chirp", "constant"]),
    st.floats(20, 7900),
    st.sampled_from([1.0, 1e-2, 1e-4]),
    st.floats(0.026, 1.5),
    st.integers(0, 2**32 - 1),
)


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * 16_000)) / 16_000


SOUNDS = {
    "tone": lambda pitch, seconds, random: np.sin(2 * np.pi * pitch * _time(seconds)),
    "noise": lambda pitch, seconds, random: random.normal(0, 0.3, len(_time(seconds))),
    "click": lambda pitch, seconds, random: np.eye(1, len(_time(seconds)), int(len(_time(seconds)) * 0.4))[0],
    "chirp": lambda pitch, seconds, random: np.sin(2 * np.pi * pitch * _time(seconds) ** 2),
    "constant": lambda pitch, seconds, random: np.ones(len(_time(seconds))),
}


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")  # the shortest are meant to be so short
@settings(deadline=None, max_examples=60)
@given(signals, st.sampled_from(RECIPES))
def test_log_mel_agrees_with_librosa(samples: np.ndarray, recipe: Features) -> None:
    samples = samples.astype(np.float32)
    ours, reference = log_mel(samples, recipe), by_librosa(samples, recipe)
    assert ours.shape == reference.shape == (1 + (len(samples) - recipe.window % 2) // recipe.hop, recipe.mel_bands)
    np.testing.assert_allclose(ours, reference, atol=1e-4, rtol=0)


def test_long_recordings_agree_with_librosa_across_blocks() -> None:
    samples = voice(120, 8.0, seed=1)  # 801 frames: several blocks and a rest
    np.testing.assert_allclose(log_mel(samples, RECIPE), by_librosa(samples, RECIPE), atol=1e-4, rtol=0)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_filter_bank_is_that_of_librosa(recipe: Features) -> None:
    reference = librosa.filters.mel(
        sr=recipe.sample_rate, n_fft=recipe.window, n_mels=recipe.mel_bands, fmin=recipe.lowest_hz, htk=True,
        norm=None, dtype=np.float64,
    ).T  # fmt: skip
    np.testing.assert_allclose(mel_bands(recipe), reference, atol=1e-9)


def test_more_bands_than_the_window_resolves_are_refused() -> None:
    with pytest.raises(InputError, match=r"features.mel_bands = 200: \d+ of the bands"):
        mel_bands(Features(mel_bands=200))


def test_a_file_becomes_the_frames_of_its_samples(tmp_path: Path) -> None:
    samples = voice(120, 1.0, seed=3)
    soundfile.write(tmp_path / "a.flac", samples, 16_000, subtype="PCM_24")
    frames = extract(tmp_path / "a.flac", RECIPE)
    assert frames.dtype == np.float16
    scaled = samples * (10 ** (-3 / 20) / np.abs(samples).max())
    np.testing.assert_allclose(frames, by_librosa(scaled, RECIPE), atol=0.02)  # float16 near -20 has steps of 0.016


@pytest.mark.parametrize(
    ("name", "tolerance"), [("a.wav", 1e-3), ("a.flac", 1e-3), ("a.ogg", 0.2), ("a.opus", 0.2), ("a.mp3", 0.2)]
)
def test_every_format_is_decoded(tmp_path: Path, name: str, tolerance: float) -> None:
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000).astype(np.float32)
    path = tmp_path / name
    if name.endswith("opus"):
        soundfile.write(path, samples, 16_000, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, samples, 16_000)
    decoded, rate = decode(path)
    assert rate == 16_000
    assert decoded.dtype == np.float32
    assert abs(len(decoded) - 16_000) < 2500  # mp3 adds the delay of its filters
    middle = slice(4000, 12_000)
    assert abs(np.sqrt(np.mean(decoded[middle] ** 2)) - 0.3 / np.sqrt(2)) < tolerance


def test_channels_are_averaged_and_any_rate_is_resampled(tmp_path: Path) -> None:
    time = np.arange(2 * 44_100) / 44_100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time)
    soundfile.write(
        tmp_path / "a.wav", np.stack([tone, np.zeros_like(tone), 0.5 * tone], axis=1), 44_100, subtype="FLOAT"
    )
    decoded, rate = decode(tmp_path / "a.wav")
    np.testing.assert_allclose(decoded, 0.5 * tone, atol=1e-6)
    samples = prepare_samples(decoded, rate, RECIPE)
    assert abs(len(samples) - 32_000) <= 1
    expected = 10 ** (-3 / 20) * np.sin(2 * np.pi * 1000 * np.arange(len(samples)) / 16_000)
    np.testing.assert_allclose(samples[1000:-1000], expected[1000:-1000], atol=2e-3)


@given(st.floats(2e-4, 1.0), st.floats(-30.0, 0.0))
def test_the_peak_becomes_that_of_the_recipe(level: float, peak_db: float) -> None:
    samples = (level * np.sin(np.arange(8000))).astype(np.float32)
    peak = np.abs(prepare_samples(samples, 16_000, replace(RECIPE, peak_db=peak_db, silence_level=0.0))).max()
    assert peak == pytest.approx(10 ** (peak_db / 20), rel=1e-5)


def _cut_slowly(samples: list[float], level: float, shortest: int) -> list[float]:
    """The promise in its own words, sample by sample."""
    kept: list[float] = []
    run: list[float] = []
    for sample in [*samples, None]:
        if sample is not None and abs(sample) < level:
            run.append(sample)
            continue
        kept += run if len(run) < shortest else []
        run = []
        kept += [] if sample is None else [sample]
    return kept


@given(st.lists(st.sampled_from([0.0, 0.005, -0.009, 0.5, -0.7]), max_size=60), st.integers(1, 8))
def test_silence_is_cut_just_where_it_lasts(samples: list[float], shortest: int) -> None:
    cut = cut_silence(np.array(samples, np.float32), 0.01, shortest)
    np.testing.assert_array_equal(cut, np.array(_cut_slowly(samples, 0.01, shortest), np.float32))


def test_a_level_of_zero_cuts_nothing() -> None:
    samples = np.zeros(1000, np.float32)
    assert len(cut_silence(samples, 0.0, 10)) == 1000


def test_pauses_are_cut_after_the_peak_is_scaled(tmp_path: Path) -> None:
    loud = voice(150, 0.5, seed=0)
    quiet = np.concatenate([loud, np.zeros(8000, np.float32), loud]) * 0.01  # all of it below 1 % before scaling
    soundfile.write(tmp_path / "a.wav", quiet, 16_000, subtype="FLOAT")
    assert len(prepare_samples(*decode(tmp_path / "a.wav"), RECIPE)) == pytest.approx(16_000, abs=100)


def _write(path: Path, samples: np.ndarray, subtype: str = "FLOAT") -> None:
    soundfile.write(path, samples, 16_000, subtype=subtype)


@pytest.mark.parametrize(
    ("kind", "detail", "make"),
    [
        ("unreadable", "No such file", lambda path: None),
        ("unreadable", "Format not recognised", lambda path: path.write_bytes(b"this is no audio at all" * 100)),
        ("empty", "0 bytes", lambda path: path.write_bytes(b"")),
        ("empty", "no samples", lambda path: _write(path, np.zeros(0))),
        ("silent", "no sound", lambda path: _write(path, np.zeros(16_000))),
        ("silent", "-80 dB", lambda path: _write(path, np.full(16_000, 1 / 32768), "PCM_16")),
        ("short", "12 ms of sound", lambda path: _write(path, np.ones(200))),
        ("not finite", "not a number", lambda path: _write(path, np.array([0.1, np.nan] * 8000))),
        ("not finite", "infinite", lambda path: _write(path, np.array([0.1, np.inf] * 8000))),
    ],
)
def test_what_can_not_be_used_says_what_it_is(tmp_path: Path, kind: str, detail: str, make) -> None:
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(UnusableAudio, match=detail) as error:
        extract(path, RECIPE)
    assert error.value.kind == kind
    assert str(path) not in str(error.value)
    assert str(error.value)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_a_file_that_was_cut_off_or_damaged_is_read_or_refused_but_never_more(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, voice(100, 2.0, seed=0), 16_000)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for length in range(0, len(whole), max(1, len(whole) // 25)):
        damaged = bytearray(whole[:length])
        if length:
            damaged[int(random.integers(length))] ^= 0xFF
        path.write_bytes(bytes(damaged))
        try:
            frames = extract(path, RECIPE)
        except UnusableAudio:
            continue
        assert np.isfinite(frames).all()
        assert len(frames) <= 220


@settings(deadline=None, max_examples=30)
@given(st.floats(-1, 1), st.floats(1e-3, 1), st.integers(0, 100))
def test_frames_are_always_finite(offset: float, level: float, seed: int) -> None:
    samples = (offset + level * np.random.default_rng(seed).normal(size=4000)).astype(np.float32)
    frames = log_mel(prepare_samples(samples, 16_000, RECIPE), RECIPE).astype(np.float16)
    assert np.isfinite(frames).all()
