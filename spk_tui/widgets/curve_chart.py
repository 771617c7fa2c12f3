"""One chart with its legend in the frame. It draws when Textual asks for its picture, so a hidden chart costs nothing.

The picture is kept until what it shows changes. It tells its board where the mouse points and which entry of the legend
was clicked; what follows from that, the keys, and what there is to draw are the board's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from spk_tui.arranging import Plot
from spk_tui.chart_drawing import drawn, line_letter, place_words
from spk_tui.charts import Chart, Line
from spk_tui.palettes import Palette, colour_of

if TYPE_CHECKING:
    from spk_tui.dot_canvas import Marker

BEHIND = 0.4
"""How much of a curve's colour is left in what was measured behind it."""


class CurveChart(Widget):
    """A chart; give it another plot and it draws anew."""

    ALLOW_SELECT = False  # a pull with the mouse moves the window
    DEFAULT_CSS = """
    CurveChart {
        width: 1fr; height: 1fr; min-height: 4; padding: 0 1 0 0;
        border: round $panel-lighten-1; border-title-color: $foreground; border-subtitle-color: $foreground-muted;
        text-wrap: nowrap;
    }
    """

    plot: reactive[Plot] = reactive(Plot(Chart("")))
    cursor: reactive[float | None] = reactive(None)
    marker: reactive[Marker] = reactive("braille")
    palette: reactive[Palette] = reactive("theme")
    chosen: reactive[bool] = reactive(False)

    @dataclass
    class Pointed(Message):
        """The mouse is over a place of the horizontal axis; None: no longer over the chart."""

        chart: CurveChart
        place: float | None

    @dataclass
    class Pulled(Message):
        """The chart is dragged along its axis by so much."""

        chart: CurveChart
        distance: float

    @dataclass
    class Wheeled(Message):
        """The wheel is turned over a place: inwards or outwards."""

        chart: CurveChart
        place: float
        inwards: bool

    @dataclass
    class Pressed(Message):
        """The chart is clicked: so many times, on the legend's entry of that label or, with none, anywhere else."""

        chart: CurveChart
        label: str | None
        times: int

    def __init__(self, name: str, title: str) -> None:
        super().__init__(id=f"chart-{name}", name=name)
        self.set_reactive(CurveChart.plot, Plot(Chart(title)))
        self.border_title = title
        self.drawings = 0
        self._picture: tuple[object, list[Strip]] | None = None
        self._entries: list[tuple[int, int, str]] = []
        self._margin = 0
        self._held: int | None = None

    # ------------------------------------------------------------------------------------------------ what is seen

    def on_mount(self) -> None:
        """The legend says what the picture does."""
        for what in ("plot", "cursor", "marker", "palette", "chosen", "size"):
            self.watch(self, what, self._write_legend, init=False)
        self.watch(self.app, "theme", self._write_legend, init=False)

    def render_line(self, y: int) -> Strip:
        """One line of the picture for this size and theme."""
        width, height = self.content_size
        wanted = (self.plot, self.cursor, self.marker, self.palette, width, height, self.app.theme)
        if self._picture is None or self._picture[0] != wanted:
            self._picture = (wanted, self._draw(width, height))
            self.drawings += 1
        lines = self._picture[1]
        return lines[y] if y < len(lines) else Strip.blank(width, self.rich_style)

    def _draw(self, width: int, height: int) -> list[Strip]:
        drawing = drawn(self.plot, width, height, marker=self.marker, cursor=self.cursor)
        self._margin = drawing.margin
        styles = {name: self._style(name) for name in {name for row in drawing.rows for _, name in row}}
        return [Strip([Segment(text, styles[name]) for text, name in row], width) for row in drawing.rows]

    def _style(self, name: str) -> Style:
        variables = self.app.theme_variables
        background, foreground = Color.parse(variables["background"]), Color.parse(variables["foreground"])
        base = self.rich_style
        if name in ("", "axis", "reference", "cursor"):
            strength = {"axis": 0.5, "reference": 0.45, "cursor": 0.8}.get(name, 0.0)
            return base + Style(color=background.blend(foreground, strength).rich_color)
        role = name.removesuffix(" behind")
        colour = Color.parse(colour_of(role, self.palette, variables))
        return base + Style(color=(background.blend(colour, BEHIND) if role != name else colour).rich_color)

    # ------------------------------------------------------------------------------------------------ legend

    def _write_legend(self) -> None:
        """Title, then each curve's mark and name in its colour with its newest value, or with that at the cursor.

        Where they don't all fit, names go before values while there is a cursor, and else values before names. A hidden
        curve stands in brackets.
        """
        plot = self.plot
        place = f" {place_words(self.cursor, plot)}" if self.cursor is not None and not plot.is_blank else ""
        mark = ">" if self.marker == "ascii" else "▸"
        title = Content.assemble(
            (f"{mark} " if self.chosen else "", "$primary"), (plot.chart.title, "bold"), (place, "$foreground")
        )
        lines = [line for line in plot.chart.lines if line.label in plot.newest]
        for names, values in ((True, True), (not place, bool(place))):
            legend, entries = title, []
            for line in lines:
                entry = self._entry(line, names, values)
                begin = legend.cell_length + 2
                entries.append((begin, begin + entry.cell_length, line.label))
                legend = Content.assemble(legend, "  ", entry)
            if legend.cell_length <= self.size.width - 6:
                break
        else:
            legend = Content.assemble(title, f"  {len(lines)} curves") if lines else title
            entries = []
        self.border_title, self._entries = legend, entries

    def _entry(self, line: Line, with_name: bool, with_value: bool) -> Content:
        letter = line_letter(line.marker, self.marker)
        name = f"{letter} {line.label}" if with_name else letter
        if line.label in self.plot.view.hidden:
            return Content.styled(f"({name})", "$foreground-muted")
        value = self._value(line) if with_value else None
        return Content.assemble(
            (name, colour_of(line.role, self.palette, self.app.theme_variables)),
            (f" {line.say(value)}" if value is not None else "", "$foreground"),
        )

    def _value(self, line: Line) -> float | None:
        """What a curve is at the cursor; its newest value when there is none."""
        if self.cursor is None:
            return self.plot.newest[line.label]
        trace = next((trace for trace in self.plot.traces if trace.line.label == line.label), None)
        return trace.at(self.cursor, self.plot.view.axis) if trace else None

    # ------------------------------------------------------------------------------------------------ mouse

    @property
    def columns(self) -> int:
        """How many columns the curves have, without the numbers beside them."""
        return max(1, self.content_size.width - self._margin)

    def _place(self, event: events.MouseEvent) -> float | None:
        """The place on the axis that the mouse points at."""
        x = event.x - self.gutter.left - self._margin
        if self.plot.is_blank or not 0 <= x < self.columns:
            return None
        low, high = self.plot.across
        return low + (high - low) * x / max(1, self.columns - 1)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """With a button down the chart is pulled along, else the place is read."""
        if self._held is None:
            self.post_message(self.Pointed(self, self._place(event)))
        elif event.screen_x != self._held:
            low, high = self.plot.across
            self.post_message(self.Pulled(self, (self._held - event.screen_x) * (high - low) / self.columns))
            self._held = event.screen_x

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A pull may go on beyond the chart's edge."""
        self._held = event.screen_x
        self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The pull is over."""
        self._held = None
        self.release_mouse()

    def on_leave(self) -> None:
        """Nothing is pointed at any more."""
        self.post_message(self.Pointed(self, None))

    def on_click(self, event: events.Click) -> None:
        """An entry of the legend, or the chart."""
        x = event.x - 2  # the frame's corner and a blank
        label = next((name for begin, end, name in self._entries if event.y == 0 and begin <= x < end), None)
        self.post_message(self.Pressed(self, label, event.chain))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer."""
        self._wheel(event, inwards=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Further away."""
        self._wheel(event, inwards=False)

    def _wheel(self, event: events.MouseEvent, *, inwards: bool) -> None:
        place = self._place(event)
        if place is not None:
            event.stop()
            self.post_message(self.Wheeled(self, place, inwards))
