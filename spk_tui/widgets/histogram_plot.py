"""One histogram in a frame: standing bars over their edges. What a bar is says `spk_tui.histograms`."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.corpus.histogram import Histogram
from spk_tui.histograms import standing


class HistogramPlot(Widget):
    """Bars of a histogram; give it another one and it draws anew."""

    DEFAULT_CSS = """
    HistogramPlot {
        width: 1fr; height: 1fr; padding: 0 1; border: round $panel-lighten-1; text-wrap: nowrap;
        border-title-color: $foreground;
    }
    """

    histogram: reactive[Histogram | None] = reactive(None)

    def __init__(self, title: str, unit: str = "", *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = title
        self._unit = unit

    def render(self) -> Content:
        """The bars, or that there is nothing to count."""
        width, height = self.content_size
        if self.histogram is None:
            return Content.styled("nothing to count", "$foreground-muted")
        *bars, edges = standing(self.histogram, width, height, self._unit)
        return Content("\n").join([*(_coloured(bar) for bar in bars), Content.styled(edges, "$foreground-muted")])


def _coloured(line: str) -> Content:
    """Bars in the colour of data, their scale muted."""
    place = next((index for index, character in enumerate(line) if character in "▁▂▃▄▅▆▇█"), len(line))
    return Content.assemble((line[:place], "$foreground-muted"), (line[place:], "$primary"))
