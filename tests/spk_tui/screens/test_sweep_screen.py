"""The form of a sweep: variants and their sizes as one types, errors in words, and runs in the queue at the end."""

from __future__ import annotations

import os
import signal

from textual.pilot import Pilot
from textual.widgets import Button

from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs.devices import DeviceLocks
from engine.runs.queue import Queue
from engine.sweep import sweeps
from spk_tui.screens.compare_screen import CompareScreen
from spk_tui.screens.queue_screen import QueueScreen
from spk_tui.screens.sweep_screen import SweepScreen
from tests.spk_tui.dashboards import SMALL, Home, dashboard_of, notices, paste, seen, until


async def open_sweep(pilot: Pilot[None], corpus: str = "demo:4x6", *overrides: str) -> SweepScreen:
    dashboard_of(pilot).sweep(with_overrides(find_preset("quick-tour"), overrides), corpus)
    await until(pilot, "The variants stand here")
    assert isinstance(pilot.app.screen, SweepScreen)
    return pilot.app.screen


def is_open(screen: SweepScreen) -> bool:
    return not screen.query_one("#start", Button).disabled


async def test_variants_and_their_sizes_stand_there_as_one_types(home: Home) -> None:
    async with home.open(SMALL) as pilot:
        screen = await open_sweep(pilot, "demo:4x6", "budget.encoder_parameters=20000")
        assert not is_open(screen)
        await paste(pilot, "encoder.ffn = 40, 80\noptimizer.learning_rate=1e-3,3e-3")
        await until(pilot, "4 variants, 4 of them over the budget")
        assert "ffn 80, learning_rate 3e-3" in seen(pilot)
        assert "highest rate, reached at the end of the warm-up" in seen(pilot)
        assert "Queue 4 runs (F5)" in seen(pilot)
        await pilot.press("tab")
        await paste(pilot, "1,2,3")
        await until(pilot, "12 variants, 12 of them")
        assert is_open(screen)


async def test_what_cant_be_is_said_in_words_and_cant_be_queued(home: Home) -> None:
    async with home.open() as pilot:
        screen = await open_sweep(pilot)
        await paste(pilot, "encoder.heads = 2, 3")
        await until(pilot, "is not divisible by")
        assert not is_open(screen)
        await pilot.press("f5")
        assert pilot.app.screen is screen
        await pilot.press("backspace")
        await until(pilot, "heads has an empty value")
        await pilot.press("backspace", "backspace")
        await until(pilot, "1 variant, all within the budget")
        assert is_open(screen)
        assert "Queue the sweep" in [name for name, _, _ in screen.commands()]
        await pilot.press("escape")
        assert pilot.app.screen is not screen


async def test_a_sweep_waits_in_the_queue_under_its_name(home: Home) -> None:
    busy = DeviceLocks(["cpu"])
    busy.share()
    async with home.open() as pilot:
        screen = await open_sweep(pilot)
        await paste(pilot, "encoder.ffn = 40, 80")
        await until(pilot, "2 variants, all")
        screen.query_one("#name").value = "widths"
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, "sweep widths")
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, QueueScreen))
        await until(pilot, "2 waiting")
        assert "encoder.ffn=80" in seen(pilot)
        assert [run.preset().encoder.ffn for run in sweeps(home.runs)["widths"]] == [40, 80]
        queue = Queue(home.runs)
        await until(pilot, lambda: all(entry.process for entry in queue.read()))
        for entry in queue.read():
            os.kill(entry.process, signal.SIGKILL)
    busy.release()


async def test_a_corpus_that_isnt_there_is_told_before_anything_waits(home: Home) -> None:
    async with home.open() as pilot:
        screen = await open_sweep(pilot, str(home.root / "nothing"))
        await paste(pilot, "encoder.ffn = 40, 80")
        await until(pilot, "2 variants, all")
        await pilot.press("f5")
        await until(pilot, lambda: "Not queued" in notices(pilot))
        assert pilot.app.screen is screen
        assert sweeps(home.runs) == {}
