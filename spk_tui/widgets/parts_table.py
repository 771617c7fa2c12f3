"""A preset's parameters by part: front end, encoder by its kinds of layer, pooling, head, each with its share.

Only the encoder counts against the budget; the rest is shown apart and never hidden.
"""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.cost import Cost
from spk_tui.widgets.pieces import bar, cell
from spk_tui.wording import count, small_size

PARTS = ("front_end", "encoder", "pooling", "head")
LABEL, NUMBER, LONGEST_BAR = 18, 9, 24


class PartsTable(Widget):
    """One line a part; empty until the parts are counted."""

    DEFAULT_CSS = """
    PartsTable { height: auto; width: 1fr; text-wrap: nowrap; }
    """

    cost: reactive[Cost | None] = reactive(None, layout=True)

    def render(self) -> Content:
        """The lines, with bars where there is room for them."""
        cost = self.cost
        if cost is None:
            return Content.styled("parameters by part: being counted…", "$foreground-muted")
        lines = []
        for part in PARTS:
            lines.append(self._line(part.replace("_", " "), cost.parts.get(part, 0), cost.total, "bold"))
            if part == "encoder":
                lines += [self._line(f"  {kind}", used, cost.total, "") for kind, used in cost.encoder_layers.items()]
                if cost.unused:
                    lines.append(self._note("  of it never used", cost.unused))
        saved = self._saved(cost)
        lines.append(
            Content.assemble(self._note("all parts", cost.total), (f"  {saved}" if saved else "", "$foreground-muted"))
        )
        return Content("\n").join(lines)

    def _line(self, label: str, used: int, total: int, style: str) -> Content:
        room = self.content_size.width - LABEL - NUMBER - 2
        share = used / total if total else 0.0
        meter = (
            bar(share, min(room, LONGEST_BAR), "$secondary" if style else "$secondary-darken-2") if room >= 4 else ""
        )
        return Content.assemble(
            cell(Content.styled(label, style or "$foreground-muted"), LABEL),
            cell(Content.styled(count(used), style or "$foreground-muted"), NUMBER, right=True),
            "  ",
            meter,
        )

    def _saved(self, cost: Cost) -> str:
        """What all parts take in a file, in as many words as there is room for; none rather than half a number."""
        size, room = cost.size, self.content_size.width - LABEL - NUMBER - 2
        short = small_size(size.float32)
        full = f"{short}, {small_size(size.int8)} as int8"
        return next((words for words in (full, short) if len(words) <= room), "")

    def _note(self, label: str, number: int) -> Content:
        return Content.assemble(
            cell(Content.styled(label, "$foreground-muted"), LABEL),
            cell(Content.styled(count(number), "$foreground-muted"), NUMBER, right=True),
        )
