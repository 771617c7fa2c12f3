"""How a run reads without the dashboard: the bars' exact form, the plain lines, and the events as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import run_directories as made

from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.runs.lock import Lock
from engine.runs.state import RunState
from spk_tui.display.base import Display
from spk_tui.display.choose import choose

BEGAN = made.BEGAN + 10
"""When the first step of a made run begins."""


def play(
    display: Display, run: RunDirectory, events: Iterable[e.AnyEvent], past: Iterable[e.AnyEvent] = ()
) -> RunState:
    """Shows the events as the commands do, after a past that was there before."""
    history = list(past)
    state = RunState.of(history)
    display.open(run, history, state)
    for event in events:
        state.apply(event)
        display.show(event, state)
        display.idle(state)
    return state


def progress(step: int, **changes: float) -> e.Progress:
    settings = {"loss": 1.504, "accuracy": 0.662, "time": BEGAN + step / 10.0, **changes}
    return e.Progress(
        step=step, steps=10, steps_per_second=10.0, learning_rate=1e-3, gradient_norm=1.0, **settings
    )  # fmt: skip


def validation(step: int, at: float) -> Iterator[e.Event]:
    """4 seconds, 250 utterances a second."""
    for done in (500, 1000):
        yield e.Validating(
            step=step, time=at + done / 250, done=done, total=1000, utterances_per_second=250.0, accuracy=0.6, loss=1.7
        )
    yield e.Validated(
        step=step, time=at + 4, loss=1.62, segment_accuracy=0.64, utterance_accuracy=0.71,
        utterances_per_second=250.0, utterances=1000,
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return made.new_run(tmp_path)


def test_bars_read_like_those_of_the_course(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [progress(step) for step in range(100, 2001, 100)]
    best = e.Checkpoint(step=2000, kind="best", path=str(run.best_path), accuracy=0.64)
    play(choose("bars"), run, [*made.beginning(), *steps, *validation(2000, BEGAN + 200), best])
    captured = capsys.readouterr()
    bars = captured.err.split("\r")
    assert "Train: 100% 2000/2000 [03:20<00:00, 10.00 step/s, accuracy=0.66, loss=1.50, step=2000]" in bars
    assert "Train:  50% 1000/2000 [01:40<01:40, 10.00 step/s, accuracy=0.66, loss=1.50, step=1000]" in bars
    assert "Valid:  50% 500/1000 [00:02<00:02, 250.00 uttr/s, accuracy=0.60, loss=1.70]" in bars
    assert any(
        bar.startswith("Valid: 100% 1000/1000 [00:04<00:00, 250.00 uttr/s, accuracy=0.64, loss=1.62]") for bar in bars
    )
    assert "step 2000: best model saved (accuracy 0.6400)" in captured.out.splitlines()


def test_a_train_bar_counts_the_steps_between_two_validations(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    first = [progress(step) for step in (1000, 2000)]
    second = [progress(step, time=BEGAN + 4 + step / 10.0) for step in (2500, 3000)]
    play(choose("bars"), run, [*made.beginning(steps=3000), *first, *validation(2000, BEGAN + 200), *second])
    bars = capsys.readouterr().err
    assert "Train:  50% 500/1000 [00:50<00:50, 10.00 step/s, accuracy=0.66, loss=1.50, step=2500]" in bars
    assert "Train: 100% 1000/1000 [01:40<00:00, 10.00 step/s, accuracy=0.66, loss=1.50, step=3000]" in bars


def test_bars_of_a_run_attached_midway_have_the_clock_of_the_run(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    past = [*made.beginning(), progress(1000)]
    play(choose("bars"), run, [progress(1500)], past)
    captured = capsys.readouterr()
    assert "Train:  75% 1500/2000 [02:30<00:50, 10.00 step/s, accuracy=0.66, loss=1.50, step=1500]" in captured.err
    assert "so far 1,000 of 70,000 steps" in captured.out


def test_the_rate_of_a_resumed_run_counts_only_its_own_steps(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    resumed = e.Resumed(step=1500, steps=70_000, time=BEGAN + 9000)
    steps = [progress(step, time=BEGAN + 9000 + (step - 1500) / 10.0) for step in (1750, 2000)]
    play(choose("bars"), run, [resumed, *steps], [*made.beginning(), progress(1500)])
    bars = capsys.readouterr().err
    assert "Train: 100% 2000/2000 [00:50<00:00, 10.00 step/s, accuracy=0.66, loss=1.50, step=2000]" in bars


def test_the_bars_are_closed_before_the_last_words(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    display = choose("bars")
    end = e.Finished(step=100, reason="stopped", best_accuracy=None, best_step=None, run=str(run.path))
    state = play(display, run, [*made.beginning(), progress(100), end])
    display.close(run, state)
    captured = capsys.readouterr()
    assert captured.err.endswith("\n")
    assert captured.out.splitlines()[-1] == "no best checkpoint: the run ended before its first validation"


def test_a_run_that_diverged_is_not_advised_to_go_on(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    display = choose("plain")
    run.last_path.touch()
    nothing = e.Validated(
        step=100, loss=math.nan, segment_accuracy=0.0, utterance_accuracy=0.0, utterances_per_second=1.0, utterances=9
    )
    end = e.Failed(step=100, cause="diverged", message="the loss is not a number")
    state = play(display, run, [*made.beginning(), progress(100), nothing, end])
    display.close(run, state)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "no best checkpoint: no validation had a finite loss"
    assert lines[-1] == "a resumed run would meet the same end; start another with what the lines above advise"


def test_plain_lines_tell_progress_every_ten_seconds_and_each_validation(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [progress(step) for step in range(1, 2001)]
    play(choose("plain"), run, [*made.beginning(), *steps, *validation(2000, BEGAN + 200)])
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if re.match(r"step \d+ of 70000: loss 1\.504, accuracy 0\.6620, 10\.0 step/s", line)]
    assert 18 <= len(told) <= 21
    assert "step 2000: validation loss 1.620, accuracy 0.6400 by segment, 0.7100 by utterance" in lines


def test_plain_lines_end_with_both_accuracies_and_the_path_of_the_best_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made.finished_run(tmp_path)
    events = EventReader(run.events_path).read()
    display = choose("plain")
    state = play(display, run, events)
    display.close(run, state)
    end, took, *commands, best, path = capsys.readouterr().out.splitlines()[-8:]
    validated = next(event for event in events if isinstance(event, e.Validated) and event.step == state.best_step)
    assert end.endswith("finished, 70,000 of 70,000 steps")
    assert best == (
        f"best accuracy {validated.segment_accuracy:.4f} by segment, {validated.utterance_accuracy:.4f} on whole "
        f"utterances, at step {validated.step}"
    )
    assert path == f"best checkpoint {run.best_path}"
    assert took.startswith("it took 1 h 3")
    assert [command.split("'")[1] for command in commands] == [
        f"spk-tui evaluate {run.id}", f"spk-tui identify --model {run.id} FILE", f"spk-tui export {run.id} --to onnx",
        f"spk-tui resume {run.id} --steps 140000",
    ]  # fmt: skip


def test_advice_follows_the_finding(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    finding = e.Diagnosis(step=7, severity="warning", finding="the loss stands still", advice="lower the rate")
    for name, before, advice in (("plain", "warning: ", "advice: "), ("bars", "", "")):
        play(choose(name), run, [finding])
        lines = capsys.readouterr().out.splitlines()
        assert lines[-2:] == [f"{before}step 7: the loss stands still", f"  {advice}lower the rate"]


def test_json_is_the_event_log_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made.training_run(tmp_path, until=4000)
    made.write(run, progress(4100, loss=float("nan")))
    events = EventReader(run.events_path).read()
    display = choose("json")
    state = play(display, run, events[10:], events[:10])
    display.say("a word for people")
    display.close(run, state)
    captured = capsys.readouterr()
    assert captured.out == run.events_path.read_text()
    assert json.loads(captured.out.splitlines()[-1])["loss"] == "NaN"
    assert captured.err == "a word for people\n"


@pytest.mark.parametrize("phase", ["failed", "interrupted"])
def test_a_run_that_ended_badly_says_how_to_go_on(
    tmp_path: Path, phase: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made.training_run(tmp_path)
    failed = [e.Failed(step=42_000, cause="error", message="the memory is full")] if phase == "failed" else []
    display = choose("plain")
    state = play(display, run, failed, EventReader(run.events_path).read())
    display.close(run, state)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"{run.id}: {phase}") for line in lines)
    assert lines[-1] == f"'spk-tui resume {run.id}' goes on from its last checkpoint"


def test_plain_lines_tell_each_phase_once(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [progress(step) for step in range(100, 2001, 100)]
    events = [*made.beginning(), *steps, *validation(2000, BEGAN + 200), progress(2100), e.Paused(step=2100)]
    play(choose("plain"), run, events)
    lines = capsys.readouterr().out.splitlines()
    for told in (
        "warm-up: the learning rate rises until step 1,000", "step 1000: the warm-up of 1,000 steps is over",
        "step 2000: validating, 1,000 utterances",
        "step 2000: validation loss 1.620, accuracy 0.6400 by segment, 0.7100 by utterance",
        f"step 2100: paused; 'spk-tui continue {run.id}' lets it go on",
    ):  # fmt: skip
        assert lines.count(told) == 1, lines
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ([e.Paused(step=100)], "now paused: at step 100; 'spk-tui continue"),
        ([e.Diagnosis(step=100, severity="error", finding="the disk is full: last.pt", advice="free some space"),
          e.Paused(step=100, waits_for="room")], "now waiting for room: the disk is full; goes on by itself"),
        ([e.Stopping(step=100)], "now stopping at step 100: the state is being saved"),
        ([next(validation(100, BEGAN))], "now validating, 50 % (500 of 1,000 utterances)"),
        ([], "now warm-up: the learning rate rises until step 1,000"),
    ],
)  # fmt: skip
def test_whoever_attaches_is_told_what_the_run_does_now(
    run: RunDirectory, capsys: pytest.CaptureFixture[str], last: list[e.AnyEvent], told: str
) -> None:
    held = Lock(run.lock_path)
    play(choose("plain"), run, [], [*made.beginning(), progress(100), *last])
    held.release()
    assert told in capsys.readouterr().out


def test_plain_lines_hold_no_control_characters(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    nasty = "1 unreadable (the first: a\x1b[2Jb\rc\nd)"
    finding = e.Diagnosis(severity="warning", finding=nasty, advice="\x07rename it")
    play(choose("plain"), run, [finding])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in lines)
    assert lines[-2:] == ["warning: step 0: 1 unreadable (the first: a·[2Jb·c·d)", "  advice: ·rename it"]
