"""Who speaks when, as a strip of letters: a letter a speaker, coloured where colours are wanted, and a legend.

A strip of many minutes has a letter for several seconds: that of whoever speaks in most of them. Nothing is said by
colour alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from spk_tui.palettes import OKABE_ITO

if TYPE_CHECKING:
    from engine.use.identification import Window

NOBODY, STRANGER, OTHERS = "·", "?", "+"
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds that a letter may stand for."""
MOST_ROWS = 12
LABEL = "  00:00:00  "
INDENT = "  "
COLOURS = tuple(OKABE_ITO[f"run-{number}"] for number in range(1, 7))


def strip(windows: Sequence[Window], width: int) -> list[Text]:
    """Rows that are at most `width` wide: the strip with the time at each row's begin, and the legend below it."""
    letters = letters_of(windows)
    a_row = max(10, (width - len(LABEL)) // 10 * 10)
    step = next((step for step in STEPS if len(windows) <= step * a_row * MOST_ROWS), STEPS[-1])
    cells = [_most(windows[begin : begin + step], letters) for begin in range(0, len(windows), step)]
    rows = []
    for begin in range(0, len(cells), a_row):
        row = Text()
        row.append(f"{INDENT}{clock(begin * step):>{len(LABEL) - 2 * len(INDENT)}}{INDENT}", "dim")
        for letter in cells[begin : begin + a_row]:
            row.append(letter, _style(letter))
        rows.append(row)
    return [*rows, *_legend(windows, letters, step)]


def letters_of(windows: Sequence[Window]) -> dict[str, str]:
    """A letter for each speaker, in the order of how long they speak; beyond Z all have the same sign."""
    spoken = Counter(window.speaker for window in windows if window.speaker is not None)
    ordered = sorted(spoken, key=lambda speaker: (-spoken[speaker], speaker))
    signs = ascii_uppercase + OTHERS * max(0, len(ordered) - len(ascii_uppercase))
    return dict(zip(ordered, signs, strict=False))


def clock(seconds: float) -> str:
    """A place in a recording, such as 1:05 or 1:02:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _most(windows: Sequence[Window], letters: dict[str, str]) -> str:
    """The sign that most of these seconds have; of several the one that comes first."""
    signs = [_sign(window, letters) for window in windows]
    return max(signs, key=lambda sign: (signs.count(sign), -signs.index(sign)))


def _sign(window: Window, letters: dict[str, str]) -> str:
    if window.speaker is not None:
        return letters[window.speaker]
    return NOBODY if window.score is None else STRANGER


def _style(sign: str) -> str:
    if sign in ascii_uppercase:
        return f"bold {COLOURS[ascii_uppercase.index(sign) % len(COLOURS)]}"
    return "dim" if sign == NOBODY else "bold"


def _legend(windows: Sequence[Window], letters: dict[str, str], step: int) -> list[Text]:
    """Each sign with its name, seconds and share of the recording."""
    seconds = Counter(_sign(window, letters) for window in windows)
    names = {letter: name for name, letter in letters.items() if letter != OTHERS}
    names |= {OTHERS: "others", STRANGER: "unknown", NOBODY: "silence"}
    present = [sign for sign in names if seconds[sign]]
    widest = max((cell_len(names[sign]) for sign in present), default=0)
    rows = []
    for sign in present:
        row = Text(INDENT)
        row.append(sign, _style(sign))
        name = names[sign] + " " * (widest - cell_len(names[sign]))
        row.append(f"  {name}  {clock(seconds[sign]):>8}  {seconds[sign] / len(windows):4.0%}")
        rows.append(row)
    return [*rows, Text(f"{INDENT}A letter is {step} s.", "dim")]
