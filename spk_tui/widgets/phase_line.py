"""The line of phases: which of them a run is in, which are behind it and which follow, and a word on the one in hand.

What the phase is, `activity.py` says; here it is only made to fit the line.
"""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.activity import STAGES, Activity
from spk_tui.follower import Snapshot
from spk_tui.widgets.pieces import CONDITIONS, cell, measured, progress_line
from spk_tui.wording import one_line

ONCE = ("corpus", "warm-up")
"""The stages that a run has behind it for good; the others come again and again."""
GAP = "   "
ENDS = {
    "finished": "all steps are done",
    "stopped": "its state is saved; it can be resumed",
    "failed": "the log and the console say why",
    "interrupted": "its worker is gone without a last word",
}


class PhaseLine(Widget):
    """One line."""

    snapshot: reactive[Snapshot | None] = reactive(None)

    def render(self) -> Content:
        """As many phases as there is room for beside the word on the one in hand."""
        shown = self.snapshot
        if shown is None:
            return Content()
        width = self.content_size.width
        now = shown.activity
        if now.stage is None:
            return Content.styled(ENDS[now.word], "$foreground-muted")
        _, style = CONDITIONS[shown.condition]
        said = _said(now, width)
        here = Content.styled(f"▸ {now.word}", f"bold {style}")
        for track in _tracks(now, here):
            if track.cell_length + len(GAP) + said.cell_length <= width:
                return Content.assemble(track, GAP, said)
        return cell(Content.assemble(here, GAP, said), width)


def _said(now: Activity, width: int) -> Content:
    """The sentence, or how far it is: with a bar where there is room for one."""
    if not now.total:
        return Content.styled(one_line(now.detail), "$foreground-muted")
    room = max(0, min(width - len(now.word) - 5, 76))
    if not now.detail:
        return measured(now.done, now.total, now.unit, room)
    return progress_line(one_line(now.detail), now.done, now.total, now.unit, room)


def _tracks(now: Activity, here: Content) -> list[Content]:
    """All phases; then those from the one in hand on; then it alone, as always where none is being gone through."""
    if now.stage is None or now.word not in (now.stage, "starting", "preparing"):
        return [here]
    place = STAGES.index(now.stage)
    pieces = []
    for number, name in enumerate(STAGES):
        if number == place:
            pieces.append(here)
        elif number < place and name in ONCE:
            pieces.append(Content.styled(f"✓ {name}", "$foreground-muted"))
        else:
            pieces.append(Content.styled(name, "$foreground-muted"))
    arrow = Content.styled(" › ", "$foreground-muted")
    return [arrow.join(pieces), arrow.join(pieces[place:]), pieces[place]]
