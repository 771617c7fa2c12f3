"""The four charts: side by side where there is room, one at a time under tabs where there is not.

It turns a snapshot into charts and hands them out at a calm pace: at most one chart is drawn anew a tick, and only one
that can be seen. A chart that shows nothing yet gets its first picture at once.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.widgets import Tab, Tabs

from spk_tui.charts import Chart, Line
from spk_tui.follower import Snapshot
from spk_tui.widgets.curve_chart import CurveChart
from spk_tui.wording import accuracy, learning_rate, loss, rate

TITLES = {"accuracy": "Accuracy", "loss": "Loss", "rate": "Step rate", "learning-rate": "Learning rate"}


class ChartBoard(Vertical):
    """Charts of accuracy, loss, step rate and learning rate."""

    DEFAULT_CSS = """
    ChartBoard {
        height: 1fr;
        & > Grid { grid-size: 2 2; grid-gutter: 0 1; height: 1fr; }
        & > Tabs { display: none; }
        &.-one {
            & > Tabs { display: block; }
            & > Grid { grid-size: 1 1; }
            & CurveChart { display: none; }
            & CurveChart.-chosen { display: block; }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._wanted: dict[str, Chart] = {name: Chart(title) for name, title in TITLES.items()}
        self._turn = 0

    def compose(self) -> ComposeResult:
        """Tabs and charts; the layout decides which are seen."""
        yield Tabs(*(Tab(title, id=name) for name, title in TITLES.items()))
        with Grid():
            for name, chart in self._wanted.items():
                yield CurveChart(chart, id=f"chart-{name}")

    def on_mount(self) -> None:
        """The first chart is the chosen one."""
        self._mark("accuracy")
        self.query_one(Tabs).can_focus = False

    def show(self, snapshot: Snapshot) -> None:
        """Takes in what there is to draw; `advance` draws it."""
        self._wanted = charts_of(snapshot)
        for name, chart in self._wanted.items():
            widget = self.query_one(f"#chart-{name}", CurveChart)
            if widget.chart.is_empty and not chart.is_empty:
                widget.chart = chart

    def advance(self) -> bool:
        """Draws the next visible chart that is out of date; returns whether there was one."""
        names = list(self._wanted)
        for place in range(len(names)):
            name = names[(self._turn + place) % len(names)]
            widget = self.query_one(f"#chart-{name}", CurveChart)
            if widget.display and widget.chart != self._wanted[name]:
                widget.chart = self._wanted[name]
                self._turn = names.index(name) + 1
                return True
        return False

    @property
    def is_drawn(self) -> bool:
        """Whether every chart that can be seen shows the newest there is."""
        charts = {name: self.query_one(f"#chart-{name}", CurveChart) for name in TITLES}
        return all(not chart.display or chart.chart == self._wanted[name] for name, chart in charts.items())

    def choose(self, place: int) -> None:
        """Shows the chart of that place, counted from 0, where one is shown at a time."""
        self.query_one(Tabs).active = list(TITLES)[place]

    @on(Tabs.TabActivated)
    def _activated(self, event: Tabs.TabActivated) -> None:
        event.stop()
        if event.tab.id:
            self._mark(event.tab.id)

    def _mark(self, chosen: str) -> None:
        for name in TITLES:
            widget = self.query_one(f"#chart-{name}", CurveChart)
            widget.set_class(name == chosen, "-chosen")
            if name == chosen:
                widget.chart = self._wanted[name]


def charts_of(snapshot: Snapshot) -> dict[str, Chart]:
    """The four charts of a snapshot."""
    steps = snapshot.steps
    reference = snapshot.preset.preset.reference_accuracy

    def line(label: str, role: str, curve: str, say=loss) -> Line:  # type: ignore[no-untyped-def]  # a local shorthand
        series = snapshot.curve(curve)
        return Line(label, role, series, say(series.values[-1]) if series else "")

    return {
        "accuracy": Chart(
            TITLES["accuracy"],
            (
                line("train", "train", "train_accuracy", accuracy),
                line("segments", "segments", "segment_accuracy", accuracy),
                line("utterances", "utterances", "utterance_accuracy", accuracy),
            ),
            steps,
            lowest=0.0,
            reference=reference,
            reference_label=f"reported elsewhere ⠂⠂⠂ {reference:.2f}" if reference is not None else "",
        ),
        "loss": Chart(
            TITLES["loss"],
            (line("train", "train", "train_loss"), line("validation", "segments", "validation_loss")),
            steps,
            lowest=0.0,
        ),
        "rate": Chart(TITLES["rate"], (line("", "plain", "steps_per_second", rate),), steps, lowest=0.0),
        "learning-rate": Chart(
            TITLES["learning-rate"],
            (line("", "plain", "learning_rate", learning_rate),),
            steps,
            lowest=0.0,
            tick_format=learning_rate,
        ),
    }
