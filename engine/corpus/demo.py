"""The built-in demo corpus: synthetic voices, made on first use and kept in the cache as an ordinary audio folder.

This file knows the specs ("demo", "demo:20x10"), the place in the cache and the processes; what is said, and how, is
the work of `voices.py`.
"""

from __future__ import annotations

import hashlib
import os
import queue
import re
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.corpus.building import build_once
from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.corpus.readers import audio_folder
from engine.corpus.reporting import Report
from engine.corpus.sentences import SENTENCES
from engine.corpus.voices import VoiceDone, speaker_name, voice_names
from engine.errors import InputError
from engine.files import cache_folder

RECIPE_VERSION = 1  # counts up when voices.py comes to write other audio for the same sentences
PARTS = 4  # processes a corpus, however many cores: eSpeak NG's noise depends on what the process has said before

README = """\
Synthetic voices, made by eSpeak NG.

These recordings are no people: {voices} voice variants of the speech synthesiser eSpeak NG (a separate
program under the GPL, https://github.com/espeak-ng/espeak-ng) say {sentences} short sentences each, at
varied speed and pitch. They are here so that there is something to train on at once. What is learnt from
them says little about real speakers.
Made by spk-tui, which makes this folder again when it is deleted.
{silent}"""

ELSEWHERE = "train on recordings of your own instead: a folder with <speaker>/<utterance>.wav"


class DemoSize(Struct, frozen=True):
    """How much of the demo corpus is asked for."""

    voices: int
    sentences: int

    @property
    def total(self) -> int:
        """Utterances in all."""
        return self.voices * self.sentences


def parse_demo(spec: str) -> DemoSize | None:
    """What "demo" or "demo:20x10" (20 voices, 10 sentences each) asks for; None when the spec is a path.

    Raises `InputError` for a size that isn't to be had, or when there is no eSpeak NG.
    """
    if spec != "demo" and not spec.startswith("demo:"):
        return None
    most = DemoSize(len(_voices()), len(SENTENCES))
    if spec == "demo":
        return most
    numbers = re.fullmatch(r"demo:(\d{1,6})x(\d{1,6})", spec)
    size = DemoSize(int(numbers[1]), int(numbers[2])) if numbers else None
    if size is None or not (2 <= size.voices <= most.voices and 2 <= size.sentences <= most.sentences):
        raise InputError(
            f"'{spec}': a smaller demo corpus is written demo:VOICESxSENTENCES, such as demo:20x10, with 2 to"
            f" {most.voices} voices and 2 to {most.sentences} sentences"
        )
    return size


def open_demo(spec: str, size: DemoSize) -> Corpus:
    """The demo corpus as it lies in the cache, or, when it isn't there yet, as it is going to lie there."""
    folder = demo_folder(size)
    speakers = sorted(map(speaker_name, _chosen(size)))
    silent = [speaker for speaker in speakers if folder.is_dir() and not (folder / speaker).is_dir()]
    return Corpus(
        name=spec,
        layout=audio_folder.LAYOUT.name,
        root=folder,
        utterances=[
            Utterance(id=f"{speaker}/{number:02d}.wav", speaker=speaker, path=folder / speaker / f"{number:02d}.wav")
            for speaker in speakers
            if speaker not in silent
            for number in range(size.sentences)
        ],
        problems=[Problem("silent", speaker, "eSpeak NG makes no sound with this voice") for speaker in silent],
        fingerprint=f"demo-{folder.name}",  # not of the files' times: made again, it is the same corpus
    )


def make_demo(size: DemoSize, report: Report) -> Path:
    """Synthesises the corpus unless the cache holds it; returns its folder.

    Takes about fifteen seconds of two cores for all voices. Raises `InputError` when eSpeak NG can't run here.
    """
    folder = demo_folder(size)
    build_once(folder, Path.is_dir, lambda partial: _synthesise(partial, size, report), report)
    return folder


def demo_folder(size: DemoSize) -> Path:
    """Where the corpus of this size lies; its name covers everything that its audio depends on."""
    recipe = (RECIPE_VERSION, PARTS, SENTENCES[: size.sentences], _chosen(size))
    digest = hashlib.blake2b(msgspec.json.encode(recipe), digest_size=4).hexdigest()
    return cache_folder() / "demo" / f"{size.voices}x{size.sentences}-{digest}"


def _chosen(size: DemoSize) -> list[str]:
    """So many voices, evenly from the whole list."""
    voices = _voices()
    return [voices[place * len(voices) // size.voices] for place in range(size.voices)]


def _voices() -> list[str]:
    try:
        return voice_names()
    except (ImportError, OSError, RuntimeError) as error:
        raise InputError(f"the demo corpus needs eSpeak NG, which can't be found here ({error}); {ELSEWHERE}") from None


def _synthesise(folder: Path, size: DemoSize, report: Report) -> None:
    """Has all voices written into `folder`, several processes at a time, and the README beside them."""
    voices = _chosen(size)
    waiting = [part for start in range(PARTS) if (part := voices[start::PARTS])]
    messages: queue.Queue[VoiceDone | subprocess.Popen[bytes]] = queue.Queue()
    running: list[subprocess.Popen[bytes]] = []
    done, silent = 0, []
    report("making the demo voices", 0, size.total, "utterances")
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                running.append(_start(folder, size.sentences, waiting.pop(), messages))
            message = messages.get()
            if isinstance(message, VoiceDone):
                done += size.sentences
                silent += [] if message.utterances else [message.voice]
                report("making the demo voices", done, size.total, "utterances")
            else:
                running.remove(message)
                _check(message, folder)
    finally:
        for process in running:
            process.kill()
            process.wait()
    note = f"Left out because they are silent here: {', '.join(silent)}.\n" if silent else ""
    text = README.format(voices=size.voices - len(silent), sentences=size.sentences, silent=note)
    (folder / "README.txt").write_text(text, encoding="utf-8")


def _start(
    folder: Path, sentences: int, voices: list[str], messages: queue.Queue[VoiceDone | subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    """A process that writes these voices; its lines, and at its end itself, come through the queue."""
    with (folder / f".{voices[0]}.log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.corpus.voices", str(folder), str(sentences), *voices],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                messages.put(msgspec.json.decode(line, type=VoiceDone))
        process.wait()
        messages.put(process)

    threading.Thread(target=listen, name="demo voices", daemon=True).start()
    return process


def _check(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Raises `InputError` when the process didn't end well; removes its log when it did."""
    assert isinstance(process.args, list)
    log = folder / f".{process.args[5]}.log"
    if process.returncode == 0:
        log.unlink()
        return
    last_words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    cause = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
    said = f": {last_words[0]}" if last_words else ""
    raise InputError(f"the demo voices can't be made here, eSpeak NG ended with {cause}{said}; {ELSEWHERE}")
