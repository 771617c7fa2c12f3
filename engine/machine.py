"""What this process may use of the machine it runs on."""

from __future__ import annotations

import os

import psutil


def usable_cores() -> int:
    """The processor cores that this process may use, those of hyper-threading included."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def training_threads() -> int:
    """As many threads as matrix products gain from: one a physical core, of those that may be used."""
    return min(usable_cores(), psutil.cpu_count(logical=False) or 1)
