"""Asking before a user's own code runs: on a terminal with a question, elsewhere only with --trust."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.preset import Preset


def settle_trust(preset: Preset, trust: bool = False) -> None:
    """Sees to it that a preset's own code may run: it is trusted already, by --trust, or by the answer to a question.

    Presets with a built-in encoder have none. Raises `InputError` when nobody says yes.
    """
    from engine import trust as trusting
    from engine.errors import InputError
    from engine.own_code import code_of

    code = code_of(preset)
    if code is None or trusting.is_trusted(code):
        return
    if not trust:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            trusting.require_trust(code)
        sys.stderr.write(f"{trusting.question(code)}\nTrust it? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise InputError(f"{code.path}: not trusted, so nothing was run")
    trusting.trust(code)
