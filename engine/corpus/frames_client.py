"""The frames of single utterances, to look at: a child process decodes them, one after the other.

Any file of a user's may crash a decoder, or be hours long; then the child ends, and not who asked. Torch, which
ready-made frames need, is never loaded here.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.corpus.corpus import Corpus, Problem, Utterance
from engine.errors import InputError
from engine.preset import Features

FRAME_TYPE = np.dtype("<f2")
PATIENCE_SECONDS = 1.0  # with an utterance that nobody waits for any more
PATIENCE_AT_FIRST_SECONDS = 10.0  # the same for a child that is still starting: another would start no faster


class Question(Struct, frozen=True):
    """One utterance, and how it becomes frames."""

    id: str
    path: str
    start: float
    end: float | None
    frames: int | None
    mel_bands: int | None
    features: Features


class Answer(Struct, frozen=True):
    """The frames, thinned out to a number that a screen can show, or what is wrong with the utterance."""

    columns: bytes  # float16, (columns, mel), each column the mean of a few frames; empty when there are none
    frames: int  # how many there really are
    mel_bands: int
    problems: list[Problem]


@dataclass(frozen=True, eq=False)
class Glimpse:
    """An utterance as a network sees it, as fine as a screen shows it."""

    columns: NDArray[np.float16]  # (columns, mel): frames, or means of a few of them; none when it has no frames
    seconds: float  # of all frames: without the silence that was cut out
    problems: list[Problem]  # why there are no frames, or what is worth knowing


class Superseded(Exception):
    """A later question has taken the place of this one."""


class FrameReader:
    """Asks a child process, which starts with the first question. May be asked from any thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._patience_ends = 0.0
        self._newest: Question | None = None
        self._one_at_a_time = threading.Lock()

    def read(self, utterance: Utterance, corpus: Corpus, features: Features) -> Glimpse:
        """The frames of an utterance; waits until they are decoded.

        A later call takes the place of one that still waits, and ends the decoding of a very long recording. Raises
        `Superseded` then, and `InputError` when decoding ended the child.
        """
        question = Question(
            utterance.id,
            str(utterance.path),
            utterance.start,
            utterance.end,
            utterance.frames,
            corpus.mel_bands,
            features,
        )
        self._newest = question
        while not self._one_at_a_time.acquire(timeout=0.05):
            child = self._child
            if child is not None and time.monotonic() > self._patience_ends:
                child.kill()
        try:
            line = self._exchange(msgspec.json.encode(question)) if self._newest is question else b""
        finally:
            self._one_at_a_time.release()
        if self._newest is not question:
            raise Superseded
        if not line:
            raise InputError(f"{utterance.id} can't be shown: decoding it ended the decoder")
        answer = msgspec.json.decode(line, type=Answer)
        columns = np.frombuffer(answer.columns, FRAME_TYPE).reshape(-1, answer.mel_bands)
        return Glimpse(columns, answer.frames * features.hop / features.sample_rate, answer.problems)

    def close(self) -> None:
        """Ends the child; whoever waits for it is told `Superseded`."""
        self._newest = None
        child = self._child
        if child is not None:
            child.kill()
        with self._one_at_a_time:
            self._forget_child()

    def _exchange(self, question: bytes) -> bytes:
        """The answer's line; empty when the child has died over it."""
        patience = PATIENCE_SECONDS
        if self._child is None or self._child.poll() is not None:
            self._forget_child()
            patience = PATIENCE_AT_FIRST_SECONDS
            self._child = subprocess.Popen(
                [sys.executable, "-m", "engine.corpus.frames_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._patience_ends = time.monotonic() + patience
        try:
            self._child.stdin.write(question + b"\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
        except OSError:
            line = b""
        if not line:
            self._forget_child()
        return line

    def _forget_child(self) -> None:
        """Ends what is left of a child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):  # half a question may be left in it
                        pipe.close()
