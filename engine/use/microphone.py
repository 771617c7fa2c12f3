"""A recording from the microphone as a file like any other: sounddevice listens, and where it isn't, that is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile

from engine.errors import InputError

RATE = 16_000  # hertz; any model resamples to its own
LONGEST_SECONDS = 600.0


@contextmanager
def recorded(seconds: float, begins: Callable[[], None]) -> Iterator[Path]:
    """Records now; the file is gone when the block ends. Raises `InputError` where nothing can be recorded.

    begins: called when the microphone is there and is about to listen, so that somebody can be told to speak.
    """
    if not 0.5 <= seconds <= LONGEST_SECONDS:
        raise InputError(f"--microphone {seconds:g} is not allowed; it takes 0.5 to {LONGEST_SECONDS:g} seconds")
    try:
        import sounddevice
    except ImportError:
        raise InputError("the microphone needs sounddevice: pip install 'spk-tui[microphone]'") from None
    except OSError:  # sounddevice is there, and the library that it calls isn't
        raise InputError(
            "the microphone needs the library PortAudio: apt install libportaudio2, or what your system calls it"
        ) from None
    try:
        sounddevice.check_input_settings(samplerate=RATE, channels=1)
        begins()
        samples = sounddevice.rec(round(seconds * RATE), samplerate=RATE, channels=1, dtype="float32", blocking=True)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise InputError(f"nothing can be recorded: is a microphone there? ({_in_a_line(error)})") from None
    with TemporaryDirectory(prefix="spk-tui-") as folder:
        path = Path(folder) / "microphone.wav"
        soundfile.write(path, samples, RATE)  # samples: (samples, 1)
        yield path


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error.args[0] if error.args else type(error).__name__).split())
