"""The dashboard opened in a test: folders of its own, a fixed meter and clock, and waiting for what a person would see.

Nothing here presses keys for a test or decides what is right; that is each test's business.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from textual.pilot import Pilot
from textual.widgets import Input

from engine.cost import UNKNOWN_SPEAKERS, Cost
from engine.errors import InputError
from engine.preset import Preset
from engine.runs.requests import Request
from spk_tui.app import Dashboard
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.event_log import EventLog
from tests.spk_tui.run_directories import BEGAN

NOW = BEGAN + 2 * 3600
PATIENCE = 60.0
MEDIUM = (120, 40)

ENCODERS = {
    "transformer-154k": ({"attention": 25_680, "feed-forward": 128_880, "normalisation": 320}, 160),
    "conformer-225k": ({"attention": 25_680, "feed-forward": 161_160, "convolution": 38_400, "normalisation": 480}, 0),
    "quick-tour": ({"attention": 6_440, "feed-forward": 13_040, "convolution": 9_600, "normalisation": 240}, 0),
}


class FixedMeter:
    """Answers at once with numbers of the size of the real ones; a wider feed-forward network costs more."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, int | None]] = []

    def count(self, preset: Preset, speakers: int | None = None) -> Cost:
        """A cost that depends on the preset and on the number of speakers."""
        self.counted.append((preset.name, speakers))
        known = ENCODERS.get(preset.name)
        if known is None:
            raise InputError(f"{preset.name} is not among the fixed numbers")
        layers, unused = known
        heads = speakers or UNKNOWN_SPEAKERS
        parts = {"front_end": 3_280, "encoder": sum(layers.values()), "pooling": 0, "head": 6_480 + 81 * heads}
        return Cost(
            preset=preset.name, budget=preset.budget.encoder_parameters, parts=parts, encoder_layers=layers,
            unused=unused, total=sum(parts.values()), speakers=heads, multiply_adds_per_second_of_audio=47_400_000,
            seconds_per_step=preset.segments.batch_size / 400,
        )  # fmt: skip

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True)
class Home:
    """A person's folders, all below one of a test's own."""

    root: Path

    @property
    def runs(self) -> Path:
        """Where the run directories are."""
        return self.root / "runs"

    @property
    def presets(self) -> Path:
        """Where the person's own presets are."""
        folder = self.root / "config" / "presets"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def dashboard(self) -> Dashboard:
        """The dashboard over these folders, with nothing in it that moves by itself."""
        dashboard = Dashboard(self.runs, meter=FixedMeter(), clock=lambda: NOW)
        dashboard.animation_level = "none"
        return dashboard

    def open(self, size: tuple[int, int] = MEDIUM) -> AbstractAsyncContextManager[Pilot[None]]:
        """The dashboard in a terminal of that many columns and rows, ready for keys."""
        return self.dashboard().run_test(size=size)


def seen(pilot: Pilot[None]) -> str:
    """The screen as lines of text, the way a person reads it."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def notices(pilot: Pilot[None]) -> str:
    """What the dashboard has told in passing: title and text of each notification."""
    return "\n".join(f"{notice.title}: {notice.message}" for notice in pilot.app._notifications)


async def until(pilot: Pilot[None], wanted: str | Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits until the screen shows the text, or the condition holds; fails with the screen when it never does."""
    deadline = time.monotonic() + seconds
    while not (wanted in seen(pilot) if isinstance(wanted, str) else wanted()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{wanted!r} never came; the screen was\n{seen(pilot)}\n{notices(pilot)}")
        await pilot.pause(0.01)


async def watch(pilot: Pilot[None], screen: TrainingScreen) -> TrainingScreen:
    """Waits until a training screen has read its run and drawn every chart that can be seen."""
    from spk_tui.widgets.chart_board import ChartBoard
    from spk_tui.widgets.curve_chart import CurveChart

    await until(pilot, lambda: screen.snapshot is not None)
    board = screen.query_one(ChartBoard)
    shown = [chart for chart in board.query(CurveChart) if chart.display]
    await until(pilot, lambda: all(chart.chart == board.wanted(chart) for chart in shown))
    await pilot.pause()
    return screen


def dashboard_of(pilot: Pilot[None]) -> Dashboard:
    """The app, as what it is."""
    assert isinstance(pilot.app, Dashboard)
    return pilot.app


def log_of(screen: TrainingScreen) -> list[str]:
    """The lines of a training screen's log."""
    return screen.query_one(EventLog).texts


def text_in(pilot: Pilot[None], field: str) -> str:
    """What stands in an input of the screen."""
    return pilot.app.screen.query_one(f"#{field}", Input).value


def requests_in(path: Path) -> list[str]:
    """What was asked of a run's worker, in order."""
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Request).request for line in path.read_bytes().splitlines()]
