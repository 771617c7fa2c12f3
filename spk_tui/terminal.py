"""What a terminal is told and what is known of it: titles, notifications, multiplexers, terminals without colour.

Everything here is text for a terminal; the app's driver writes it, for nobody else may while the dashboard is open.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping

SAVE_TITLE = "\x1b[22;2t"
RESTORE_TITLE = "\x1b]2;\a\x1b[23;2t"
"""An empty title first, for terminals that keep no stack of titles."""

LONGEST_NOTIFICATION = 200
WITHOUT_COLOUR = ("vt100", "vt102", "vt220", "xterm-mono", "screen-bce.mono")


def is_dumb(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal can't place text, as in an editor's shell: no dashboard can be shown there.

    A browser's dashboard, whose driver the environment names, has no terminal at all.
    """
    return not environment.get("TEXTUAL_DRIVER") and environment.get("TERM") in ("dumb", "unknown")


def has_no_colour(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal's name says that it shows no colours."""
    name = environment.get("TERM", "")
    return name in WITHOUT_COLOUR or name.endswith(("-m", "-mono"))


def title(text: str) -> str:
    """Sets the terminal's title; inside a multiplexer its pane's."""
    return f"\x1b]2;{plain(text)}\a"


def notification(heading: str, text: str, way: str = "auto", environment: Mapping[str, str] = os.environ) -> str:
    """A notification on the desktop. `way`: "osc9", "osc777", or "auto" for what the terminal is known to take."""
    ways = {
        "osc9": f"\x1b]9;{plain(heading)}: {plain(text)}\a",
        "osc777": f"\x1b]777;notify;{plain(heading).replace(';', ',')};{plain(text).replace(';', ',')}\a",
    }
    chosen = [way] if way in ways else _known_ways(environment)
    return "".join(through_multiplexer(ways[name], environment) for name in chosen)


def _known_ways(environment: Mapping[str, str]) -> list[str]:
    """Terminals that take both would show both, so both are for those that nothing is known of."""
    if environment.get("VTE_VERSION") or environment.get("TERM", "").startswith(("foot", "rxvt")):
        return ["osc777"]
    programs = ("iTerm.app", "WezTerm", "ghostty", "kitty", "WarpTerminal")
    if environment.get("TERM_PROGRAM") in programs or environment.get("TERM") in ("xterm-kitty", "xterm-ghostty"):
        return ["osc9"]
    return ["osc9", "osc777"]


def through_multiplexer(sequence: str, environment: Mapping[str, str] = os.environ) -> str:
    """The sequence so that tmux (with allow-passthrough) or screen hands it on to the terminal outside."""
    if environment.get("TMUX"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    if environment.get("STY"):
        return f"\x1bP{sequence}\x1b\\"
    return sequence


def plain(text: str) -> str:
    """One short line without anything that a terminal would take for a command."""
    line = " ".join("".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text).split())
    return line if len(line) <= LONGEST_NOTIFICATION else line[: LONGEST_NOTIFICATION - 1] + "…"
