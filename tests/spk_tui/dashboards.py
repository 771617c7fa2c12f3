"""The dashboard opened in a test: folders of its own, a fixed meter and clock, and waiting for what a person would see.

Nothing here presses keys for a test or decides what is right; that is each test's business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.cost import UNKNOWN_SPEAKERS, Cost, ModelSize, StepMemory
from engine.fit import fit
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs.directory import RunDirectory
from engine.runs.lock import Lock
from engine.runs.requests import Request
from spk_tui.app import Dashboard
from spk_tui.remembered import Remembered
from spk_tui.screens.corpus_screen import CorpusScreen
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.settings import Settings
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.event_log import EventLog
from tests.spk_tui.run_directories import BEGAN

NOW = BEGAN + 2 * 3600
PATIENCE = 30.0
SMALL, MEDIUM = (80, 24), (120, 40)

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
        layers, unused = ENCODERS.get(preset.name, ({"attention": preset.preset.encoder_parameters or 29_320}, 0))
        heads = speakers or UNKNOWN_SPEAKERS
        parts = {"front_end": 3_280, "encoder": sum(layers.values()), "pooling": 0, "head": 6_480 + 81 * heads}
        return Cost(
            preset=preset.name, budget=preset.budget.encoder_parameters, parts=parts, encoder_layers=layers,
            unused=unused, total=sum(parts.values()), speakers=heads, multiply_adds_per_second_of_audio=47_400_000,
            size=_size(sum(parts.values())), size_without_head=_size(sum(parts.values()) - parts["head"]),
            step_memory=StepMemory(precision="float32", weights=850_000, moments=1_700_000, activations=98_000_000),
            seconds_per_step=preset.segments.batch_size / 400,
        )  # fmt: skip

    def fit(self, preset: Preset, budget: int, pinned: Collection[str] = ()) -> Preset:
        """The real fit, in this process."""
        return fit(preset, budget, pinned)

    def close(self) -> None:
        """Nothing to give back."""


def _size(parameters: int) -> ModelSize:
    return ModelSize(float32=4 * parameters, float16=2 * parameters, int8=round(1.1 * parameters))


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

    def dashboard(
        self, settings: Settings | None = None, remembered: Remembered | None = None, *, tour: bool = False
    ) -> Dashboard:
        """The dashboard over these folders, with nothing in it that moves by itself."""
        dashboard = Dashboard(
            self.runs, meter=FixedMeter(), clock=lambda: NOW, settings=settings, remembered=remembered, tour=tour
        )
        dashboard.animation_level = "none"
        return dashboard

    def open(self, size: tuple[int, int] = MEDIUM) -> AbstractAsyncContextManager[Pilot[None]]:
        """The dashboard in a terminal of that many columns and rows, ready for keys."""
        return self.dashboard().run_test(size=size)


class Life:
    """Holds the locks of runs, as their workers would: a run with a held lock is alive."""

    def __init__(self) -> None:
        self._locks: dict[Path, Lock] = {}

    def give(self, run: RunDirectory) -> RunDirectory:
        """The run's worker lives from now on."""
        self._locks[run.path] = Lock(run.lock_path)
        return run

    def end(self, run: RunDirectory) -> None:
        """The run's worker is gone."""
        self._locks.pop(run.path).release()

    def end_all(self) -> None:
        """No worker lives any more."""
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()


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
        await pilot.pause(0.03)


async def paste(pilot: Pilot[None], text: str) -> None:
    """Puts a text in at once where the keyboard is, as a terminal does with the clipboard."""
    pilot.app.post_message(Paste(text))
    await pilot.pause()


async def watch(pilot: Pilot[None], screen: TrainingScreen) -> TrainingScreen:
    """Waits until a training screen has read its run, drawn every chart that can be seen and come to the log's end."""
    await until(pilot, lambda: screen.snapshot is not None)
    board, log = screen.query_one(ChartBoard), screen.query_one(EventLog)

    def is_settled() -> bool:
        laid_out = log.query_one(Static).size.height >= len(log.texts) and log.scroll_offset.y == log.max_scroll_y
        return board.is_drawn and (laid_out or not log.display)

    await until(pilot, is_settled)
    await pilot.pause()
    return screen


async def inspect(pilot: Pilot[None], corpus: Path | str, *overrides: str) -> CorpusScreen:
    """Opens the corpus screen, read as the quick tour with these overrides says, and waits until it knows something."""
    preset = with_overrides(find_preset("quick-tour"), overrides)
    screen = CorpusScreen(str(corpus), preset)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.survey is not None or screen.has_class("-trouble"))
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


def asked(run: RunDirectory) -> list[str]:
    """What was asked of the run's worker, in order."""
    if not run.requests_path.exists():
        return []
    return [msgspec.json.decode(line, type=Request).request for line in run.requests_path.read_bytes().splitlines()]
