"""The process in which an encoder is checked: reads a preset on stdin, answers with a `CheckReport` on stdout, in JSON.

`engine/check_client.py` talks to it, so that whoever asks loads no torch and runs nobody's code.
"""

from __future__ import annotations

import os
import sys

import msgspec

from engine.budget import count
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


def check_preset(preset: Preset) -> CheckReport:
    """Checks a preset's encoder and counts it. Raises `InputError` when there is none to check."""
    checks = check_model(preset)
    if not checks[0].ok:
        return CheckReport(preset=preset.name, checks=checks)
    try:
        cost = count(preset)
    except Exception as error:
        file = preset.encoder.file if isinstance(preset.encoder, OwnEncoder) else ""
        seen = blame(error, file) or f"{type(error).__name__}: {' '.join(str(error).split())}"
        checks.append(Check(name="counting", tried=COUNTED, ok=False, seen=seen, cause=CAUSE, severe=False))
        return CheckReport(preset=preset.name, checks=checks)
    checks.append(Check(name="counting", tried=COUNTED, ok=True))
    return CheckReport(preset=preset.name, checks=checks, cost=cost)


def main() -> None:
    """Answers the one question on stdin with a report, or with {"error": text}."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a user's own encoder prints is no answer
        try:
            answer: CheckReport | dict[str, str] = check_preset(parse_preset(sys.stdin.read(), "preset"))
        except InputError as error:
            answer = {"error": str(error)}
        answers.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
