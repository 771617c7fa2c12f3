"""What is done to an utterance's waveform in a changed copy of a corpus: its speed, a room around it, noise behind it.

A function of the copy's recipe and of the utterance's id alone. Which copies there are says `copies.py`; what happens
to samples before and after says `features.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec
import numpy as np
import soxr
from msgspec import Struct
from numpy.typing import NDArray

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.decoding import UnusableAudio, decode, read_header
from engine.corpus.splits import hash_of

Samples = NDArray[np.float32]

DRAWS = 10  # files that are drawn, at most, until one can be used


class WaveformRecipe(Struct, frozen=True):
    """How the waveforms of one copy differ from those of the corpus; `number` tells copies of one kind apart.

    noise, reverberation: the files that are drawn from, listed as a corpus is; who speaks in them doesn't matter.
    """

    number: int = 0
    speed: float = 1.0
    noise: Corpus | None = None
    noise_snr_db: tuple[float, float] = (0.0, 0.0)
    reverberation: Corpus | None = None
    seed: int = 0

    @property
    def key(self) -> str:
        """Equal for recipes that give equal copies: files count with names, sizes and times, wherever they lie."""
        sounds = [None if listed is None else listed.fingerprint for listed in (self.noise, self.reverberation)]
        facts = (self.number, self.speed, self.noise_snr_db, self.seed, *sounds)
        return hashlib.blake2b(msgspec.json.encode(facts), digest_size=16).hexdigest()

    @property
    def words(self) -> str:
        """What is done, for a person: "speed 0.9", "reverberation and noise"."""
        done = [f"speed {self.speed:g}"] if self.speed != 1 else []
        done += ["reverberation"] if self.reverberation is not None else []
        done += ["noise"] if self.noise is not None else []
        return " and ".join(done)


class Perturbation:
    """What a recipe does to one utterance; called with its samples and their rate.

    `problems` names the sounds that were drawn and couldn't be used; others took their places.
    """

    def __init__(self, recipe: WaveformRecipe, identifier: str) -> None:
        self.recipe = recipe
        self.identifier = identifier
        self.problems: list[Problem] = []

    def __call__(self, samples: Samples, rate: int) -> Samples:
        """Speed, then reverberation, then noise: (samples,) to (samples,). Raises `UnusableAudio`."""
        recipe = self.recipe
        if recipe.speed != 1:
            samples = at_speed(samples, rate, recipe.speed)
        if recipe.reverberation is not None:
            random = self._random("room")
            response = self._draw("impulse response", recipe.reverberation, random, lambda drawn: _room(drawn, rate))
            samples = reverberate(samples, response)
        if recipe.noise is not None:
            random, length = self._random("noise"), len(samples)
            snr_db = random.uniform(*recipe.noise_snr_db)
            place = random.random()
            noise = self._draw("noise", recipe.noise, random, lambda drawn: _stretch(drawn, rate, length, place))
            samples = add_noise(samples, noise, snr_db)
        return samples

    def _random(self, purpose: str) -> np.random.Generator:
        key = hash_of(purpose, self.recipe.seed, f"{self.recipe.number}\0{self.identifier}")
        return np.random.Generator(np.random.Philox(key=key))

    def _draw(
        self, kind: str, sounds: Corpus, random: np.random.Generator, read: Callable[[Utterance], Samples]
    ) -> Samples:
        """The first of some files drawn that can be used."""
        for _ in range(DRAWS):
            drawn = sounds.utterances[int(random.random() * len(sounds.utterances))]
            try:
                return read(drawn)
            except UnusableAudio as error:
                self.problems.append(Problem(f"unusable {kind}", str(drawn.path), str(error)))
        raise UnusableAudio(f"no usable {kind}", f"drew {DRAWS} files of {sounds.root}, and none can be used")


def at_speed(samples: Samples, rate: int, speed: float) -> Samples:
    """Played faster or slower, pitch and tempo together, as SoX's effect "speed" (Ko et al., 2015)."""
    faster: Samples = soxr.resample(samples, rate * speed, rate, quality="HQ")
    return faster


def reverberate(samples: Samples, response: Samples) -> Samples:
    """As heard in the room of an impulse response: of the same length, and in time with the strongest arrival.

    The response is scaled to energy 1, so that power stays about the same. (Ko et al., 2017.)
    """
    arrival = int(np.argmax(np.abs(response)))
    scaled = response / np.sqrt(np.square(response, dtype=np.float64).sum())
    heard = convolve(samples, scaled)[arrival : arrival + len(samples)]
    return heard.astype(np.float32)


def add_noise(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """The sum of speech and noise, whose power lies snr_db below that of the speech; both are (samples,)."""
    gain = np.sqrt(_power(samples) / (_power(noise) * 10 ** (snr_db / 10)))
    noisy: Samples = samples + np.float32(gain) * noise
    return noisy


def convolve(samples: NDArray[np.floating], response: NDArray[np.floating]) -> NDArray[np.float64]:
    """The full convolution, (samples + response - 1,), block by block in the Fourier domain (overlap-add)."""
    size = 1 << (4 * len(response)).bit_length()
    step = size - len(response) + 1
    spectrum = np.fft.rfft(response, size)
    result = np.zeros(len(samples) + len(response) - 1)
    for begin in range(0, len(samples), step):
        block = np.fft.irfft(np.fft.rfft(samples[begin : begin + step], size) * spectrum, size)
        left = len(result) - begin
        result[begin : begin + size] += block[:left]
    return result


def _room(listed: Utterance, rate: int) -> Samples:
    """An impulse response at the given rate. Several microphones are averaged, as in recordings of several channels."""
    return _loud(*decode(listed.path), rate)


def _stretch(listed: Utterance, rate: int, length: int, place: float) -> Samples:
    """A stretch of a noise at the given rate: (length,). `place`, from 0 to 1, says where it begins.

    Only that stretch is decoded. A noise that is too short begins at its place, and again whenever it has ended.
    """
    header = read_header(listed.path)
    seconds = length / rate
    start = place * max(0.0, header.seconds - seconds)
    noise = _loud(*decode(listed.path, start, start + seconds), rate)
    if header.seconds < seconds:
        noise = np.roll(noise, -int(place * len(noise)))
    return np.resize(noise, length)


def _loud(samples: Samples, own_rate: int, rate: int) -> Samples:
    """The samples at another rate. Raises `UnusableAudio` when they are silent or not finite."""
    if not np.isfinite(samples).all():
        raise UnusableAudio("not finite", "contains samples that are infinite or not a number")
    if own_rate != rate:
        samples = soxr.resample(samples, own_rate, rate, quality="HQ")
    if not samples.any():
        raise UnusableAudio("silent", "contains no sound where it was drawn")
    return samples


def _power(samples: Samples) -> float:
    return float(np.square(samples, dtype=np.float64).mean())
