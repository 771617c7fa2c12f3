"""The dashboard's own two themes, a dark and a light one: few colours, each with one meaning on every screen."""

from __future__ import annotations

from textual.theme import Theme

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
