"""The table that the speed benchmarks fill: a row a figure, with its goal, and the machine that it was seen on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
import torch

from engine.machine import usable_cores
from engine.preset import RunSettings
from engine.training.device import resolve

GIGABYTE = 1e9


@dataclass(frozen=True)
class Row:
    """One measurement. goal: in words, empty for a figure that only explains others; met: None where there is none."""

    name: str
    figure: str
    goal: str = ""
    met: bool | None = None


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """The median, with the least and the greatest in brackets."""
    median, least, greatest = (format(value, form) for value in (statistics.median(values), min(values), max(values)))
    return f"{median} ({least} to {greatest})"


def at_least(name: str, values: Sequence[float], goal: float, form: str = ".2f", unit: str = " times") -> Row:
    """A row whose median shall reach the goal."""
    return Row(name, spread(values, form) + unit, f"at least {goal:g}{unit}", statistics.median(values) >= goal)


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    words = {True: "met", False: "**not met**", None: ""}
    lines = ["| measurement | figure: median (least to greatest) | goal | |", "|---|---|---|---|"]
    lines += [f"| {row.name} | {row.figure} | {row.goal} | {words[row.met]} |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """What the figures were seen on, and how busy it was when this was asked."""
    resolved = resolve(RunSettings(device="cpu"))
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    return (
        f"{resolved.name}, {usable_cores()} cores, {psutil.virtual_memory().total / GIGABYTE:.0f} GB of memory; "
        f"{platform.system()} {platform.release()}; Python {platform.python_version()}, PyTorch {torch.__version__}; "
        f"training in {resolved.precision} with {resolved.threads} threads; load over 1, 5 and 15 minutes: {load}"
    )
