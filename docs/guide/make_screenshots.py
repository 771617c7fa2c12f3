"""The guide's pictures, one a screen, as SVG: `make screenshots`, or name those to be made anew.

Each is taken from the real dashboard, in a home of its own with made-up runs and a fixed clock, so that a picture
changes only when its screen does. `drawn_cells.py` sees to it that no font is needed.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from drawn_cells import without_fonts
from textual.pilot import Pilot

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))  # the made-up runs are the tests'

from engine.budget import count  # noqa: E402
from engine.corpus.opening import open_corpus  # noqa: E402
from engine.corpus.packed import pack  # noqa: E402
from engine.cost import UNKNOWN_SPEAKERS, Cost  # noqa: E402
from engine.preset import Features, Preset  # noqa: E402
from engine.preset_library import find_preset  # noqa: E402
from engine.runs import events as e  # noqa: E402
from engine.runs.directory import RunDirectory  # noqa: E402
from engine.runs.queue import Queue  # noqa: E402
from spk_tui.app import Dashboard  # noqa: E402
from spk_tui.labelling import label, noted, tagged  # noqa: E402
from spk_tui.screens.compare_screen import CompareScreen  # noqa: E402
from spk_tui.screens.editor_screen import EditorScreen  # noqa: E402
from spk_tui.screens.sweep_screen import SweepScreen  # noqa: E402
from spk_tui.screens.training_screen import TrainingScreen  # noqa: E402
from spk_tui.widgets.chart_board import ChartBoard  # noqa: E402
from tests.engine.use.trained import trained  # noqa: E402
from tests.made_corpora import audio_folder  # noqa: E402
from tests.spk_tui.dashboards import (  # noqa: E402
    NOW,
    FixedMeter,
    Home,
    Life,
    dashboard_of,
    inspect,
    paste,
    until,
    watch,
)
from tests.spk_tui.run_directories import BEGAN, beginning, finished_run, new_run, training, training_run, write  # noqa: E402

SIZE = (120, 36)
SPEAKERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
LIVE = "20251009-100000-conformer-225k"

Opened = Pilot[None]


class Meter(FixedMeter):
    """Counts in this process, and the same on every machine."""

    def count(self, preset: Preset, speakers: int | None = None) -> Cost:
        """The real cost."""
        return count(preset, speakers or UNKNOWN_SPEAKERS, precision="float32")


def fill(home: Home, life: Life) -> None:
    """Five runs in different states, two that wait, and a corpus with some problems."""
    conformer, sample = find_preset("conformer-225k"), find_preset("homework-sample-67k")
    first = finished_run(home.runs)
    label(first, tagged(["baseline", "course"]), noted("the assignment's first model"))
    label(better_run(home, conformer), tagged(["course"]))
    finished_run(home.runs, "stopped", until=26_000, name="20251009-093000-homework-sample-67k", preset=sample,
                 created=BEGAN + 1800)  # fmt: skip
    failed = training_run(home.runs, until=8000, name="20251009-094000-transformer-154k", created=BEGAN + 2400)
    write(failed, e.Failed(step=8000, time=BEGAN + 3000, cause="diverged", message="the loss is not a number"))
    life.give(training_run(home.runs, name=LIVE, preset=conformer, created=BEGAN + 3600))
    waiting = [
        waiting_run(home, life, f"20251009-{hour}-{name}", name, place)
        for place, (hour, name) in enumerate((("103000", "conformer-225k"), ("104500", "transformer-154k")), start=1)
    ]
    entries = [{"run": run.id, "host": platform.node(), "devices": ["cpu"], "since": run.info().created, "process": 1}
               for run in waiting]  # fmt: skip
    Queue(home.runs).path.write_bytes(msgspec.json.encode({"waiting": entries}))
    speech(home.root / "speech")


def better_run(home: Home, preset: Preset) -> RunDirectory:
    """A finished run that learned more than the others."""
    began, more = BEGAN + 1200, 1.07
    run = new_run(home.runs, "20251009-092000-conformer-225k", preset=preset, created=began)
    write(run, *beginning(began=began, encoder_parameters=225_720))
    learned = []
    for event in training(70_000, seed=11, began=began):
        if isinstance(event, e.Validated):
            higher = event.segment_accuracy * more
            changes = {"segment_accuracy": higher, "utterance_accuracy": higher + 0.06, "loss": event.loss / more}
        elif isinstance(event, e.Checkpoint):
            changes = {"accuracy": (event.accuracy or 0) * more}
        else:
            changes = {"loss": event.loss / more} if isinstance(event, e.Progress) else {}
        learned.append(msgspec.structs.replace(event, **changes))
    write(run, *learned)
    state = run.state()
    write(run, e.Finished(step=70_000, time=(state.updated or 0) + 1, reason="completed", run=str(run.path),
                          best_accuracy=state.best_accuracy, best_step=state.best_step))  # fmt: skip
    return run


def waiting_run(home: Home, life: Life, identity: str, preset: str, place: int) -> RunDirectory:
    """A run that waits for the CPU."""
    created = BEGAN + 5400 + 900 * (place - 1)
    run = new_run(home.runs, identity, preset=find_preset(preset), created=created)
    write(run, e.Queued(process=1, time=created), e.Waiting(place=place, devices=["cpu"], time=created))
    return life.give(run)


def speech(root: Path) -> None:
    """Eight speakers with 12 to 19 utterances each, some of them of no use."""
    audio_folder(root, speakers=len(SPEAKERS), each=12)
    for number, name in enumerate(SPEAKERS):
        folder = (root / f"speaker{number:02d}").rename(root / name)
        for extra in range(number):
            shutil.copy(folder / f"{extra:02d}.wav", folder / f"again-{extra}.wav")
        if number < len(SPEAKERS) - 1:
            (root / SPEAKERS[0] / f"broken{number}.flac").write_bytes(b"no audio")
    shutil.copy(root / "carol" / "00.wav", root / "frank" / "of-another.wav")
    soundfile.write(root / "dave" / "silence.wav", np.zeros(16_000), 16_000)
    pack(open_corpus(str(root)), Features())


# ------------------------------------------------------------------------------------------------ the pictures


async def presets(pilot: Opened) -> None:
    """The first screen, on the course's first model."""
    await pilot.press("down", "down")
    await until(pilot, "225,720 of")
    await until(pilot, "measured in your run")


async def editor(pilot: Opened) -> None:
    """A preset with a key changed."""
    await until(pilot, "29,320")
    dashboard_of(pilot).edit_preset(find_preset("conformer-225k"))
    await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
    await until(pilot, "225,720 of")
    await pilot.press("slash", *"ffn", "enter", *"400", "enter", "escape")
    await until(pilot, "1 change")
    await until(pilot, "193,")


async def corpus(pilot: Opened) -> None:
    """A corpus with problems, and how its voices look."""
    await inspect(pilot, "~/speech")
    await until(pilot, "× same under two speakers")
    await until(pilot, "▀" * 20)


async def training_screen(pilot: Opened) -> None:
    """A run in the middle of its training."""
    dashboard_of(pilot).open_run(next(row.run for row in dashboard_of(pilot).read_runs() if row.run.id == LIVE))
    await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
    await watch(pilot, pilot.app.screen)  # type: ignore[arg-type]


async def runs(pilot: Opened) -> None:
    """The list of runs."""
    await pilot.press("f3")
    await until(pilot, "7 runs")
    await pilot.press("end")
    await until(pilot, "Delete")


async def comparison(pilot: Opened) -> None:
    """The course's runs side by side."""
    await pilot.press("f3")
    await until(pilot, "7 runs")
    await pilot.press("slash", *"tag:course", "enter", "asterisk", "p")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and pilot.app.screen.compared)
    board = pilot.app.screen.query_one(ChartBoard)

    def is_drawn() -> bool:
        board.advance()
        return board.is_drawn and any(not chart.is_empty for chart in board.charts.values())

    await until(pilot, is_drawn)


async def queue(pilot: Opened) -> None:
    """Who trains and who waits."""
    await pilot.press("f4")
    await until(pilot, "2 waiting")


async def sweep(pilot: Opened) -> None:
    """A key varied, with three seeds; the widest is above the budget."""
    dashboard_of(pilot).sweep(find_preset("conformer-225k"), "~/speech")
    await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen))
    await until(pilot, "The variants stand here")
    await paste(pilot, "encoder.ffn = 250, 500, 750")
    await pilot.press("tab")
    await paste(pilot, "1, 2, 3")
    await until(pilot, "9 variants")
    await pilot.press("tab", "tab")  # to the button: a blinking cursor would make each picture another


async def help_screen(pilot: Opened) -> None:
    """Help on the training screen."""
    await training_screen(pilot)
    await pilot.press("f1")
    await until(pilot, "Escape closes")


async def model(pilot: Opened) -> None:
    """How good a small model is, that was really trained."""
    folder = Path(os.environ["SPK_TUI_RUNS"]).parent / "trained"
    made = await asyncio.to_thread(trained, folder, "20251009-110000-quick-tour", "run.steps=60", "validation.every=60")
    dashboard_of(pilot).use_model(made.run)
    await until(pilot, "F5 evaluates it on the validation part")
    await pilot.press("f5")
    await until(pilot, "calibration error")


PICTURES: dict[str, Callable[[Opened], Awaitable[None]]] = {
    "presets": presets,
    "editor": editor,
    "corpus": corpus,
    "training": training_screen,
    "runs": runs,
    "comparison": comparison,
    "queue": queue,
    "sweep": sweep,
    "help": help_screen,
    "model": model,
}


async def picture(home: Home, name: str) -> str:
    """The screen of that name as SVG."""
    dashboard = Dashboard(home.runs, meter=Meter(), clock=lambda: NOW)
    dashboard.animation_level = "none"
    async with dashboard.run_test(size=SIZE) as pilot:
        await until(pilot, "29,320")
        await PICTURES[name](pilot)
        await pilot.pause()
        return without_fonts(pilot.app.export_screenshot(title=f"spk-tui: {name}"))


def main() -> None:
    """Makes the pictures that are named, or all."""
    names = sys.argv[1:] or list(PICTURES)
    if unknown := set(names) - set(PICTURES):
        sys.exit(f"there is no picture {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")
    os.environ |= {"TZ": "UTC", "LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    for variable in ("NO_COLOR", "SSH_CONNECTION", "SSH_TTY"):
        os.environ.pop(variable, None)
    time.tzset()
    with tempfile.TemporaryDirectory() as folder:
        home, life = Home(Path(folder).resolve()), Life()
        os.environ |= {"HOME": folder} | {
            f"SPK_TUI_{part.upper()}": str(home.root / part) for part in ("runs", "cache", "config")
        }
        try:
            fill(home, life)
            for name in names:
                (HERE / f"{name}.svg").write_text(asyncio.run(picture(home, name)), encoding="utf-8")
                print(f"{name}.svg")
        finally:
            life.end_all()


if __name__ == "__main__":
    main()
