"""One chart with its legend in the frame. It draws when Textual asks for its picture, so a hidden chart costs nothing.

The picture is kept until data, size or theme change; drawing itself is `spk_tui.charts`.
"""

from __future__ import annotations

from rich.text import Text
from textual.color import Color
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.charts import Chart, Rgb, draw

ROLE_STYLES = {"train": "secondary", "segments": "warning", "utterances": "success", "plain": "primary"}
"""A curve's role and the theme's colour that it has everywhere."""


class CurveChart(Widget):
    """A chart; give it another `Chart` and it draws anew."""

    DEFAULT_CSS = """
    CurveChart {
        width: 1fr; height: 1fr; min-height: 4; padding: 0 1 0 0;
        border: round $panel-lighten-1; border-title-color: $foreground; border-subtitle-color: $foreground-muted;
        text-wrap: nowrap;
    }
    """

    chart: reactive[Chart] = reactive(Chart(""))

    def __init__(self, chart: Chart, *, id: str) -> None:
        super().__init__(id=id)
        self.set_reactive(CurveChart.chart, chart)
        self.border_title = chart.title
        self.drawings = 0
        self._picture: tuple[object, Text] | None = None

    def watch_chart(self, chart: Chart) -> None:
        """The legend says the newest values."""
        self.border_title = self._legend(chart)
        self.border_subtitle = chart.reference_label if not chart.is_empty else ""

    def on_resize(self) -> None:
        """A legend may have more or less room."""
        self.border_title = self._legend(self.chart)

    def render(self) -> Text | Content:
        """The picture for this size and theme."""
        width, height = self.content_size
        if self.chart.is_empty:
            quiet = Content.styled("no points yet", "$foreground-muted")
            return Content("\n" * (height // 2)) + quiet.center(width)
        wanted = (self.chart, width, height, self.app.theme)
        if self._picture is None or self._picture[0] != wanted:
            self.drawings += 1
            self._picture = (wanted, draw(self.chart, width, height, self._colours()))
        return self._picture[1]

    def _legend(self, chart: Chart) -> Content:
        """Title, then each curve's name in its colour with its newest value; without values where they don't fit."""
        title = Content.styled(chart.title, "bold")
        if not self.is_mounted:
            return title
        lines = [line for line in chart.lines if line.series]
        for with_value in (True, False):
            entries = [
                Content.assemble(
                    (f"━ {line.label}" if line.label else "", f"${ROLE_STYLES[line.role]}"),
                    (f" {line.value}" if with_value and line.value else "", "$foreground"),
                )
                for line in lines
            ]
            legend = Content("  ").join([title, *entries])
            if legend.cell_length <= self.size.width - 4:
                return legend
        return title

    def _colours(self) -> dict[str, Rgb]:
        variables = self.app.theme_variables
        colours = {role: _rgb(variables[style]) for role, style in ROLE_STYLES.items()}
        background, foreground = Color.parse(variables["background"]), Color.parse(variables["foreground"])
        colours["axis"] = background.blend(foreground, 0.5).rgb
        colours["reference"] = background.blend(foreground, 0.4).rgb
        return colours


def _rgb(colour: str) -> Rgb:
    return Color.parse(colour).rgb
