"""Stretches of recordings hold the very samples that a whole decoding gives there, whatever the encoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.corpus import decoding
from engine.corpus.decoding import UnusableAudio, decode
from tests.made_corpora import voice

ENCODINGS = {
    "pcm.wav": ("WAV", "PCM_16", {}),
    "float.wav": ("WAV", "FLOAT", {}),
    "law.wav": ("WAV", "ULAW", {}),
    "adpcm.wav": ("WAV", "IMA_ADPCM", {}),
    "gsm.wav": ("WAV", "GSM610", {}),  # allows no jumps at all
    "a.flac": ("FLAC", "PCM_16", {}),
    "a.ogg": ("OGG", "VORBIS", {}),
    "a.opus": ("OGG", "OPUS", {}),
    "constant.mp3": ("MP3", "MPEG_LAYER_III", {"bitrate_mode": "CONSTANT"}),
    "varying.mp3": ("MP3", "MPEG_LAYER_III", {"bitrate_mode": "VARIABLE"}),
}


@pytest.fixture(params=ENCODINGS)
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Eight seconds of a voice in noise, at a rate at which a jump in Vorbis goes astray near the end."""
    container, encoding, options = ENCODINGS[request.param]
    rate = 24_000 if encoding == "OPUS" else 22_050
    noise = np.random.default_rng(1).normal(size=rate * 8) * (np.arange(rate * 8) // 3000 % 2)
    sound = np.resize(voice(150.0, 5.0, seed=1), rate * 8) * 0.5 + 0.1 * noise
    path = tmp_path / request.param
    with soundfile.SoundFile(path, "w", rate, 1, encoding, None, container, **options) as file:
        for begin in range(0, len(sound), 50_000):  # libsndfile's Vorbis writer takes no more at once
            file.write(sound[begin : begin + 50_000])
    return path


def test_a_stretch_is_a_slice_of_the_whole(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, rate = decode(recording)
    seconds = len(whole) / rate
    monkeypatch.setattr(decoding, "DECODE_BLOCK", 5000)
    stretches = [
        (0.0, 0.3), (0.0001, 0.2), (1.2345, 2.5), (2.0, None), (3.3, 3.9), (5.1, 5.6), (seconds - 1.3, seconds - 0.4),
        (seconds - 0.35, seconds - 0.01), (seconds - 0.1, None), (seconds - 0.2, seconds + 5),
    ]  # fmt: skip
    for start, end in stretches:
        expected = whole[round(start * rate) : None if end is None else round(end * rate)]
        found, found_rate = decode(recording, start, end)
        assert found_rate == rate
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-7, err_msg=f"{start} to {end}")


def test_a_stretch_past_the_end_is_empty(recording: Path) -> None:
    with pytest.raises(UnusableAudio, match="no samples") as error:
        decode(recording, 60.0, 61.0)
    assert error.value.kind == "empty"


def test_channels_are_averaged_in_a_stretch_too(tmp_path: Path) -> None:
    left, right = voice(100.0, 2.0, seed=1), voice(200.0, 2.0, seed=2)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    found, _ = decode(tmp_path / "two.wav", 0.5, 1.25)
    np.testing.assert_allclose(found, ((left + right) / 2)[8_000:20_000], atol=1e-7)
