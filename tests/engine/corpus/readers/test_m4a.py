"""m4a, mp4 and aac: decoded where PyAV is installed, and what is said where it isn't."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from engine.corpus.decoding import UnusableAudio, decode, pyav_is_there, read_header
from engine.corpus.opening import open_corpus
from engine.corpus.preparing import prepare_corpus
from engine.corpus.splits import split_of
from engine.errors import InputError
from engine.preset import Features, Validation
from tests.made_corpora import RATE, recorded, voice

NEEDS_PYAV = "needs PyAV: pip install 'spk-tui[m4a]'"
FRAME = 1024  # samples of an AAC frame


def write(
    path: Path, samples: np.ndarray, rate: int = RATE, *, codec: str = "aac", container: str | None = None
) -> Path:
    """Encodes samples, (samples,) or (channels, samples)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = np.atleast_2d(samples).astype(np.float32)
    layout = "mono" if len(channels) == 1 else "stereo"
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        for part in (frame, None):
            for packet in stream.encode(part):
                file.mux(packet)
    return path


def alikeness(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1])


@pytest.fixture
def without_pyav(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PyAV as if it had never been installed."""
    monkeypatch.setitem(sys.modules, "av", None)
    pyav_is_there.cache_clear()
    yield
    pyav_is_there.cache_clear()


@pytest.mark.parametrize(("ending", "container"), [("m4a", None), ("M4A", "ipod"), ("mp4", "mp4")])
def test_a_recording_comes_back_as_it_went_in(tmp_path: Path, ending: str, container: str | None) -> None:
    sound = voice(140, 3.3, seed=1)
    path = write(tmp_path / f"1.{ending}", sound, container=container)
    samples, rate = decode(path)
    assert (rate, samples.dtype, samples.shape) == (RATE, np.float32, sound.shape)
    assert alikeness(samples, sound) > 0.99
    header = read_header(path)
    assert (header.sample_rate, header.channels) == (RATE, 1)
    assert header.seconds == pytest.approx(3.3)


def test_bare_aac_lasts_as_long_as_its_frames(tmp_path: Path) -> None:
    sound = voice(140, 3.3, seed=1)
    path = write(tmp_path / "1.aac", sound, container="adts")
    samples, rate = decode(path)
    assert rate == RATE
    assert len(sound) <= len(samples) <= len(sound) + 2 * FRAME
    assert alikeness(samples[FRAME : FRAME + len(sound)], sound) > 0.99  # the encoder begins with an empty frame
    assert read_header(path).seconds == pytest.approx(len(samples) / RATE, abs=FRAME / RATE)


@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_channels_are_averaged_at_the_files_own_rate(tmp_path: Path, codec: str) -> None:
    rate = 44_100
    left = 0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * rate) / rate)
    right = 0.3 * np.sin(2 * np.pi * 330 * np.arange(2 * rate) / rate)
    path = write(tmp_path / "1.m4a", np.stack([left, right]), rate, codec=codec)
    samples, decoded_rate = decode(path)
    assert decoded_rate == rate
    assert read_header(path).channels == 2
    assert len(samples) == len(left)
    assert alikeness(samples, (left + right) / 2) > 0.99
    assert samples.std() == pytest.approx(((left + right) / 2).std(), rel=0.05)


@pytest.mark.parametrize("codec", ["aac", "alac"])
@pytest.mark.parametrize(("start", "end"), [(0, 0.5), (0.25, 1.0), (4.2, 6.1), (7.5, None), (7.5, 99.0)])
def test_a_stretch_is_that_of_the_whole(tmp_path: Path, codec: str, start: float, end: float | None) -> None:
    path = write(tmp_path / "1.m4a", voice(140, 8, seed=1), codec=codec)
    whole, _ = decode(path)
    stretch, rate = decode(path, start, end)
    assert rate == RATE
    expected = whole[round(start * RATE) : None if end is None else round(end * RATE)]
    assert stretch.shape == expected.shape
    np.testing.assert_allclose(stretch, expected, atol=1e-3)


def test_a_stretch_of_bare_aac_is_that_of_the_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "1.aac", voice(140, 8, seed=1), container="adts")
    np.testing.assert_array_equal(decode(path, 4.2, 6.1)[0], decode(path)[0][round(4.2 * RATE) : round(6.1 * RATE)])


def test_a_stretch_past_the_end_is_empty(tmp_path: Path) -> None:
    path = write(tmp_path / "1.m4a", voice(140, 1, seed=1))
    with pytest.raises(UnusableAudio, match="has no samples") as error:
        decode(path, 5.0, 6.0)
    assert error.value.kind == "empty"


def damage(content: bytes) -> bytes:
    return content[:3000] + np.random.default_rng(0).bytes(6000) + content[9000:]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("empty", lambda content: b""),
        ("unreadable", lambda content: b"no audio at all"),
        ("unreadable", lambda content: content[: len(content) // 2]),
        ("unreadable", damage),
    ],
)
def test_damaged_files_say_so(tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, change: object) -> None:
    path = write(tmp_path / "1.m4a", voice(140, 3, seed=1))
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(UnusableAudio) as error:
        decode(path)
    assert error.value.kind == kind
    assert str(tmp_path) not in str(error.value)
    assert capfd.readouterr().err == ""  # FFmpeg writes on no screen


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    path = tmp_path / "1.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for image in (av.VideoFrame(32, 32, "yuv420p"), None):
            for packet in stream.encode(image):
                file.mux(packet)
    for read in (decode, read_header):
        with pytest.raises(UnusableAudio, match="holds no audio"):
            read(path)


def test_without_pyav_each_recording_is_a_problem_when_it_is_listed(tmp_path: Path, without_pyav: None) -> None:
    recorded(tmp_path / "speech", "a/1.wav", "b/1.wav")
    for name in ("a/2.m4a", "a/3.MP4", "b/4.aac"):
        (tmp_path / "speech" / name).write_bytes(b"never looked at")
    corpus = open_corpus(str(tmp_path / "speech"))
    assert [(problem.kind, problem.where, problem.detail) for problem in corpus.problems] == [
        ("unsupported", name, NEEDS_PYAV) for name in ("a/2.m4a", "a/3.MP4", "b/4.aac")
    ]
    assert [utterance.id for utterance in corpus.utterances] == ["a/1.wav", "b/1.wav"]
    for read in (decode, read_header):
        with pytest.raises(UnusableAudio, match="needs PyAV") as error:
            read(tmp_path / "speech" / "a" / "2.m4a")
        assert error.value.kind == "unsupported"


def test_without_pyav_a_corpus_of_nothing_else_says_what_to_install(tmp_path: Path, without_pyav: None) -> None:
    for speaker in ("id00012", "id00015"):
        path = tmp_path / "dev" / "aac" / speaker / "21Uxsk56VDQ" / "00001.m4a"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"never looked at")
    with pytest.raises(InputError) as error:
        open_corpus(str(tmp_path))
    assert NEEDS_PYAV in str(error.value)


def test_voxceleb2_is_packed_and_split_by_videos(tmp_path: Path) -> None:
    names = [
        f"{s}/{v}/0000{n}.m4a" for s in ("id00012", "id00015") for v in ("21Uxsk56VDQ", "73OrGYvy4ME") for n in "12"
    ]
    for number, name in enumerate(names):
        write(tmp_path / "dev" / "aac" / name, voice(100 + 10 * number, 0.5, seed=number))
    assert open_corpus(str(tmp_path)).layout == "voxceleb"
    packed = prepare_corpus(str(tmp_path), Features())
    assert packed.ids == names
    assert packed.problems == []
    split = split_of(packed, Validation())
    assert split.way == "sessions"
    train, held_out = (
        {packed.ids[index].rpartition("/")[0] for index in side} for side in (split.train, split.validation)
    )
    assert held_out
    assert not train & held_out


def test_packed_m4a_has_the_frames_of_the_recording_itself(tmp_path: Path) -> None:
    for speaker, number in (("a", 1), ("a", 2), ("b", 3), ("b", 4)):
        sound = voice(100 + 20 * number, 1.0, seed=number)
        write(tmp_path / "m4a" / speaker / f"{number}.m4a", sound)
        (tmp_path / "wav" / speaker).mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "wav" / speaker / f"{number}.wav", sound, RATE)
    compressed, plain = (prepare_corpus(str(tmp_path / kind), Features()) for kind in ("m4a", "wav"))
    assert compressed.lengths.tolist() == plain.lengths.tolist()
    loud = plain.frames > np.median(plain.frames)  # what AAC leaves out lies below
    assert np.abs(compressed.frames.astype(np.float32) - plain.frames)[loud].mean() < 0.2
