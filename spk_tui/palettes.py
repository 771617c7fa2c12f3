"""The colours of curves: the theme's own, or those that people with any colour vision can tell apart.

The second palette is that of Masataka Okabe and Kei Ito, "Color Universal Design" (2008), without its black, which a
dark background swallows. Curves are told apart by their marks as well, so that a picture without colours says as much.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Palette: TypeAlias = Literal["theme", "okabe-ito"]

THEME_COLOURS = {
    "train": "secondary", "segments": "warning", "utterances": "success", "plain": "primary",
    "run-1": "secondary", "run-2": "warning", "run-3": "success", "run-4": "accent",
    "run-5": "error", "run-6": "primary",
}  # fmt: skip
"""A curve's role and the theme's colour that it has everywhere."""

OKABE_ITO = {
    "train": "#56b4e9", "segments": "#e69f00", "utterances": "#009e73", "plain": "#cc79a7",
    "run-1": "#56b4e9", "run-2": "#e69f00", "run-3": "#009e73", "run-4": "#cc79a7",
    "run-5": "#d55e00", "run-6": "#0072b2",
}  # fmt: skip


def colour_of(role: str, palette: Palette, variables: dict[str, str]) -> str:
    """The colour of a curve of that role; `variables` are the theme's."""
    return OKABE_ITO[role] if palette == "okabe-ito" else variables[THEME_COLOURS[role]]
