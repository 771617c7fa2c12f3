"""One question to a child process that loads torch and perhaps a user's own code, so that whoever asks does neither.

The child has no terminal, a session of its own and a limit of time, and whoever waits can end it: an encoder may hang.
What is asked, and what an answer means, is the business of `check_client.py` and `trial_client.py`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple

POLL_SECONDS = 0.1


class Answered(NamedTuple):
    """What a child wrote on stdout, the last line that it printed on stderr, and its exit code."""

    answer: bytes
    last_words: str
    exit_code: int


def ask_child(
    arguments: Sequence[str],
    question: bytes,
    seconds: float,
    *,
    environment: Mapping[str, str],
    while_waiting: Callable[[], None] = lambda: None,
    printed_to: IO[str] | None = None,
) -> Answered:
    """Runs `python -m ARGUMENTS` on a question until it ends. Raises `TimeoutError` after so many seconds.

    environment: what the child's differs in from ours. while_waiting: called several times a second; what it raises
    ends the child. printed_to: the open file for what the child prints; without one its last line is in the answer.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=printed_to or subprocess.PIPE,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    with child:
        try:
            answer, printed = _wait(child, question, time.monotonic() + seconds, while_waiting)
        finally:
            _end(child)
    lines = (printed or b"").decode(errors="replace").strip().splitlines()
    return Answered(answer, lines[-1] if lines else "", child.returncode)


def _wait(
    child: subprocess.Popen[bytes], question: bytes, ends: float, while_waiting: Callable[[], None]
) -> tuple[bytes, bytes]:
    unsent: bytes | None = question
    while time.monotonic() < ends:
        try:
            return child.communicate(unsent, timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            unsent = None  # it is on its way already
            while_waiting()
    raise TimeoutError


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kills the child, if it still lives, and whatever the encoder has started."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
