"""Checking an encoder from the outside: a child process runs it, so that its owner loads no torch and nobody's code."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec

from engine.check_report import CheckReport
from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import to_toml
from engine.runs.client import THREAD_POLICY


def check_preset(preset: Preset) -> CheckReport:
    """What checking the preset's encoder finds; waits some seconds for it. Raises `InputError`."""
    ended = subprocess.run(
        [sys.executable, "-m", "engine.models.checking_child"],
        input=to_toml(preset).encode(),
        capture_output=True,
        env={**os.environ, **({} if THREAD_POLICY.keys() & os.environ else THREAD_POLICY)},
        check=False,
    )
    try:
        answer = msgspec.json.decode(ended.stdout)
    except msgspec.DecodeError:
        printed = ended.stderr.decode(errors="replace").strip().splitlines()
        last = f"; its last words: {printed[-1]}" if printed else ""
        raise InputError(f"{preset.name} can't be checked: the process ended with {ended.returncode}{last}") from None
    if "error" in answer:
        raise InputError(f"{preset.name} can't be checked: {answer['error']}")
    return msgspec.convert(answer, CheckReport)
