"""The dashboard before it lets a user's own encoder run: it asks once, takes a no, and shows what a bad file is."""

from __future__ import annotations

import sys
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from engine.own_code import read_code
from engine.runs.client import ask
from engine.runs.directory import list_runs
from engine.trust import is_trusted, trust_path
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.question import Question
from spk_tui.screens.training_screen import TrainingScreen
from tests.made_corpora import audio_folder
from tests.own_encoders import GOOD, preset_text, write_code
from tests.spk_tui.dashboards import Home, dashboard_of, notices, paste, until


def put_preset(home: Home, text: str = GOOD) -> Path:
    """An own preset that trains for long, and its file, which nobody trusts."""
    code = write_code(home.presets, text, trusted=False)
    (home.presets / "mine.toml").write_text(preset_text().replace("steps = 20\n", "steps = 1000000\n"))
    return Path(code.path)


async def start(pilot: Pilot[None]) -> None:
    """Chooses the own preset, which stands last, and presses the key that starts."""
    await until(pilot, "mine yours")
    await pilot.press("end")
    await until(pilot, lambda: getattr(pilot.app.screen, "entry", None) and pilot.app.screen.entry.name == "mine")
    await pilot.press("f5")


def is_asking(pilot: Pilot[None]) -> bool:
    return isinstance(pilot.app.screen, Question)


async def answer(pilot: Pilot[None], *keys: str) -> None:
    """Waits for the question and answers it."""
    await until(pilot, lambda: is_asking(pilot))
    await pilot.press(*keys)
    await until(pilot, lambda: not is_asking(pilot))


async def test_it_asks_before_the_first_start_and_no_means_no(home: Home) -> None:
    file = put_preset(home)
    async with home.open() as pilot:
        await until(pilot, "Mine")
        await start(pilot)
        await until(pilot, lambda: is_asking(pilot))
        await until(pilot, "Run mine.py?")
        assert "with all your rights" in str(pilot.app.screen.query_one(".dialog Static", Static).content)
        await until(pilot, lambda: pilot.app.focused is pilot.app.screen.query_one("#cancel", Button))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        await pilot.press("f5")
        await until(pilot, lambda: is_asking(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
    assert not is_trusted(read_code(file))
    assert list_runs(home.runs) == []


async def test_yes_starts_it_in_a_process_of_its_own_and_a_resume_asks_when_it_was_forgotten(
    home: Home, tmp_path: Path
) -> None:
    voices = audio_folder(tmp_path / "voices", speakers=3, each=6, seconds=0.5)
    file = put_preset(home, "import sys\nsys.modules['ran_in_the_dashboard'] = sys\n" + GOOD)
    async with home.open() as pilot:
        await pilot.press("c")
        await until(pilot, "A folder…")
        await pilot.press("end", "enter")
        await until(pilot, lambda: pilot.app.screen.query_one("#folder", Input).has_focus)
        await paste(pilot, str(voices))
        await until(pilot, "3 speakers, 18 utterances")
        await pilot.press("escape")
        await start(pilot)
        await answer(pilot, "right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        run = list_runs(home.runs)[0]
        assert run.info().encoder_sha256 == read_code(file).sha256
        await until(pilot, lambda: run.state().step > 0)
        ask(run, "stop")
        await until(pilot, lambda: not run.alive)
        trust_path().unlink()
        await until(pilot, lambda: pilot.app.screen.check_action("resume", ()))
        await pilot.press("r")
        await until(pilot, "Steps in all")
        await pilot.press("enter")
        await answer(pilot, "enter")
        assert not run.alive
        await pilot.press("r")
        await until(pilot, "Steps in all")
        await pilot.press("enter")
        await answer(pilot, "right", "enter")
        await until(pilot, lambda: run.alive)
        ask(run, "stop")
        await until(pilot, lambda: not run.alive)
    assert is_trusted(read_code(run.path / "mine.py"))
    assert "ran_in_the_dashboard" not in sys.modules


async def test_a_bad_file_is_told_and_not_asked_about(home: Home) -> None:
    put_preset(home, "class Mine(\n")
    async with home.open() as pilot:
        await start(pilot)
        await until(pilot, lambda: "Not started" in notices(pilot))
        assert "mine.py, line 1: is not valid Python" in notices(pilot)
        assert not is_asking(pilot)
        assert dashboard_of(pilot).is_running
    assert list_runs(home.runs) == []
