"""The model screen on a small run: it really evaluates, enrols and identifies, can be left, and says what can't be."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.use.client import UseFailed
from engine.use.identification import Identification, Identified, Match, Threshold, Unusable, Window
from engine.use.results import ModelFacts
from spk_tui import model_use
from spk_tui.screens.enrol_dialog import EnrolDialog
from spk_tui.screens.export_dialog import ExportDialog
from spk_tui.screens.model_screen import ModelScreen
from spk_tui.screens.question import Question
from spk_tui.screens.runs_screen import RunsScreen
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.report_view import ReportPart
from tests.engine.use.trained import Trained, trained
from tests.spk_tui.dashboards import MEDIUM, SMALL, Home, dashboard_of, notices, paste, seen, until
from tests.spk_tui.run_directories import new_run

BROAD = (200, 60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPK_TUI_CACHE", str(folder / "cache"))
        return trained(folder)


@pytest.fixture
def run(made: Trained, home: Home, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """The run among a person's own; nothing is enrolled yet."""
    monkeypatch.setenv("SPK_TUI_CACHE", str(made.root.parent / "cache"))
    monkeypatch.setenv("SPK_TUI_ENROLMENTS", str(home.root / "enrolments"))
    run = made.run.__class__(Path(shutil.copytree(made.run.path, home.runs / made.run.id)))
    return made._replace(run=run)


async def use(pilot: Pilot[None], run: Trained) -> ModelScreen:
    dashboard_of(pilot).use_model(run.run)
    await until(pilot, "F5 evaluates it on the validation part")
    assert isinstance(pilot.app.screen, ModelScreen)
    return pilot.app.screen


def answers(screen: ModelScreen) -> str:
    """All that was answered, whether it can be seen at once or not."""
    return screen.query_one("#results > Static", Static).content.plain


def stands_still(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """The work of that name never ends by itself; tells when it began, and that it was ended."""
    told: list[str] = []
    pulse = threading.Event()

    def work(*arguments: object) -> None:
        report = arguments[-1]
        assert callable(report)
        told.append("began")
        try:
            while True:
                report("listening", 1, 3, "utterances")
                pulse.wait(0.02)
        finally:
            told.append("ended")

    monkeypatch.setattr(model_use, name, work)
    return told


async def test_a_run_is_evaluated_and_the_report_is_written(run: Trained, home: Home) -> None:
    async with home.open(BROAD) as pilot:
        await pilot.press("f3")
        await until(pilot, "1 run")
        assert "Use run" in [name for name, _, _ in pilot.app.screen.commands()]
        await pilot.press("u")
        await until(pilot, "F5 evaluates it on the validation part")
        screen = pilot.app.screen
        assert isinstance(screen, ModelScreen)
        await pilot.press("f5")
        await until(pilot, "Calibration")
        assert "20 of 50 utterances" in seen(pilot)
        assert f"{run.validated.segment_accuracy:.4f} (" in seen(pilot)
        titles = ("Accuracy", "Accuracy by length", "The speakers confused most", "Calibration")
        assert all(title in seen(pilot) for title in titles)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExportDialog))
        out = home.root / "report.json"
        pilot.app.screen.query_one(Input).value = str(out)
        await pilot.press("enter")
        await until(pilot, lambda: "Written" in notices(pilot))
        assert json.loads(out.read_text())["whole"]["top1"]["value"] == run.validated.utterance_accuracy
        await pilot.press("p")
        await until(pilot, "on the training part")
        assert not screen.query(ReportPart)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_a_voice_is_enrolled_told_and_forgotten(run: Trained, home: Home) -> None:
    own = run.root / "speaker00"
    async with home.open(SMALL) as pilot:
        screen = await use(pilot, run)
        await pilot.press("f6")
        await until(pilot, "Nobody is enrolled with this model")
        await paste(pilot, f"{own}/0[34].wav")
        await pilot.press("tab", "space", "f7")
        await until(pilot, lambda: isinstance(pilot.app.screen, EnrolDialog))
        await pilot.press(*"unknown", "enter", "enter")
        await until(pilot, "that is what strangers are")
        pilot.app.screen.query_one("#name", Input).value = "Ann"
        pilot.app.screen.query_one("#files", Input).value = f"{own}/0[012].wav {home.root}/none.wav"
        await pilot.press("enter")
        await until(pilot, lambda: "Ann is enrolled with quick-tour" in notices(pilot))
        assert "none.wav" in notices(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelScreen) and screen.model.voices)
        await pilot.press("f5")
        await until(pilot, lambda: "1 candidate, with quick-tour" in answers(screen))
        assert "04.wav  0:01  Ann" in answers(screen)
        screen.query_one("#voices").focus_rows()
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: not screen.model.voices)
        await pilot.press("f5")
        await until(pilot, lambda: "tick the speakers of its training" in " ".join(answers(screen).split()))


async def test_what_goes_on_is_shown_and_ends_with_escape_or_with_the_screen(
    run: Trained, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = stands_still(monkeypatch, "evaluate")
    async with home.open() as pilot:
        screen = await use(pilot, run)
        await pilot.press("f5")
        await until(pilot, "1 of 3 utterances")
        await pilot.press("f5")
        await pilot.press("escape")
        await until(pilot, lambda: "It was cancelled" in notices(pilot))
        assert pilot.app.screen is screen
        assert told == ["began", "ended"]
        await pilot.press("f5")
        await until(pilot, "1 of 3 utterances")
        await pilot.press("f2")
        await until(pilot, lambda: told == ["began", "ended"] * 2)


def identification(*recordings: Identified) -> Identification:
    threshold = Threshold(0.41, "chosen on 250 held-out utterances of 250 speakers", 0.01, 0.08)
    return Identification(
        model=ModelFacts("best.safetensors", "0" * 64, "quick-tour", "conformer", 29_320, 250, 3000),
        candidates=3,
        threshold=threshold,
        window_threshold=threshold,
        recordings=list(recordings),
        problems=[Unusable("noise.txt", "Format not recognised")],
        notes=[],
    )


@pytest.mark.parametrize("size", [SMALL, MEDIUM, BROAD])
async def test_names_strangers_and_a_strip_fit_every_terminal(
    run: Trained, home: Home, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    matches = [Match("Ann", 0.83), Match("Bob", 0.32), Match("speaker04", 0.11, enrolled=False)]
    windows = [Window(float(second), "Ann" if second < 40 else None, 0.8) for second in range(60)]
    answer = identification(Identified("meeting.flac", 60.0, "Ann", matches, windows),
                            Identified("door.wav", 2.0, None, matches[1:], []))  # fmt: skip
    asked: list[tuple[list[str], bool]] = []

    def identify(model: object, recordings: list[str], trained: bool, report: Report) -> Identification:
        asked.append((recordings, trained))
        return answer

    monkeypatch.setattr(model_use, "identify", identify)
    async with home.open(size) as pilot:
        screen = await use(pilot, run)
        await pilot.press("2")
        await paste(pilot, "~/meeting.flac 'door.wav'")
        await pilot.press("enter")
        await until(pilot, "meeting.flac  1:00  Ann")
        assert asked == [([str(home.root / "meeting.flac"), "door.wav"], True)]
        whole = answers(screen)
        assert "Bob (trained)" not in whole
        assert "speaker04 (trained)" in whole
        assert "door.wav  0:02  unknown" in whole
        assert "A  Ann" in whole
        assert "not used: noise.txt: Format not recognised" in whole
        assert screen.query_one("#results").max_scroll_x == 0


async def test_errors_are_words_in_the_place_of_answers(run: Trained, home: Home) -> None:
    async with home.open() as pilot:
        await use(pilot, run)
        await pilot.press("f6", "f5")
        await until(pilot, "a recording is missing")
        await paste(pilot, "'half")
        await pilot.press("enter")
        await until(pilot, "the line ends within a path")
        run.run.best_path.write_bytes(b"no checkpoint at all")
        await pilot.press("f6", "f5")
        await until(pilot, "it ends before its description does")


async def test_faults_of_ours_are_told_in_a_line(run: Trained, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(error: Exception) -> Callable[..., None]:
        def evaluate(*_: object) -> None:
            raise error

        return evaluate

    async with home.open() as pilot:
        await use(pilot, run)
        monkeypatch.setattr(model_use, "evaluate", fails(UseFailed("Traceback\n  …\nKeyError: 'x'\n")))
        await pilot.press("f5")
        await until(pilot, "KeyError: 'x'")
        assert "Traceback" not in seen(pilot)
        monkeypatch.setattr(model_use, "evaluate", fails(InputError("/speech: there is no such folder")))
        await pilot.press("f5")
        await until(pilot, "/speech: there is no such folder")


async def test_only_a_run_with_a_best_checkpoint_can_be_used(run: Trained, home: Home) -> None:
    empty = new_run(home.runs, "20251009-090000-none")
    async with home.open() as pilot:
        dashboard_of(pilot).open_run(empty)
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen) and pilot.app.screen.snapshot)
        await pilot.press("u")
        assert isinstance(pilot.app.screen, TrainingScreen)
        await pilot.press("escape")
        dashboard_of(pilot).open_run(run.run)
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen) and pilot.app.screen.snapshot)
        assert "Use" in [name for name, _, _ in pilot.app.screen.commands()]
        await pilot.press("u")
        await until(pilot, "F5 evaluates it on the validation part")
