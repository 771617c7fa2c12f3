"""The process in which an encoder is checked: reads a preset on stdin, answers with a `CheckReport` on stdout, in JSON.

`engine/check_client.py` talks to it, so that whoever asks loads no torch and runs nobody's code. With --uncounted the
encoder is checked alone.
"""

from __future__ import annotations

import os
import signal
import sys

import msgspec

from engine.budget import count
from engine.check_client import LIMIT_SECONDS
from engine.check_report import Check, CheckReport
from engine.errors import InputError
from engine.model_settings import OwnEncoder
from engine.models.checks import check_model
from engine.models.own_encoder import blame
from engine.preset import Preset
from engine.preset_file import parse_preset

COUNTED = "parameters and multiply-adds can be counted"
CAUSE = (
    "counting follows shapes, without numbers: forward must not look at values (.item(), if), and tensors that aren't "
    "parameters go through register_buffer"
)


def check_preset(preset: Preset, *, counted: bool = True) -> CheckReport:
    """Checks a preset's encoder, and counts it if it is to be `counted`. Raises `InputError` when none can be made."""
    checks = check_model(preset)
    if not checks[0].ok or not counted:
        return CheckReport(preset=preset.name, checks=checks)
    try:
        cost = count(preset)
    except BaseException as error:  # the encoder may raise anything, and no terminal can
        file = preset.encoder.file if isinstance(preset.encoder, OwnEncoder) else ""
        seen = blame(error, file) or f"{type(error).__name__}: {' '.join(str(error).split())}"
        checks.append(Check(name="counting", tried=COUNTED, ok=False, seen=seen, cause=CAUSE, severe=False))
        return CheckReport(preset=preset.name, checks=checks)
    checks.append(Check(name="counting", tried=COUNTED, ok=True))
    return CheckReport(preset=preset.name, checks=checks, cost=cost)


def main() -> None:
    """Answers the one question on stdin with a report, or with {"error": text}."""
    signal.alarm(2 * round(LIMIT_SECONDS))  # ends an encoder that hangs when whoever should do so was killed
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a user's own encoder prints is no answer
        try:
            answer: CheckReport | dict[str, str] = check_preset(
                parse_preset(sys.stdin.read(), "preset"), counted="--uncounted" not in sys.argv
            )
        except InputError as error:
            answer = {"error": str(error)}
        except KeyboardInterrupt as error:  # no terminal reaches this process, so the encoder has raised it
            answer = {"error": f"the encoder raised {type(error).__name__}"}
        answers.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
