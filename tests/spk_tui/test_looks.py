"""How the screens look at the three sizes, compared with pictures that were looked at and found right.

After a change that is meant: `pytest tests/spk_tui/test_looks.py --snapshot-update`, and look at the pictures again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
import pytest
import soundfile
from textual.pilot import Pilot

from engine.corpus.opening import open_corpus
from engine.corpus.packed import pack
from engine.preset import Features
from engine.preset_library import find_preset
from engine.runs import events as e
from spk_tui.app import Dashboard
from spk_tui.screens.compare_screen import CompareScreen
from spk_tui.screens.editor_screen import EditorScreen
from spk_tui.screens.help_screen import HelpScreen
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.settings import Settings
from spk_tui.widgets.chart_board import ChartBoard
from tests.made_corpora import audio_folder
from tests.spk_tui.dashboards import Home, Life, dashboard_of, inspect, seen, until, watch
from tests.spk_tui.run_directories import BEGAN, finished_run, training_run, write

SIZES = [(80, 24), (120, 40), (200, 60)]
SMALL, MEDIUM, _ = SIZES
at_every_size = pytest.mark.parametrize("size", SIZES, ids=[f"{columns}x{rows}" for columns, rows in SIZES])
in_every_look = pytest.mark.parametrize("look", ["dark", "light", "no-colour"])
Compare = Callable[..., bool]


def some_runs(home: Home, life: Life) -> None:
    """One run in each of the states that a list of runs may show."""
    conformer = find_preset("conformer-225k")
    finished_run(home.runs)
    training_run(home.runs, name="20251009-092000-conformer-225k", preset=conformer, created=BEGAN + 1200)
    finished_run(home.runs, "stopped", until=26_000, name="20251009-093000-transformer-154k", created=BEGAN + 1800)
    failed = training_run(home.runs, until=8000, name="20251009-094000-quick-tour", preset=find_preset("quick-tour"),
                          corpus="demo", created=BEGAN + 2400)  # fmt: skip
    write(failed, e.Failed(step=8000, time=BEGAN + 3000, cause="diverged", message="the loss is not a number"))
    life.give(training_run(home.runs, until=30_000, name="20251009-100000-transformer-154k", created=BEGAN + 3600))


def speech_with_problems(home: Home) -> None:
    """Eight speakers with 12 to 19 utterances each, some of them of no use."""
    root = audio_folder(home.root / "speech", speakers=8, each=12)
    for number in range(7):
        (root / "speaker00" / f"broken{number}.flac").write_bytes(b"no audio")
        for extra in range(number):
            copied = root / f"speaker{number:02d}" / f"{extra:02d}.wav"
            copied.with_name(f"again-{extra}.wav").write_bytes(copied.read_bytes())
    (root / "speaker05" / "of-another.wav").write_bytes((root / "speaker02" / "00.wav").read_bytes())
    soundfile.write(root / "speaker03" / "silence.wav", np.zeros(16_000), 16_000)
    pack(open_corpus(str(root)), Features())


async def counted(pilot: Pilot[None]) -> None:
    """Waits until the first screen has counted what it shows."""
    await until(pilot, "29,320")
    await until(pilot, "multiply-adds" if pilot.app.size.width >= 100 else "all parts")
    await until(pilot, "arithmetic alone")


def dressed(home: Home, look: str, monkeypatch: pytest.MonkeyPatch) -> Dashboard:
    """The dashboard in one of its looks; what NO_COLOR says is read when an app is made."""
    if look == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    return home.dashboard(Settings(theme="laboratory-day") if look == "light" else None)


def behind_a_dialog(pilot: Pilot[None]) -> Callable[[], bool]:
    """Whether the footer of the screen behind has taken away the keys that don't work now."""
    return lambda: "q Quit" in seen(pilot) and "F1 Help" not in seen(pilot)


def shows_a_run(name: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def open_it(pilot: Pilot[None]) -> None:
        dashboard = dashboard_of(pilot)
        run = next(row.run for row in dashboard.read_runs() if row.run.id.endswith(name))
        dashboard.open_run(run)
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        assert isinstance(pilot.app.screen, TrainingScreen)
        await watch(pilot, pilot.app.screen)

    return open_it


@in_every_look
@at_every_size
def test_presets(
    home: Home, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], look: str
) -> None:
    async def choose(pilot: Pilot[None]) -> None:
        await pilot.press("down")
        await counted(pilot)

    assert snap_compare(dressed(home, look, monkeypatch), terminal_size=size, run_before=choose)


@in_every_look
@at_every_size
def test_a_live_run(
    home: Home, life: Life, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], look: str
) -> None:
    some_runs(home, life)
    opened = shows_a_run("100000-transformer-154k")
    assert snap_compare(dressed(home, look, monkeypatch), terminal_size=size, run_before=opened)


def test_an_interrupted_run(home: Home, life: Life, snap_compare: Compare) -> None:
    some_runs(home, life)
    opened = shows_a_run("092000-conformer-225k")
    assert snap_compare(home.dashboard(), terminal_size=MEDIUM, run_before=opened)


def test_one_chart_in_large_with_a_cursor(home: Home, life: Life, snap_compare: Compare) -> None:
    async def look_closer(pilot: Pilot[None]) -> None:
        await shows_a_run("100000-transformer-154k")(pilot)
        await pilot.press("2", "enter", "plus", "left", "left")
        board = pilot.app.screen.query_one(ChartBoard)
        await until(pilot, lambda: board.cursor is not None and board.is_drawn)

    some_runs(home, life)
    assert snap_compare(home.dashboard(), terminal_size=MEDIUM, run_before=look_closer)


@at_every_size
def test_runs(home: Home, life: Life, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def list_them(pilot: Pilot[None]) -> None:
        await pilot.press("f3")
        await until(pilot, "5 runs, 1 in progress")
        await pilot.press("down")
        await until(pilot, "Delete")

    some_runs(home, life)
    assert snap_compare(home.dashboard(), terminal_size=size, run_before=list_them)


@at_every_size
def test_runs_side_by_side(home: Home, life: Life, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def compare(pilot: Pilot[None]) -> None:
        await pilot.press("f3")
        await until(pilot, "5 runs, 1 in progress")
        await pilot.press("asterisk", "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and pilot.app.screen.compared)
        board = pilot.app.screen.query_one(ChartBoard)

        def drawn() -> bool:
            board.advance()
            return board.is_drawn and any(not chart.is_empty for chart in board.charts.values())

        await until(pilot, drawn)

    some_runs(home, life)
    assert snap_compare(home.dashboard(), terminal_size=size, run_before=compare)


@at_every_size
def test_the_editor(home: Home, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def edit(pilot: Pilot[None]) -> None:
        await counted(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
        await pilot.press("slash", *"ffn", "enter", *"700", "enter", "escape")
        await until(pilot, "1 change")

    assert snap_compare(home.dashboard(), terminal_size=size, run_before=edit)


def test_the_queue(home: Home, life: Life, snap_compare: Compare) -> None:
    async def go_there(pilot: Pilot[None]) -> None:
        await pilot.press("f4")
        await until(pilot, "0 waiting")

    some_runs(home, life)
    assert snap_compare(home.dashboard(), terminal_size=SMALL, run_before=go_there)


def test_the_question_before_a_stop(home: Home, life: Life, snap_compare: Compare) -> None:
    async def ask(pilot: Pilot[None]) -> None:
        await shows_a_run("100000-transformer-154k")(pilot)
        await pilot.press("x")
        await until(pilot, "Go on training")
        await until(pilot, behind_a_dialog(pilot))

    some_runs(home, life)
    assert snap_compare(home.dashboard(), terminal_size=SMALL, run_before=ask)


@at_every_size
def test_a_corpus(home: Home, snap_compare: Compare, size: tuple[int, int]) -> None:
    async def look(pilot: Pilot[None]) -> None:
        await inspect(pilot, "~/speech")
        await until(pilot, "× same under two speakers")
        await until(pilot, "⏎ Unfold" if size == SIZES[0] else "⏎ Utterances")
        await until(pilot, lambda: size == SIZES[0] or "▀" * 20 in seen(pilot))

    speech_with_problems(home)
    assert snap_compare(home.dashboard(), terminal_size=size, run_before=look)


def test_the_voices_of_a_corpus_where_only_they_fit(home: Home, snap_compare: Compare) -> None:
    async def look(pilot: Pilot[None]) -> None:
        await inspect(pilot, "~/speech")
        await until(pilot, "v Voices")
        await pilot.press("v", "down")
        await until(pilot, "~/speech/speaker01/00.wav")
        await until(pilot, "▀" * 20)

    speech_with_problems(home)
    assert snap_compare(home.dashboard(), terminal_size=SIZES[0], run_before=look)


def test_help(home: Home, snap_compare: Compare) -> None:
    async def ask(pilot: Pilot[None]) -> None:
        await counted(pilot)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.pause()

    assert snap_compare(home.dashboard(), terminal_size=SMALL, run_before=ask)
