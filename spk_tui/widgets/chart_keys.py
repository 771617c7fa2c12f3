"""The keys of a board of charts. What they do is `chart_board.py`'s business."""

from __future__ import annotations

from textual.binding import Binding

MOST_CHARTS = 6


def _key(key: str, action: str, words: str, tooltip: str, name: str, display: str | None = None) -> Binding:
    return Binding(key, action, words, show=False, key_display=display, tooltip=tooltip, id=f"charts.{name}")


KEYS = [
    *(_key(str(n), f"choose({n - 1})", f"Chart {n}", f"Chart {n}", f"choose-{n}") for n in range(1, MOST_CHARTS + 1)),
    _key("enter", "full", "Full screen", "The chosen chart alone, over all else", "full"),
    _key("escape", "leave", "Out", "Takes the cursor away; leaves the full screen", "leave"),
    _key("plus,equals_sign", "zoom(True)", "Zoom in", "A shorter stretch of the axis", "zoom-in", "+"),
    _key("minus", "zoom(False)", "Zoom out", "A longer stretch of the axis", "zoom-out", "-"),
    _key("0", "whole", "Whole axis", "All of the axis", "whole"),
    _key("left", "cursor(-1)", "Cursor left", "Reads values: cursor to the left", "left"),
    _key("right", "cursor(1)", "Cursor right", "Reads values: cursor to the right", "right"),
    _key("down", "pan(-1)", "Earlier", "Half a window back; without zoom a leap of the cursor", "down"),
    _key("up", "pan(1)", "Later", "Half a window on; without zoom a leap of the cursor", "up"),
    _key("t", "axis", "Axis", "By step, by time trained, by epoch", "axis"),
    _key("g", "logarithmic", "Logarithmic", "The chosen chart on a logarithmic axis, and back", "log"),
    _key("left_square_bracket", "smooth(-1)", "Smooth less", "Smooths noisy curves less", "smooth-less", "["),
    _key("right_square_bracket", "smooth(1)", "Smooth more", "Smooths noisy curves more", "smooth-more", "]"),
    _key("v", "series", "Curves", "Which curves are shown", "series"),
    _key("w", "export", "Export", "Charts, curves or events into a file", "export"),
]
"""None of them stands in the footer, which belongs to what is asked of a run; help and the palette list them."""
