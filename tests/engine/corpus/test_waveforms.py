"""Changed copies of an audio corpus: what is done to waveforms, how copies are packed, and what becomes of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.corpus.copies import Copy, check_augmentation, pack_copies, recipes_of
from engine.corpus.corpus import Corpus
from engine.corpus.features import extract, log_mel, prepare_samples
from engine.corpus.opening import open_corpus
from engine.corpus.packed import PackedCorpus, pack
from engine.corpus.splits import split_of
from engine.corpus.waveforms import Perturbation, WaveformRecipe, add_noise, at_speed, convolve, reverberate
from engine.errors import InputError
from engine.preset import Augment, Features, Validation
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs.directory import RunInfo, create_run
from engine.runs.events import Validated
from engine.training.device import resolve
from engine.training.trainer import Trainer
from engine.use.loading import load_best
from tests.made_corpora import RATE, audio_folder, voice

RECIPE = Features(mel_bands=16)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.astype(np.float32), rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """Three noises at two depths: white, at another rate, and shorter than any utterance."""
    random = np.random.default_rng(0)
    write(tmp_path / "musan/noise/free-sound/a.wav", 0.1 * random.normal(size=5 * RATE))
    write(tmp_path / "musan/music/b.flac", 0.1 * random.normal(size=2 * 44_100).clip(-5, 5), 44_100)
    write(tmp_path / "musan/c.wav", 0.1 * random.normal(size=3000))
    return tmp_path / "musan"


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    """Impulse responses in the layout of RIRS_NOISES, with the noises that lie among them there."""
    random = np.random.default_rng(1)
    root = tmp_path / "RIRS_NOISES"
    for number in range(3):
        tail = random.normal(size=4000) * np.exp(-np.arange(4000) / 600)
        tail[40 + number] = 8.0
        write(root / f"simulated_rirs/smallroom/Room001/Room001-0000{number}.wav", tail)
    write(root / "real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1_1.wav", random.normal(size=9000))
    write(root / "pointsource_noises/noise-free-sound-0000.wav", random.normal(size=9000))
    return root


def prepared(root: Path) -> tuple[Corpus, PackedCorpus, np.ndarray]:
    corpus = open_corpus(str(root))
    packed = pack(corpus, RECIPE)
    return corpus, packed, split_of(packed, Validation()).train


# ----------------------------------------------------------------------------------------------------- single effects


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 3000), st.integers(1, 400), st.integers(0, 99))
def test_convolution_is_that_of_numpy(samples: int, response: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.normal(size=samples), random.normal(size=response)
    np.testing.assert_allclose(convolve(left, right), np.convolve(left, right), atol=1e-9)


def test_a_room_keeps_length_and_time_and_a_bare_delay_changes_nothing() -> None:
    samples = voice(120, 0.5, 1)
    delay = np.zeros(900, np.float32)
    delay[333] = -0.25
    np.testing.assert_allclose(reverberate(samples, delay), -samples, atol=1e-6)
    response = np.zeros(900, np.float32)
    response[[100, 700]] = 0.8, 0.6  # an echo 600 samples after the direct sound; energy 1
    heard = reverberate(samples, response)
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard[600:], 0.8 * samples[600:] + 0.6 * samples[:-600], atol=1e-5)
    np.testing.assert_allclose(heard[:600], 0.8 * samples[:600], atol=1e-5)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5])
def test_noise_lies_so_far_below_the_speech(snr_db: float) -> None:
    samples, noise = voice(120, 1.0, 1), np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    added = add_noise(samples, noise, snr_db) - samples
    assert 10 * np.log10(np.mean(samples**2) / np.mean(added**2)) == pytest.approx(snr_db, abs=1e-3)
    assert np.corrcoef(added, noise)[0, 1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("speed", [0.8, 0.9, 1.1, 1.5])
def test_speed_changes_tempo_and_pitch_together(speed: float) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    changed = at_speed(tone, RATE, speed)
    assert len(changed) == pytest.approx(len(tone) / speed, abs=1)
    loudest = np.abs(np.fft.rfft(changed * np.hanning(len(changed)))).argmax() * RATE / len(changed)
    assert loudest == pytest.approx(440 * speed, abs=1)
    inside = slice(RATE // 4, len(changed) - RATE // 4)
    assert np.abs(changed[inside]).max() == pytest.approx(1.0, abs=0.01)


# -------------------------------------------------------------------------------------------------- one whole utterance


def noisy(augment: Augment) -> WaveformRecipe:
    return recipes_of(augment)[0]


def test_what_is_done_is_a_function_of_seed_copy_and_utterance(noise: Path, rooms: Path) -> None:
    recipe = noisy(Augment(noise=str(noise), reverberation=str(rooms), seed=3))
    samples = voice(120, 0.7, 1)

    def done(recipe: WaveformRecipe, identifier: str = "a/1.wav") -> bytes:
        return Perturbation(recipe, identifier)(samples, RATE).tobytes()

    assert done(recipe) == done(recipe)
    others = [done(recipe, "a/2.wav"), done(replace(recipe, seed=4)), done(replace(recipe, number=1))]
    assert len({done(recipe), *others}) == 4


def test_noises_come_from_all_files_at_all_places_with_ratios_in_the_range(noise: Path) -> None:
    recipe = noisy(Augment(noise=str(noise), noise_snr_db=(5.0, 10.0)))
    samples = voice(120, 0.6, 1)
    drawn, ratios = set(), []
    for number in range(80):
        added = Perturbation(recipe, f"utterance {number}")(samples, RATE) - samples
        drawn.add(added[:50].tobytes())
        ratios.append(10 * np.log10(np.mean(samples**2) / np.mean(added**2)))
    assert min(ratios) >= 5.0 - 1e-3
    assert max(ratios) <= 10.0 + 1e-3
    assert np.ptp(ratios) > 4
    assert len(drawn) == 80  # no stretch twice


def test_a_short_noise_is_repeated_and_a_long_one_is_read_only_where_it_is_needed(tmp_path: Path) -> None:
    ramp = np.linspace(0.1, 0.9, 1000)
    write(tmp_path / "short/a.wav", ramp)
    samples = np.ones(5000, np.float32)
    added = Perturbation(noisy(Augment(noise=str(tmp_path / "short"))), "x")(samples, RATE) - samples
    np.testing.assert_allclose(added[1000:], added[:-1000], atol=1e-6)
    assert np.argmin(added[:1000]) > 0  # it begins inside
    write(tmp_path / "long/a.wav", np.linspace(0.1, 0.9, 20 * RATE))
    recipe = noisy(Augment(noise=str(tmp_path / "long"), noise_snr_db=(0.0, 0.0)))
    starts = []
    for number in range(30):
        added = Perturbation(recipe, str(number))(samples, RATE) - samples
        step = np.polyfit(np.arange(5000), added, 1)
        starts.append(step[1] / step[0])  # how far into the ramp its first sample lies
    assert np.ptp(starts) > 10 * RATE


def test_rooms_are_drawn_from_impulse_responses_alone(rooms: Path) -> None:
    listed = noisy(Augment(reverberation=str(rooms))).reverberation
    assert listed is not None
    assert [utterance.path.name for utterance in listed.utterances] == [f"Room001-0000{n}.wav" for n in range(3)]


def test_noise_that_cannot_be_used_is_named_and_another_one_is_taken(noise: Path) -> None:
    (noise / "broken.wav").write_bytes(b"RIFF nothing")
    write(noise / "silence.wav", np.zeros(RATE))
    write(noise / "damaged.wav", np.full(RATE, np.nan))
    recipe = noisy(Augment(noise=str(noise)))
    named = set()
    for number in range(60):
        change = Perturbation(recipe, str(number))
        assert not np.array_equal(change(np.ones(4000, np.float32), RATE), np.ones(4000))
        named |= {Path(problem.where).name for problem in change.problems}
        assert {problem.kind for problem in change.problems} <= {"unusable noise"}
    assert named == {"broken.wav", "silence.wav", "damaged.wav"}


# ------------------------------------------------------------------------------------------------------- packed copies


def test_a_copys_frames_are_those_of_the_changed_samples_and_only_of_utterances_trained_on(tmp_path: Path) -> None:
    corpus, packed, train = prepared(audio_folder(tmp_path / "speech", speakers=2, each=6, seconds=0.3))
    copies = pack_copies(corpus, packed, train, Augment(speeds=(0.9, 1.25)))
    assert [copy.words for copy in copies] == ["speed 0.9", "speed 1.25"]
    assert [copy.speakers_as for copy in copies] == [0, 0]
    for copy, speed in zip(copies, (0.9, 1.25), strict=True):
        assert copy.packed.ids == [packed.ids[index] for index in train]
        for index, identifier in enumerate(copy.packed.ids):
            samples, _ = soundfile.read(corpus.root / identifier, dtype="float32")
            expected = log_mel(prepare_samples(at_speed(samples, RATE, speed), RATE, RECIPE), RECIPE)
            begin = copy.packed.offsets[index]
            frames = copy.packed.frames[begin : begin + copy.packed.lengths[index]]
            np.testing.assert_array_equal(frames, expected.astype(np.float16))
    begin, length = packed.offsets[0], packed.lengths[0]
    clean = extract(corpus.root / packed.ids[0], RECIPE)
    np.testing.assert_array_equal(packed.frames[begin : begin + length], clean)


def test_packing_copies_says_which_and_is_done_once(tmp_path: Path, noise: Path, rooms: Path) -> None:
    corpus, packed, train = prepared(audio_folder(tmp_path / "speech", speakers=2, each=4, seconds=0.3))
    augment = Augment(speeds=(1.1,), noise=str(noise), reverberation=str(rooms), copies=2)
    heard: list[tuple[str, int, int, str]] = []
    first = pack_copies(corpus, packed, train, augment, lambda *progress: heard.append(progress))
    assert list(dict.fromkeys(stage for stage, *_ in heard)) == [
        "packing copy 1 of 3 (speed 1.1)",
        "packing copy 2 of 3 (reverberation and noise)",
        "packing copy 3 of 3 (reverberation and noise)",
    ]
    assert heard[-1][1:] == (len(train), len(train), "utterances")
    assert not np.array_equal(first[1].packed.frames[:20], first[2].packed.frames[:20])

    def stages(augment: Augment) -> int:
        heard.clear()
        pack_copies(corpus, packed, train, augment, lambda *progress: heard.append(progress))
        return len({stage for stage, *_ in heard})

    assert stages(augment) == 0
    moved = noise.rename(noise.with_name("elsewhere"))
    assert stages(replace(augment, noise=str(moved))) == 0
    assert stages(replace(augment, noise=str(moved), copies=3)) == 1
    assert stages(replace(augment, noise=str(moved), seed=1)) == 2
    shutil.copy(moved / "c.wav", moved / "d.wav")
    assert stages(replace(augment, noise=str(moved))) == 2


def test_an_utterance_too_short_for_a_copy_is_left_out_of_it_even_where_a_speaker_has_no_other(tmp_path: Path) -> None:
    root = audio_folder(tmp_path / "speech", speakers=2, each=3, seconds=0.3)
    for path in sorted((root / "speaker00").iterdir()):
        write(path, voice(90, 0.04, 1))
    corpus, packed, train = prepared(root)
    (copy,) = pack_copies(corpus, packed, train, Augment(speeds=(2.0,)))
    assert {packed.speakers_of[index] for index in train} == {0, 1}
    assert {identifier.split("/")[0] for identifier in copy.packed.ids} == {"speaker01"}
    assert {problem.kind for problem in copy.packed.problems} == {"short"}


def test_each_unusable_noise_is_named_once_and_utterances_with_none_to_draw_are_left_out(tmp_path: Path) -> None:
    corpus, packed, train = prepared(audio_folder(tmp_path / "speech", speakers=2, each=4, seconds=0.3))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/a.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(InputError, match=r"no utterance is left in the changed copy \(noise\)"):
        pack_copies(corpus, packed, train, Augment(noise=str(tmp_path / "bad")))
    write(tmp_path / "bad/b.wav", np.ones(9000))
    (tmp_path / "bad/c.wma").write_bytes(b"of a kind that can't be decoded")
    (copy,) = pack_copies(corpus, packed, train, Augment(noise=str(tmp_path / "bad")))
    assert [Path(problem.where).name for problem in copy.packed.problems] == ["c.wma", "a.wav"]


# --------------------------------------------------------------------------------------------------- what can't be had


def test_missing_sounds_and_ready_made_frames_are_told_with_their_keys(tmp_path: Path, noise: Path) -> None:
    corpus = open_corpus(str(audio_folder(tmp_path / "speech", speakers=2, each=2, seconds=0.1)))
    with pytest.raises(InputError, match=r"augment\.noise = '.*nowhere': there is no such folder"):
        check_augmentation(corpus, Augment(noise=str(tmp_path / "nowhere")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"augment\.reverberation = '.*empty': no audio files"):
        check_augmentation(corpus, Augment(reverberation=str(tmp_path / "empty")))
    frames = replace(corpus, mel_bands=40)
    with pytest.raises(InputError, match=r"augment\.speeds works on audio, and speech holds ready-made frames"):
        check_augmentation(frames, Augment(speeds=(0.9,)))
    check_augmentation(frames, Augment(time_masks=2))
    check_augmentation(corpus, Augment(noise=str(noise)))


def test_nothing_is_asked_for_by_default(tmp_path: Path) -> None:
    corpus, packed, train = prepared(audio_folder(tmp_path / "speech", speakers=2, each=2, seconds=0.2))
    assert pack_copies(corpus, packed, train, Augment()) == []
    assert pack_copies(corpus, packed, train, Augment(copies=5, speeds_are_speakers=True)) == []


def test_speakers_at_other_speeds_are_further_classes_when_asked_and_noisy_ones_never(
    tmp_path: Path, noise: Path
) -> None:
    corpus, packed, train = prepared(audio_folder(tmp_path / "speech", speakers=2, each=3, seconds=0.2))
    augment = Augment(speeds=(0.9, 1.1), speeds_are_speakers=True, noise=str(noise))
    copies: list[Copy] = pack_copies(corpus, packed, train, augment)
    assert [copy.speakers_as for copy in copies] == [1, 2, 0]


# ---------------------------------------------------------------------------------------------------- in a training run


class NoRequests:
    """An inbox that stays empty."""

    def read(self) -> list:
        return []


def test_a_short_training_with_copies_learns_and_stays_a_model_of_the_real_speakers(
    tmp_path: Path, noise: Path, rooms: Path
) -> None:
    corpus, packed, _ = prepared(audio_folder(tmp_path / "speech", speakers=3, each=8, seconds=0.4))
    changes = [
        "augment.speeds=[0.9, 1.1]", "augment.speeds_are_speakers=true", f"augment.noise={noise}",
        f"augment.reverberation={rooms}", "augment.time_masks=1", "segments.frames=24", "segments.batch_size=16",
        "run.steps=120", "validation.every=120", "run.threads=1", "features.mel_bands=16",
    ]  # fmt: skip
    preset = with_overrides(find_preset("quick-tour"), changes)
    parts = split_of(packed, preset.validation)
    copies = pack_copies(corpus, packed, parts.train, preset.augment)
    run = create_run(tmp_path, preset, RunInfo(id="r", preset="p", corpus="", created=1.0, host="", command=[]))
    trainer = Trainer(preset, packed, parts, run, resolve(preset.run), NoRequests(), copies)
    validated = [event for event in trainer if isinstance(event, Validated)][-1]
    assert validated.utterance_accuracy == 1.0
    assert trainer.model(torch.zeros(2, 24, 16)).shape == (2, 9)
    model, saved = load_best(run.best_path)
    assert saved.speakers == ["speaker00", "speaker01", "speaker02"]
    assert model(torch.zeros(2, 24, 16)).shape == (2, 3)
