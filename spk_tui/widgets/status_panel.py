"""The lines above the charts: what the run does, how far it is, how good it was at its best, and what it costs.

Each line is a widget of its own that watches the snapshot alone.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.follower import Snapshot
from spk_tui.widgets.budget_bar import BudgetBar
from spk_tui.widgets.phase_line import PhaseLine
from spk_tui.widgets.pieces import CONDITIONS, bar, condition, joined, spread
from spk_tui.wording import accuracy, count, duration, loss, percent, rate, size


class StatusLine(Widget):
    """State, step of steps with a bar, and the time left."""

    snapshot: reactive[Snapshot | None] = reactive(None)

    def render(self) -> Content:
        """The line, filled to its width."""
        shown = self.snapshot
        if shown is None:
            return Content.styled("reading the run…", "$foreground-muted")
        width = self.content_size.width
        left = Content.assemble(
            condition(shown.condition), "   ", ("step ", "$foreground-muted"), (count(shown.step), "bold"),
            (f" of {count(shown.steps)}", "$foreground-muted"),
        )  # fmt: skip
        right = Content(time_words(shown))
        room = width - left.cell_length - right.cell_length - 6
        if room >= 8 and shown.steps:
            share = shown.step / shown.steps
            meter = bar(share, min(60, room - 6), CONDITIONS[shown.condition][1])
            left = Content.assemble(left, "   ", meter, " ", percent(share))
        return spread(left, right, width)


class FiguresLine(Widget):
    """The best accuracy and its step, the newest figures, and the load of the machine."""

    snapshot: reactive[Snapshot | None] = reactive(None)

    def render(self) -> Content:
        """As many figures as there is room for, the important ones first."""
        shown = self.snapshot
        if shown is None:
            return Content()
        parts = [self._best(shown)]
        if shown.validated is not None:
            parts.append(
                _labelled("segments ", accuracy(shown.validated.segment_accuracy))
                + _labelled("  utterances ", accuracy(shown.validated.utterance_accuracy))
            )
        if shown.progress is not None and not shown.is_over:
            parts.append(Content(rate(shown.progress.steps_per_second)))
        if shown.progress is not None:
            parts.append(_labelled("loss ", loss(shown.progress.loss)))
        return joined(parts, self.content_size.width)

    def _best(self, shown: Snapshot) -> Content:
        if shown.best_accuracy is None:
            return Content.styled("no best yet", "$foreground-muted")
        return Content.assemble(
            ("best ", "$foreground-muted"), (accuracy(shown.best_accuracy), "bold $success"),
            (f" at step {count(shown.best_step or 0)}", "$foreground-muted"),
        )  # fmt: skip


class LoadLine(Widget):
    """Load and memory of the worker's processor and, where there is one, its GPU."""

    snapshot: reactive[Snapshot | None] = reactive(None)

    def render(self) -> Content:
        """One line, at the right."""
        shown = self.snapshot
        if shown is None or shown.resources is None or shown.is_over:
            return Content()
        load = shown.resources
        parts = []
        if load.device_load is not None:
            memory = size(load.device_memory_bytes)
            total = f" of {size(load.device_memory_total)}" if load.device_memory_total else ""
            parts.append(_labelled("GPU ", percent(load.device_load)) + _labelled("  ", f"{memory}{total}"))
        parts.append(_labelled("CPU ", percent(load.processor_load)) + _labelled("  ", size(load.memory_bytes)))
        return joined(parts, self.content_size.width)


class StatusPanel(Vertical):
    """The four lines."""

    DEFAULT_CSS = """
    StatusPanel {
        height: 4; padding: 0 1;
        & StatusLine, & FiguresLine, & PhaseLine { height: 1; width: 1fr; text-wrap: nowrap; }
        & Horizontal { height: 1; }
        & LoadLine { height: 1; width: 1fr; max-width: 50; text-wrap: nowrap; text-align: right; }
    }
    """

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)

    def compose(self) -> ComposeResult:
        """State, phase, figures, costs."""
        yield StatusLine().data_bind(StatusPanel.snapshot)
        yield PhaseLine().data_bind(StatusPanel.snapshot)
        yield FiguresLine().data_bind(StatusPanel.snapshot)
        with Horizontal():
            yield BudgetBar()
            yield LoadLine().data_bind(StatusPanel.snapshot)

    def watch_snapshot(self, shown: Snapshot | None) -> None:
        """Gives the meter its numbers: as counted by the worker, until then as the preset says."""
        if shown is None or not self.is_mounted:
            return
        meter = self.query_one(BudgetBar)
        meter.budget = shown.preset.budget.encoder_parameters
        meter.used = shown.started.encoder_parameters if shown.started else shown.preset.preset.encoder_parameters


def time_words(shown: Snapshot) -> str:
    """The time left while it trains, the time it took once it is over."""
    if shown.condition == "interrupted":
        return "its worker is gone"
    if shown.is_over and shown.began is not None and shown.updated is not None:
        return f"took {duration(shown.updated - shown.began)}"
    if shown.condition in ("training", "validating") and shown.seconds_left is not None:
        return f"{duration(shown.seconds_left)} left"
    return ""


def _labelled(label: str, value: str) -> Content:
    return Content.assemble((label, "$foreground-muted"), value)
