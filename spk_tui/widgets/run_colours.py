"""The colours of runs that are compared: by letter, so that a run has the same one in every chart, table and legend."""

from __future__ import annotations

from spk_tui.comparison import LETTERS

COLOURS = ("$primary", "$warning", "$success", "$accent", "$error", "$secondary")


def colour_of(letter: str) -> str:
    """The theme's colour of a run; after the sixth they come again, which is why a letter stands wherever one does."""
    return COLOURS[LETTERS.index(letter) % len(COLOURS)]
