"""The training screen as a person uses it: what it shows of a run in each state, and what it asks of a live one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from spk_tui.screens.question import Question
from spk_tui.screens.save_dialog import SaveDialog
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.chart_board import ChartBoard
from spk_tui.widgets.event_log import EventLog
from spk_tui.widgets.path_input import PathInput
from spk_tui.widgets.run_summary import RunSummary
from tests.spk_tui.dashboards import Home, Life, asked, dashboard_of, log_of, notices, seen, until, watch
from tests.spk_tui.run_directories import BEGAN, beginning, finished_run, new_run, training_run, write

LATER = BEGAN + 4000


async def open_run(pilot: Pilot[None], run: RunDirectory) -> TrainingScreen:
    """Opens the run and waits until all of it is read and drawn."""
    dashboard_of(pilot).open_run(run)
    await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
    assert isinstance(pilot.app.screen, TrainingScreen)
    return await watch(pilot, pilot.app.screen)


def keys(screen: TrainingScreen) -> set[str]:
    """What the footer offers of what one can ask of a run."""
    words = {key.description for key in screen.query_one(Footer).query(FooterKey)}
    return words & {"Stop", "End now", "Pause", "Continue", "Save best", "Resume"}


def progress(step: int, time: float, loss: float = 1.5) -> e.Progress:
    return e.Progress(step=step, time=time, steps=10, steps_per_second=12.3, loss=loss, accuracy=0.5,
                      learning_rate=1e-3, gradient_norm=1.0)  # fmt: skip


# ------------------------------------------------------------------------------------------------ what is shown


async def test_a_live_run_shows_state_step_time_left_best_and_meter(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    async with home.open() as pilot:
        await open_run(pilot, run)
        screen = seen(pilot)
        assert "● training   step 42,000 of 70,000" in screen
        assert "60 %" in screen
        assert "37 min left" in screen or "38 min left" in screen  # 28,000 steps at 12.3 a second
        assert "best 0.6393 at step 42,000" in screen
        assert "segments 0.6393  utterances 0.7093" in screen
        assert "encoder 154,880 of 300,000" in screen
        assert "CPU 96 %" in screen
        assert "1.2 GB" in screen
        assert "transformer-154k  ›  speechocean762" in screen


async def test_the_log_says_what_happened_as_it_happens(home: Home, life: Life) -> None:
    run = life.give(new_run(home.runs))
    write(run, *beginning(steps=1000))
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        assert log_of(screen)[:2] == ["worker started (process 4242)", "packing audio (2,500 utterances)"]
        before = len(log_of(screen))
        write(
            run,
            progress(500, LATER),
            e.Validated(step=500, time=LATER, loss=1.6, segment_accuracy=0.6299, utterance_accuracy=0.7,
                        utterances_per_second=346.0, utterances=250),
            e.Checkpoint(step=500, time=LATER, kind="last", path="checkpoints/last.pt", accuracy=0.6299),
            e.Checkpoint(step=500, time=LATER, kind="best", path="checkpoints/best.safetensors", accuracy=0.6299),
        )  # fmt: skip
        await until(pilot, "step 500: best model saved (accuracy 0.6299)")
        assert log_of(screen)[before:] == [
            "step 500: validation loss 1.600, accuracy 0.6299 by segment, 0.7000 by utterance",
            "step 500: best model saved (accuracy 0.6299)",
        ]
        assert "best 0.6299 at step 500" in seen(pilot)


async def test_before_the_first_step_it_shows_what_is_prepared(home: Home, life: Life) -> None:
    run = life.give(new_run(home.runs))
    write(run, e.Queued(process=1, time=BEGAN),
          e.Preparing(stage="packing audio", done=1250, total=2500, unit="utterances", time=BEGAN + 5))  # fmt: skip
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        assert "packing audio" in seen(pilot)
        assert "1,250 of 2,500 utterances" in seen(pilot)
        assert "◔ preparing" in seen(pilot)
        assert "no points yet" in seen(pilot)
        await until(pilot, lambda: keys(screen) == {"Stop"})


async def test_a_diagnosis_stands_out_with_its_advice(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=2000))
    write(run, e.Diagnosis(step=2000, time=LATER, severity="warning", finding="the gradients are often cut",
                           advice="try a smaller learning rate"))  # fmt: skip
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        assert "▲ step 2000: the gradients are often cut" in seen(pilot)
        assert "→ try a smaller learning rate" in seen(pilot)
        text = screen.query_one(EventLog).query_one("Static").content  # type: ignore[attr-defined]
        loud = [span.style for span in text.spans if "warning" in str(span.style)]
        assert loud == ["$warning bold"]


# ------------------------------------------------------------------------------------------------ asking


async def test_stop_is_asked_for_only_when_it_is_confirmed(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        for answer in (["escape"], ["right", "enter"]):
            await pilot.press("x")
            await until(pilot, "Stop this run?")
            assert "now 42,000 of 70,000" in seen(pilot)
            assert "no further validation" in seen(pilot)
            assert "0.6393" in seen(pilot)
            await pilot.press(*answer)
            await until(pilot, lambda: pilot.app.screen is screen)
        assert asked(run) == []
        await pilot.press("x")
        await until(pilot, "Stop this run?")
        await pilot.press("enter")
        await until(pilot, lambda: asked(run) == ["stop"])
        assert "Asked to stop" in notices(pilot)
        write(run, e.Stopping(step=42_000, time=LATER))
        await until(pilot, "◍ stopping")
        await until(pilot, lambda: "Stop" not in keys(screen))


async def test_pause_and_continue_take_turns_on_one_key(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        await until(pilot, lambda: keys(screen) == {"Stop", "Pause", "Save best"})
        await pilot.press("space")
        await until(pilot, lambda: asked(run) == ["pause"])
        write(run, e.Paused(step=42_000, time=LATER))
        await until(pilot, "Ⅱ paused")
        await until(pilot, lambda: keys(screen) == {"Stop", "Continue", "Save best"})
        await pilot.press("space")
        await until(pilot, lambda: asked(run) == ["pause", "continue"])
        write(run, e.Continued(step=42_000, time=LATER + 5))
        await until(pilot, "● training")
        assert log_of(screen)[-2:] == ["step 42000: paused", "step 42000: training goes on"]


async def test_the_footer_of_a_live_run_fits_eighty_columns(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=4000))
    async with home.open((80, 24)) as pilot:
        screen = await open_run(pilot, run)
        for key in ("Pause", "Continue"):
            await until(pilot, lambda key=key: {"Save best", key} <= keys(screen))  # type: ignore[misc]
            assert "q Quit" in seen(pilot).splitlines()[-1]
            write(run, e.Paused(step=4000))


async def test_a_run_that_has_just_died_says_that_nobody_can_be_asked(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        life.end(run)
        await pilot.press("enter")
        await until(pilot, lambda: "nobody can stop it" in notices(pilot))
        assert asked(run) == []


async def test_save_copies_the_best_checkpoint(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveDialog))
        assert "accuracy 0.6393 at step 42,000" in seen(pilot)
        field = pilot.app.screen.query_one(PathInput)
        assert field.path == Path.cwd() / "transformer-154k-best.safetensors"
        field.value = str(home.root / "kept" / "mine.safetensors")
        await pilot.press("enter")
        await until(pilot, lambda: "Best checkpoint saved" in notices(pilot))
        assert (home.root / "kept" / "mine.safetensors").read_bytes() == b"best weights"


async def test_the_path_of_a_save_is_completed_and_an_existing_file_is_pointed_out(home: Home) -> None:
    run = finished_run(home.runs, until=2000)
    (home.root / "mine.safetensors").write_bytes(b"older")
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveDialog))
        field = pilot.app.screen.query_one(PathInput)
        field.value = str(home.root / "mi")
        field.cursor_position = len(field.value)
        await until(pilot, lambda: field._suggestion == str(home.root / "mine.safetensors"))
        await pilot.press("right")
        await until(pilot, "it would be replaced")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert (home.root / "mine.safetensors").read_bytes() == b"older"
        assert field.value == str(home.root / "mine.safetensors")


async def test_a_place_where_nothing_can_be_saved_is_named(home: Home) -> None:
    run = finished_run(home.runs, until=2000)
    (home.root / "file").write_text("in the way")
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveDialog))
        pilot.app.screen.query_one(PathInput).value = str(home.root / "file" / "best.safetensors")
        await pilot.press("enter")
        await until(pilot, lambda: "Not saved" in notices(pilot))
        assert "file/best.safetensors: can't save there" in notices(pilot)


# ------------------------------------------------------------------------------------------------ once it is over


async def test_a_finished_run_shows_its_summary_with_what_to_do_next(home: Home) -> None:
    run = finished_run(home.runs)
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        assert "✓ finished" in seen(pilot)
        assert "took 1 h 3" in seen(pilot)
        summary = str(screen.query_one(RunSummary).query_one("Static").content)  # type: ignore[attr-defined]
        assert "best 0.6472 at step 70,000" in summary
        assert "70,000 steps in 1 h 3" in summary
        assert "s save the best" in summary
        assert "F2 train another" in summary
        assert f"runs/{run.id}/checkpoints/best.safetensors" in summary
        assert f"spk-tui evaluate {run.id}" in summary
        assert f"spk-tui identify --model {run.id} FILE" in summary
        assert f"spk-tui export {run.id} --to onnx" in summary
        assert f"spk-tui resume {run.id} --steps 140000" in summary
        await until(pilot, lambda: keys(screen) == {"Save best", "Resume"})


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_interrupted_run_offers_to_go_on(home: Home, size: tuple[int, int]) -> None:
    run = training_run(home.runs)
    async with home.open(size) as pilot:
        screen = await open_run(pilot, run)
        assert "◌ interrupted" in seen(pilot)
        assert "r resume" in seen(pilot)
        await until(pilot, lambda: keys(screen) >= {"Save best", "Resume"})
        assert "q Quit" in seen(pilot).splitlines()[-1]


async def test_a_run_that_was_taken_out_of_the_queue_can_begin_after_all(home: Home) -> None:
    run = new_run(home.runs)
    write(run, e.Queued(process=1, time=BEGAN), e.Waiting(place=1, devices=["cpu"], time=BEGAN))
    write(run, e.Finished(reason="stopped", best_accuracy=None, best_step=None, run=run.id, time=BEGAN + 9))
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        await until(pilot, lambda: keys(screen) == {"Resume"})
        assert "to go on from" not in str(screen.query_one(RunSummary).copyable)
        await pilot.press("r")
        await until(pilot, "Steps in all:")
        assert "which is saved" not in seen(pilot)


async def test_a_diverged_run_is_not_advised_to_go_on_the_same_way(home: Home) -> None:
    run = training_run(home.runs)
    write(run, e.Failed(step=42_000, cause="diverged", message="the loss is not a number"))
    async with home.open((120, 40)) as pilot:
        screen = await open_run(pilot, run)
        summary = str(screen.query_one(RunSummary).query_one("Static").content)  # type: ignore[attr-defined]
        assert "F2 train another, changed as the log advises" in summary
        assert "r resume" not in summary


async def test_what_a_worker_printed_before_it_died_is_said(home: Home) -> None:
    run = training_run(home.runs)
    run.console_path.write_text(
        "Traceback (most recent call last):\n  …\nModuleNotFoundError: No module named 'torch'\n"
    )
    async with home.open() as pilot:
        await open_run(pilot, run)
        assert "ModuleNotFoundError: No module named 'torch'" in seen(pilot)


async def test_a_failed_run_says_why(home: Home) -> None:
    run = training_run(home.runs, until=2000)
    write(run, e.Failed(step=2000, time=LATER, cause="diverged", message="the loss is not a number since step 1990"))
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        assert "✗ failed" in seen(pilot)
        summary = str(screen.query_one(RunSummary).query_one("Static").content)  # type: ignore[attr-defined]
        assert "the loss is not a number since step 1990" in summary
        assert log_of(screen)[-1] == "step 2000: the loss is not a number since step 1990"


async def test_where_only_one_fits_the_log_and_the_summary_take_turns(home: Home) -> None:
    run = finished_run(home.runs, until=4000)
    async with home.open((80, 24)) as pilot:
        screen = await open_run(pilot, run)

        def shown() -> tuple[bool, bool]:
            return screen.query_one(EventLog).display, screen.query_one(RunSummary).display

        await until(pilot, lambda: shown() == (False, True))
        await pilot.press("l")
        await until(pilot, lambda: shown() == (True, False))
        await until(pilot, "all steps are done")
        await pilot.press("l")
        await until(pilot, lambda: shown() == (False, True))


async def test_a_run_that_is_resumed_elsewhere_comes_to_life_again(home: Home, life: Life) -> None:
    run = finished_run(home.runs, "stopped", until=4000)
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        assert "■ stopped" in seen(pilot)
        life.give(run)
        write(run, e.Queued(process=5, time=LATER), *beginning(began=LATER)[1:],
              e.Resumed(step=4000, time=LATER + 1, steps=70_000), progress(4010, LATER + 2))  # fmt: skip
        await until(pilot, "● training   step 4,010")
        assert not screen.query_one(RunSummary).display
        await until(pilot, lambda: keys(screen) == {"Stop", "Pause", "Save best"})


async def test_a_folder_that_is_no_run_says_so_and_goes_back(home: Home) -> None:
    run = finished_run(home.runs, until=2000)
    run.info_path.write_text("{not json")
    async with home.open() as pilot:
        dashboard_of(pilot).open_run(run)
        await until(pilot, lambda: "can't be read" in notices(pilot))
        await until(pilot, lambda: not isinstance(pilot.app.screen, TrainingScreen))


async def test_escape_leaves_and_the_run_is_asked_nothing(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, preset=find_preset("conformer-225k")))
    async with home.open() as pilot:
        await open_run(pilot, run)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, TrainingScreen))
        assert asked(run) == []
        assert run.alive


async def test_the_palette_offers_only_what_can_be_asked_now(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs))
    async with home.open() as pilot:
        screen = await open_run(pilot, run)
        always = ["Log", "Filter", "Configuration", "Console output", "Copy", "Back"]
        always += [name for name, _, _ in screen.query_one(ChartBoard).commands()]
        assert [name for name, _, _ in screen.commands()] == ["Stop", "Pause", "Save best", "Use", "Note", *always]
        life.end(run)
        await until(pilot, "◌ interrupted")
        assert [name for name, _, _ in screen.commands()] == ["Save best", "Resume", "Use", "Note", *always]
