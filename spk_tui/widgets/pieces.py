"""Small pieces of text that several widgets put together: bars, words in their colours, cells of a fixed width.

Colours are names of the theme ("$success"), so that a change of theme needs nothing from the widgets.
"""

from __future__ import annotations

from textual.content import Content

from engine.runs.directory import Condition
from spk_tui.wording import budget_verdict, count, percent

BAR, BAR_END = "━", "╸"

VERDICT_STYLES = {"fits": "$success", "tight": "$warning", "over": "$error"}

CONDITIONS: dict[Condition, tuple[str, str]] = {
    "starting": ("◌", "$secondary"),
    "queued": ("◷", "$secondary"),
    "preparing": ("◔", "$secondary"),
    "training": ("●", "$success"),
    "validating": ("◉", "$success"),
    "paused": ("Ⅱ", "$warning"),
    "stopping": ("◍", "$warning"),
    "finished": ("✓", "$primary"),
    "stopped": ("■", "$foreground-muted"),
    "failed": ("✗", "$error"),
    "interrupted": ("◌", "$warning"),
}
"""The mark and the colour of each state a run can be in."""


def bar(share: float, width: int, style: str) -> Content:
    """A bar of `width` columns, filled by that share (cut at 0 and 1)."""
    halves = round(2 * width * min(1.0, max(0.0, share)))
    filled = BAR * (halves // 2) + (BAR_END if halves % 2 else "")
    return Content.assemble((filled, style), (BAR * (width - len(filled)), "$panel-lighten-1"))


def verdict(used: int, budget: int) -> Content:
    """fits, tight or over, in its colour."""
    word = budget_verdict(used, budget)
    return Content.styled(word, f"{VERDICT_STYLES[word]} bold")


def verdict_style(used: int, budget: int) -> str:
    """The colour that goes with the verdict."""
    return VERDICT_STYLES[budget_verdict(used, budget)]


def condition(state: Condition) -> Content:
    """A run's state: its mark and its word in its colour."""
    mark, style = CONDITIONS[state]
    return Content.styled(f"{mark} {state}", style)


def cell(text: Content | str, width: int, *, right: bool = False) -> Content:
    """The text in exactly `width` columns: filled with blanks, or cut with an ellipsis."""
    content = Content(text) if isinstance(text, str) else text
    if content.cell_length > width:
        return content.truncate(width, ellipsis=True)
    missing = width - content.cell_length
    return content.pad_left(missing) if right else content.pad_right(missing)


def spread(left: Content, right: Content, width: int) -> Content:
    """One text at each end of a line; when there is no room for both, the left one is cut."""
    room = width - right.cell_length - 2
    if room < 8:
        return cell(left, max(0, width))
    return Content.assemble(cell(left, room), "  ", right)


def progress_line(stage: str, done: int, total: int, unit: str, width: int) -> Content:
    """How far a stage is: its name, a bar, done of total. Without a known total (0) there is no bar."""
    number = f"{count(done)} of {count(total)}" if total else count(done) if done else ""
    amount = f"{number} {unit}".strip()
    if not total:
        return Content.assemble((stage, "bold"), "   ", (amount, "$foreground-muted"))
    return Content.assemble((stage, "bold"), "   ", measured(done, total, unit, width - len(stage) - 3))


def measured(done: int, total: int, unit: str, width: int) -> Content:
    """A bar with its share, and done of total behind it."""
    amount = f"{count(done)} of {count(total)} {unit}".strip()
    meter = bar(done / total, max(0, min(60, width - len(amount) - 9)), "$secondary")
    return Content.assemble(meter, f" {percent(done / total)}   ", (amount, "$foreground-muted"))


def joined(parts: list[Content], width: int, separator: str = "   ") -> Content:
    """As many of the parts, from the first on, as fit into `width` columns; a part is never cut in the middle."""
    shown = Content()
    for part in parts:
        longer = part if not shown else Content.assemble(shown, separator, part)
        if longer.cell_length > width and shown:
            break
        shown = longer
    return shown
