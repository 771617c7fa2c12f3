"""Checking an encoder from the outside: a child process runs it, so that its owner loads no torch and nobody's code.

The child has no terminal and a limit of time, and whoever waits can end it: an encoder may hang.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO

import msgspec

from engine.check_report import CheckReport
from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import to_toml
from engine.runs.client import THREAD_POLICY

LIMIT_SECONDS = 300.0
"""The checks take some seconds, most of them for loading torch, which on a busy machine takes a minute and more by
itself. What hasn't ended after this hangs, or is too slow to be trained; a run can be stopped before."""
POLL_SECONDS = 0.1


def check_preset(
    preset: Preset,
    *,
    counted: bool = True,
    while_waiting: Callable[[], None] = lambda: None,
    printed_to: IO[str] | None = None,
) -> CheckReport:
    """What checking the preset's encoder finds; waits some seconds for it. Raises `InputError`.

    counted: the encoder is also counted. while_waiting: called several times a second; what it raises ends the check.
    printed_to: the open file for what the encoder prints; without one the last line of it explains a failure.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.models.checking_child", *([] if counted else ["--uncounted"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=printed_to or subprocess.PIPE,
        env={**os.environ, **({} if THREAD_POLICY.keys() & os.environ else THREAD_POLICY)},
        start_new_session=True,
    )
    with child:
        try:
            answered, printed = _wait(child, preset, while_waiting)
        finally:
            _end(child)
    try:
        answer = msgspec.json.decode(answered)
    except msgspec.DecodeError:
        lines = (printed or b"").decode(errors="replace").strip().splitlines()
        last = f"; its last words: {lines[-1]}" if lines else ""
        raise InputError(f"{preset.name} can't be checked: the process ended with {child.returncode}{last}") from None
    if "error" in answer:
        raise InputError(f"{preset.name} can't be checked: {answer['error']}")
    return msgspec.convert(answer, CheckReport)


def _wait(child: subprocess.Popen[bytes], preset: Preset, while_waiting: Callable[[], None]) -> tuple[bytes, bytes]:
    """What the child writes and prints until it ends. Raises `InputError` at the limit."""
    question: bytes | None = to_toml(preset).encode()
    ends = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < ends:
        try:
            return child.communicate(question, timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            question = None  # it is on its way already
            while_waiting()
    raise InputError(
        f"{preset.name}: the encoder didn't finish the check in {LIMIT_SECONDS:.0f} s; its __init__ or forward hangs"
        " (a loop without an end, waiting for input or the network), or is too slow to be trained"
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kills the child, if it still lives, and whatever the encoder has started."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
