"""Log-mel frames as pixels: the right way up, scaled by averaging, and coloured evenly, whatever the values are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk_tui.mel_image import MAGMA, pixels, resized


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE 1976 L* of sRGB colours: (..., 3) to (...)."""
    share = np.asarray(colours, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


def test_low_bands_are_at_the_bottom_and_early_frames_at_the_left() -> None:
    frames = np.zeros((20, 10))
    frames[:10, :5] = 9.0  # the first half of the time, in the low bands
    light = lightness(pixels(frames, 8, 6))
    assert light.shape == (6, 8)
    assert light[3:, :4].min() > 90
    assert light[:3].max() < 5
    assert light[3:, 4:].max() < 5


def test_louder_is_lighter_all_the_way_and_evenly_so() -> None:
    steps = np.diff(lightness(MAGMA))
    assert steps.min() > 0
    assert steps.max() < 1.7 * steps.min()
    ramp = lightness(pixels(np.linspace(-20, 5, 500)[:, None], 100, 2)[0])
    assert (np.diff(ramp) >= 0).all()
    assert ramp[0] < 1
    assert ramp[-1] > 97


def test_scaling_down_takes_means() -> None:
    rows = np.arange(12, dtype=np.float64).reshape(6, 2)
    np.testing.assert_allclose(resized(rows, 3), [[1, 2], [5, 6], [9, 10]])
    np.testing.assert_allclose(resized(rows, 4)[0], (rows[0] + 0.5 * rows[1]) / 1.5)


def test_scaling_up_repeats() -> None:
    rows = np.array([[1.0], [4.0]])
    np.testing.assert_allclose(resized(rows, 6)[:, 0], [1, 1, 1, 4, 4, 4])


@given(st.integers(1, 300), st.integers(1, 90), st.integers(1, 120), st.integers(1, 60))
def test_the_mean_of_all_values_stays(frames: int, bands: int, width: int, height: int) -> None:
    values = np.random.default_rng(frames).normal(size=(frames, bands))
    scaled = resized(resized(values, width).T, height)
    assert scaled.shape == (height, width)
    assert scaled.mean() == pytest.approx(values.mean(), abs=1e-9)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((1, 1)),
        np.full((1, 40), 3.0),
        np.ones((500, 1)),
        np.full((7, 5), np.nan),
        np.array([[np.nan, 1.0], [np.inf, -np.inf]]),
        np.full((3, 3), -65504, np.float16),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (50, 2), (3, 80)])
def test_odd_frames_have_a_picture_too(frames: np.ndarray, size: tuple[int, int]) -> None:
    width, height = size
    picture = pixels(frames, width, height)
    assert (picture.shape, picture.dtype) == ((height, width, 3), np.uint8)


def test_values_that_are_no_numbers_are_the_quietest() -> None:
    frames = np.tile(np.linspace(0, 1, 50), (10, 1))
    frames[3, 40:] = np.nan
    light = lightness(pixels(frames, 10, 50))
    assert light[:10, 3].max() < 1  # of the highest bands


def test_one_extreme_value_does_not_darken_the_rest() -> None:
    frames = np.random.default_rng(0).uniform(0, 1, (100, 40))
    frames[50, 20] = 1000.0
    assert np.median(lightness(pixels(frames, 100, 40))) > 30
