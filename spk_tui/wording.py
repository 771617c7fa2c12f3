"""How numbers, durations, sizes and corpora are said on the screen, in one place so that every widget says them alike.

Pure functions; where and in which colour they appear is the widgets' business.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

MINUTE, HOUR, DAY = 60, 3600, 86_400
TIGHT_FROM = 0.9


def count(number: float) -> str:
    """154880 as "154,880"."""
    return f"{round(number):,}"


def short_count(number: float) -> str:
    """A count for the labels of an axis: 0, 500, 1.5k, 70k, 2M."""
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if abs(number) >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def accuracy(share: float | None) -> str:
    """An accuracy as it is written in the field, 0.6299; a dash when there is none."""
    return "–" if share is None or not math.isfinite(share) else f"{share:.4f}"


def loss(value: float | None) -> str:
    """A loss in nats with three digits that matter."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def rate(steps_per_second: float | None) -> str:
    """Steps per second."""
    if steps_per_second is None or not math.isfinite(steps_per_second):
        return "–"
    return f"{steps_per_second:.1f} step/s" if steps_per_second < 100 else f"{steps_per_second:.0f} step/s"


def learning_rate(value: float | None) -> str:
    """A learning rate such as 1e-3 or 4.2e-4."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    """A time span in its two largest units: 45 s, 12 min, 1 h 20 min, 2 d 3 h."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < 10 * MINUTE:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        hours, rest = divmod(whole, HOUR)
        return f"{hours} h {rest // MINUTE} min"
    days, rest = divmod(whole, DAY)
    return f"{days} d {rest // HOUR} h"


def age(seconds: float) -> str:
    """How long ago, in one unit: just now, 5 min ago, 3 h ago, 2 days ago."""
    if seconds < MINUTE:
        return "just now"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min ago"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h ago"
    days = int(seconds // DAY)
    if days > 99:
        return f"{days} d ago"  # no wider than the others
    return f"{days} day{'' if days == 1 else 's'} ago"


def size(octets: float | None) -> str:
    """Bytes as MB or GB."""
    if octets is None:
        return "–"
    return f"{octets / 1e9:.1f} GB" if octets >= 1e9 else f"{octets / 1e6:.0f} MB"


def small_size(octets: int) -> str:
    """Bytes of a model or of a step with the digits that matter: 853 kB, 2.5 MB, 101 MB, 1.6 GB."""
    for unit, whole in (("GB", 1e9), ("MB", 1e6)):
        if octets >= 0.9995 * whole:
            return f"{octets / whole:.1f} {unit}" if octets < 9.95 * whole else f"{octets / whole:.0f} {unit}"
    return f"{octets / 1e3:.0f} kB"


def percent(share: float) -> str:
    """A share as whole percent."""
    return f"{100 * share:.0f} %"


def budget_verdict(used: int, budget: int) -> str:
    """The budget in one word: fits, tight (nine tenths or more are used) or over."""
    if used > budget:
        return "over"
    return "tight" if used >= TIGHT_FROM * budget else "fits"


def one_line(name: str) -> str:
    """A name as it can be shown: what would move the cursor or change colours becomes a dot."""
    return name if name.isprintable() else "".join(letter if letter.isprintable() else "·" for letter in name)


def short_path(path: str | Path) -> str:
    """A path as it can be shown in little room: one's own folder is ~."""
    home = os.path.expanduser("~")
    shown = str(path)
    return one_line(f"~{shown.removeprefix(home)}" if shown.startswith(f"{home}{os.sep}") else shown)


def corpus_words(corpus: str) -> str:
    """A corpus as it is called in titles and lists: its folder's name."""
    return "demo corpus" if corpus == "demo" else Path(corpus).name or corpus


ENCODERS = {"homework_sample": "Transformer", "ecapa_tdnn": "ECAPA-TDNN", "x_vector_tdnn": "x-vector"}


def encoder_words(kind: str) -> str:
    """A kind of encoder as people write it: "e_branchformer" as "E-Branchformer", the homework's by what they are.

    One's own, such as "my_encoder.py:MyEncoder", is called as its class.
    """
    if ":" in kind:
        return kind.rpartition(":")[2]
    return ENCODERS.get(kind) or "-".join(part.capitalize() for part in kind.removeprefix("homework_").split("_"))


SPARKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Values of at least 0 as at most `width` small bars, the highest as high as there is room; "" for none.

    Of more values than bars, each bar is the last one of its stretch.
    """
    finite = [value for value in values if math.isfinite(value)]
    number = min(len(finite), width)
    shown = [finite[(place + 1) * len(finite) // number - 1] for place in range(number)]
    highest = max([value for value in shown if value > 0], default=1.0)
    return "".join(SPARKS[round(7 * max(0.0, value / highest))] for value in shown)
