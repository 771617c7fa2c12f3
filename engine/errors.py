"""Errors that are written for the person at the terminal: what is wrong, where, what to do.

Whatever raises an `InputError` has changed nothing on disk. Commands turn it into one message and exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Something the user gave can't be used. The text is shown as it is, without a traceback."""


def nearest_spelling(word: str, known: Iterable[str]) -> str:
    """Returns ", did you mean 'x'?" for the closest known word, or an empty string when none is close.

    Of words that are about as close, one with the same letters is meant: they were typed in another order.
    """
    matches = difflib.get_close_matches(word, list(known), n=3, cutoff=0.5)
    matches.sort(key=lambda match: sorted(match) != sorted(word))
    return f", did you mean '{matches[0]}'?" if matches else ""


def shown(text: str, most: int = 60) -> str:
    """A name out of somebody's file as it can be shown: what would move the cursor becomes a dot, and it is cut."""
    clean = "".join(letter if letter.isprintable() else "·" for letter in text)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
