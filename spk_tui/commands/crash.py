"""What a person reads when the program itself fails: one short message, and a file with the details to send us."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

ISSUES = "https://github.com/spk-tui/spk-tui/issues"


def report(error: Exception, arguments: Sequence[str]) -> None:
    """Says on stderr that this was our fault and where the details are; SPK_TUI_DEBUG=1 shows them at once."""
    details = "".join(traceback.format_exception(error))
    sys.stderr.write(f"spk-tui: this is our fault, not yours: {type(error).__name__}: {error}\n")
    written = None if os.environ.get("SPK_TUI_DEBUG") else _write(details, arguments)
    if written is None:
        sys.stderr.write(f"{details}spk-tui: please report the lines above at {ISSUES}\n")
    else:
        sys.stderr.write(f"spk-tui: please report it at {ISSUES} with the file {written}\n")


def _write(details: str, arguments: Sequence[str]) -> Path | None:
    """The file with the traceback; none when even that can't be written."""
    from engine.files import cache_folder

    head = f"command: {shlex.join(['spk-tui', *arguments])}\npython: {sys.version}\nplatform: {platform.platform()}\n\n"
    path = cache_folder() / "crashes" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + details, encoding="utf-8")
    except OSError:
        return None
    return path
