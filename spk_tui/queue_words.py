"""How places in a line and devices are said, on the screen and by commands. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence


def device_words(devices: Sequence[str]) -> str:
    """("cpu",) as "the CPU", ("cuda:0", "cuda:1") as "cuda:0 and cuda:1"."""
    return " and ".join({"cpu": "the CPU", "mps": "the Apple GPU"}.get(device, device) for device in devices)


def place_word(place: int) -> str:
    """1 as "next", then 2nd, 3rd, 4th."""
    if place == 1:
        return "next"
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def waiting_words(place: int, devices: Sequence[str], after: str = "") -> str:
    """Where a run stands: "2nd in line for the CPU, after RUN"."""
    behind = f", after {after}" if after else ""
    return f"{place_word(place)} in line for {device_words(devices)}{behind}"
