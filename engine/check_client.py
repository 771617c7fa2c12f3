"""Checking an encoder from the outside: a child process runs it, so that its owner loads no torch and nobody's code.

The child has no terminal and a limit of time, and whoever waits can end it: an encoder may hang.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO

import msgspec

from engine.asked_child import ask_child
from engine.check_report import CheckReport
from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import to_toml
from engine.runs.client import THREAD_POLICY

LIMIT_SECONDS = 300.0
"""The checks take some seconds, most of them for loading torch, which on a busy machine takes a minute and more by
itself. What hasn't ended after this hangs, or is too slow to be trained; a run can be stopped before."""


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
    policy = {} if THREAD_POLICY.keys() & os.environ else THREAD_POLICY
    arguments = ["engine.models.checking_child", *([] if counted else ["--uncounted"])]
    try:
        answered = ask_child(
            arguments,
            to_toml(preset).encode(),
            LIMIT_SECONDS,
            environment=policy,
            while_waiting=while_waiting,
            printed_to=printed_to,
        )
    except TimeoutError:
        raise InputError(
            f"{preset.name}: the encoder didn't finish the check in {LIMIT_SECONDS:.0f} s; its __init__ or forward"
            " hangs (a loop without an end, waiting for input or the network), or is too slow to be trained"
        ) from None
    try:
        answer = msgspec.json.decode(answered.answer)
    except msgspec.DecodeError:
        last = f"; its last words: {answered.last_words}" if answered.last_words else ""
        raise InputError(f"{preset.name} can't be checked: the process ended with {answered.exit_code}{last}") from None
    if "error" in answer:
        raise InputError(f"{preset.name} can't be checked: {answer['error']}")
    return msgspec.convert(answer, CheckReport)
