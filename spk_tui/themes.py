"""The dashboard's own two themes, a dark and a light one: few colours, each with one meaning on every screen.

Any theme, Textual's too, can take on the colours that the colour-blind can tell apart.
"""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

from engine.errors import nearest_spelling

NIGHT = Theme(
    name="laboratory-night",
    primary="#7fb4ca",
    secondary="#8ba4e0",
    accent="#c8a2c8",
    success="#93c58f",
    warning="#e2b36b",
    error="#e0737a",
    foreground="#d3d8e2",
    background="#12151b",
    surface="#191d26",
    panel="#242a36",
    dark=True,
    variables={
        "footer-key-foreground": "#7fb4ca",
        "block-cursor-text-style": "none",
        "border": "#7fb4ca",
        "scrollbar": "#39435a",
        "scrollbar-background": "#12151b",
    },
)

DAY = Theme(
    name="laboratory-day",
    primary="#26708c",
    secondary="#3d5fb5",
    accent="#8a4f8a",
    success="#3b7d37",
    warning="#a0670a",
    error="#b8323c",
    foreground="#252a33",
    background="#fafaf7",
    surface="#f0f0ec",
    panel="#e0e1dd",
    dark=False,
    variables={
        "footer-key-foreground": "#26708c",
        "block-cursor-text-style": "none",
        "border": "#26708c",
        "scrollbar": "#b9bcb4",
        "scrollbar-background": "#fafaf7",
    },
)

OWN = {theme.name: theme for theme in (NIGHT, DAY)}

# Okabe and Ito, "Color universal design", 2008: bluish green, orange, vermilion and sky blue on dark; on light the same
# hues, so dark that letters can be read and all four stay apart.
COLOUR_BLIND_ON_DARK = {"success": "#00b386", "warning": "#e69f00", "error": "#e8743b", "secondary": "#56b4e9"}
COLOUR_BLIND_ON_LIGHT = {"success": "#005f45", "warning": "#966700", "error": "#8a3d00", "secondary": "#005686"}


def all_themes(palette: str) -> dict[str, Theme]:
    """Every theme by name, ours first, with the colours of that palette ("standard" or "colour-blind")."""
    themes = {**OWN, **BUILTIN_THEMES}
    return {name: for_the_colour_blind(theme) for name, theme in themes.items()} if palette != "standard" else themes


def for_the_colour_blind(theme: Theme) -> Theme:
    """The theme with those colours changed that carry a meaning. One that leaves colours to the terminal stays."""
    if theme.ansi:
        return theme
    safe = COLOUR_BLIND_ON_DARK if theme.dark else COLOUR_BLIND_ON_LIGHT
    return replace(
        theme, success=safe["success"], warning=safe["warning"], error=safe["error"], secondary=safe["secondary"]
    )


def names() -> tuple[str, ...]:
    """Every theme's name, ours first."""
    return (*OWN, *BUILTIN_THEMES)


def known_or_default(name: str, default: str) -> tuple[str, str]:
    """The theme's name, or the default's with a line that says what is wrong."""
    known = names()
    if name in known:
        return name, ""
    return default, f"theme = '{name}' is unknown{nearest_spelling(name, known)} ('spk-tui settings' lists the themes)"
