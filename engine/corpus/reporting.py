"""How long work on a corpus says how far it is: one callable, called rarely enough for events and screens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

Report: TypeAlias = Callable[[str, int, int, str], None]
"""Takes stage, done, total (0: unknown) and unit. It may raise to cancel: nothing half-made is left behind."""


def silently(stage: str, done: int, total: int, unit: str) -> None:
    """Reports to nobody."""


def unhurried(report: Report, seconds: float = 0.1) -> Report:
    """The same report at most once in so many seconds; the first and last word of a stage always come through."""
    last_stage, last_time = "", 0.0

    def rarely(stage: str, done: int, total: int, unit: str) -> None:
        nonlocal last_stage, last_time
        now = time.monotonic()
        if stage != last_stage or now - last_time >= seconds or (total and done >= total):
            last_stage, last_time = stage, now
            report(stage, done, total, unit)

    return rarely


def megabytes(octets: int) -> int:
    """Bytes as whole megabytes, rounded up, which is how transfers are reported: any screen can show them."""
    return -(-octets // 1_000_000)


def amount(octets: int) -> str:
    """Bytes in words: 20 kB, 459 MB, 11.7 GB."""
    if octets >= 1_000_000_000:
        return f"{octets / 1e9:.1f} GB"
    return f"{octets / 1e6:.0f} MB" if octets >= 1_000_000 else f"{octets / 1e3:.0f} kB"
