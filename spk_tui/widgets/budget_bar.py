"""The budget meter: how much of its budget the encoder block uses, as numbers, a bar and a word.

It shows the numbers that it is given; who counts them is `engine.budget_client`'s business.
"""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.widgets.pieces import bar, joined, verdict, verdict_style
from spk_tui.wording import count, percent


class BudgetBar(Widget):
    """One line: encoder parameters of the budget, a bar, the share, and fits, tight or over."""

    DEFAULT_CSS = """
    BudgetBar { height: 1; width: 1fr; text-wrap: nowrap; }
    """

    LONGEST_BAR = 40

    used: reactive[int | None] = reactive(None)
    budget: reactive[int] = reactive(0)

    def render(self) -> Content:
        """The line, as much of it as there is room for; numbers and word come before the bar."""
        if self.used is None:
            return Content.styled("encoder budget: being counted…", "$foreground-muted")
        width = self.content_size.width
        numbers = Content.assemble(
            ("encoder ", "$foreground-muted"),
            (count(self.used), "bold"),
            (f" of {count(self.budget)}", "$foreground-muted"),
        )
        word = verdict(self.used, self.budget)
        share = Content(percent(self.used / self.budget))
        room = width - numbers.cell_length - word.cell_length - share.cell_length - 6
        if room < 6:
            return joined([numbers, word, share], width, "  ")
        meter = bar(self.used / self.budget, min(room, self.LONGEST_BAR), verdict_style(self.used, self.budget))
        return Content("  ").join([numbers, meter, share, word])
