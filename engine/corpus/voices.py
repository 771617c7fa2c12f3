"""Synthetic voices: `python -m engine.corpus.voices FOLDER SENTENCES VOICE...` writes what eSpeak NG says.

It is a process of its own because the library is a separate program in C: if it crashes, nothing of ours does. It knows
nothing of caches and specs (`demo.py`); it writes FOLDER/VOICE/NN.wav and a JSON line on stdout for each voice.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import soundfile
import soxr
from msgspec import Struct
from numpy.typing import NDArray

from engine.corpus.sentences import SENTENCES

SAMPLE_RATE = 16_000
LANGUAGE = "en-us"

# Drawn for each utterance, so that a voice is no constant: words a minute, and eSpeak NG's own scales of 0 to 100.
WORDS_PER_MINUTE = (135, 185)
PITCH = (35, 65)
PITCH_RANGE = (30, 70)
VOLUME = 50  # of 100, at which a fifth of the voices would clip

SHORTEST_SECONDS = 0.5  # what is shorter, or quieter than this share of full scale, is no sentence
QUIETEST_PEAK = 0.01

# From espeak-ng/speak_lib.h.
_SYNCHRONOUS = 2
_RATE, _VOLUME, _PITCH, _PITCH_RANGE = 1, 2, 3, 4
_UTF8 = 1
_LONGEST_DATA_PATH = 120  # the library keeps this path in 160 bytes and appends to it


class VoiceDone(Struct, frozen=True):
    """A line on stdout: the voice, and the utterances written; none when the voice is silent."""

    voice: str
    utterances: int


def voice_names() -> list[str]:
    """The names of the voice variants, sorted. Raises ImportError, or OSError when the library's data is missing."""
    import espeakng_loader

    return sorted(entry.name for entry in (Path(espeakng_loader.get_data_path()) / "voices" / "!v").iterdir())


def speaker_name(voice: str) -> str:
    """The voice's name as a speaker and a folder: without the space that one of them has."""
    return voice.replace(" ", "_")


class Synthesizer:
    """eSpeak NG in this process. Raises RuntimeError or OSError when it can't be loaded."""

    def __init__(self, data: Path) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.sample_rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), 0)
        if self.sample_rate <= 0:
            raise RuntimeError(f"eSpeak NG can't read its data in {data}")
        self._chunks: list[bytes] = []
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback = prototype(self._collect)  # kept, since the library calls it long after this line
        self._library.espeak_SetSynthCallback(self._callback)

    def choose(self, voice: str) -> None:
        """Speaks with this variant from now on."""
        if self._library.espeak_SetVoiceByName(f"{LANGUAGE}+{voice}".encode()) != 0:
            raise RuntimeError(f"eSpeak NG has no voice called {voice}")

    def seed(self, seed: int) -> None:
        """Seeds the noise in breath and flutter, which the library otherwise seeds with the time of day."""
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        ctypes.CDLL(None).srand(ctypes.c_uint(seed))  # some of its voices draw from the C library

    def say(self, sentence: str, words_per_minute: int, pitch: int, pitch_range: int) -> NDArray[np.int16]:
        """The sentence as samples at `sample_rate`: (samples,)."""
        for parameter, value in (
            (_RATE, words_per_minute), (_PITCH, pitch), (_PITCH_RANGE, pitch_range), (_VOLUME, VOLUME)
        ):  # fmt: skip
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks.clear()
        text = sentence.encode() + b"\0"
        if self._library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, _UTF8, None, None) != 0:
            raise RuntimeError("eSpeak NG refused to speak")
        return np.frombuffer(b"".join(self._chunks), np.int16)

    def _collect(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0  # go on


def write_voice(synthesizer: Synthesizer, folder: Path, voice: str, sentences: int) -> int:
    """Writes the first so many sentences in one voice; returns how many, 0 and no file when the voice is silent."""
    synthesizer.choose(voice)
    spoken = []
    for number, sentence in enumerate(SENTENCES[:sentences]):
        random = _random(voice, number)
        synthesizer.seed(int(random.integers(2**31)))
        samples = synthesizer.say(
            sentence, *(int(random.integers(low, high + 1)) for low, high in (WORDS_PER_MINUTE, PITCH, PITCH_RANGE))
        )
        loudest = int(np.abs(samples.astype(np.int32)).max(initial=0))
        if len(samples) < SHORTEST_SECONDS * synthesizer.sample_rate or loudest < QUIETEST_PEAK * 32768:
            return 0
        spoken.append(soxr.resample(samples, synthesizer.sample_rate, SAMPLE_RATE))
    speaker = folder / speaker_name(voice)
    speaker.mkdir()
    for number, samples in enumerate(spoken):
        # WAV, not FLAC: three times the size, but written six times and read five times as fast.
        soundfile.write(speaker / f"{number:02d}.wav", samples, SAMPLE_RATE, subtype="PCM_16")
    return len(spoken)


def _random(voice: str, number: int) -> np.random.Generator:
    """Random numbers that are a function of voice and sentence alone, the same on every machine."""
    digest = hashlib.blake2b(f"{voice}\0{number}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


@contextmanager
def _short_data_path() -> Iterator[Path]:
    """The library's data under a path that fits into its buffer, for environments that lie deep."""
    import espeakng_loader

    data = Path(espeakng_loader.get_data_path())
    if len(os.fsencode(data)) <= _LONGEST_DATA_PATH:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="espeak-") as folder:
        link = Path(folder) / "espeak-ng-data"
        link.symlink_to(data)
        yield link


def main(folder: str, sentences: str, *voices: str) -> None:
    """What the process does. Any error ends it with one line on stderr."""
    with _short_data_path() as data:
        synthesizer = Synthesizer(data)
        for voice in voices:
            done = VoiceDone(voice, write_voice(synthesizer, Path(folder), voice, int(sentences)))
            sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BrokenPipeError:
        os._exit(1)  # whoever asked is gone
    except (ImportError, RuntimeError, OSError) as error:
        sys.exit(f"{error}")
