"""Following a run: bursts become one snapshot, torn lines wait, a resumed run reads as one, all readers agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.events import encode_event
from spk_tui.follower import CURVES, NEWEST_LINES, Follower
from spk_tui.log_lines import LogLine
from tests.spk_tui.dashboards import Life
from tests.spk_tui.run_directories import (
    BEGAN,
    beginning,
    finished_run,
    new_run,
    training,
    training_run,
    write,
    write_checkpoints,
)  # fmt: skip


def progress(step: int, loss: float = 1.0) -> e.Progress:
    return e.Progress(step=step, time=BEGAN + step, steps=10, steps_per_second=12.0, loss=loss, accuracy=0.5,
                      learning_rate=1e-3, gradient_norm=1.0)  # fmt: skip


def test_a_burst_is_one_snapshot_and_each_line_is_told_once(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, until=10_000))
    follower = Follower(run)
    first = follower.read()
    assert first.step == 10_000
    assert sum("best model saved" in line.text for line in first.lines) == 5
    assert follower.read().lines == ()
    write(run, *training(12_000, start=10_000))
    second = follower.read()
    assert second.step == 12_000
    assert [line.text.split(":")[0] for line in second.lines] == ["step 12000", "step 12000"]


def test_a_snapshot_never_changes_afterwards(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, until=4000))
    follower = Follower(run)
    before = follower.read()
    copy = replace(before, series=dict(before.series))
    write(run, *training(8000, start=4000))
    assert follower.read().curve("segment_accuracy") != before.curve("segment_accuracy")
    assert before == copy


def test_a_line_that_is_half_written_waits_for_its_end(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, until=2000))
    follower = Follower(run)
    follower.read()
    line = encode_event(progress(2010, loss=7.0)) + b"\n"
    with run.events_path.open("ab", buffering=0) as file:
        file.write(line[:40])
        assert follower.read().step == 2000
        file.write(line[40:])
    snapshot = follower.read()
    assert snapshot.step == 2010
    assert snapshot.progress is not None
    assert snapshot.progress.loss == 7.0


def test_a_torn_line_of_a_killed_worker_is_skipped(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, until=2000))
    with run.events_path.open("ab", buffering=0) as file:
        file.write(encode_event(progress(2010))[:40])
    write(
        run,
        e.Queued(process=2, time=BEGAN + 3000),
        e.Resumed(step=2000, time=BEGAN + 3001, steps=70_000),
        progress(2020),
    )
    assert Follower(run).read().step == 2020


def test_a_resumed_run_reads_as_one(tmp_path: Path, life: Life) -> None:
    """What a killed worker did after its last checkpoint is done again; the curves show it once."""
    resumed = new_run(tmp_path, "20251009-090000-resumed")
    write(resumed, *beginning(), *training(9000))
    write(resumed, e.Queued(process=2, time=BEGAN + 2000), *beginning(began=BEGAN + 2000)[1:],
          e.Resumed(step=8000, time=BEGAN + 2011, steps=70_000), *training(12_000, start=8000, seed=8))  # fmt: skip
    snapshot = Follower(life.give(resumed)).read()
    for name in ("train_loss", "segment_accuracy"):
        steps = snapshot.curve(name).steps
        assert list(steps) == sorted(set(steps)), name
    assert len(snapshot.curve("train_loss")) == 12_000 // 50
    assert tuple(snapshot.curve("segment_accuracy").steps) == (2000, 4000, 6000, 8000, 10_000, 12_000)
    assert (snapshot.condition, snapshot.step) == ("training", 12_000)


def test_two_followers_agree_however_often_they_read(tmp_path: Path, life: Life) -> None:
    run = life.give(new_run(tmp_path))
    often, once = Follower(run), Follower(run)
    told: list[LogLine] = []
    for events in (
        beginning(),
        list(training(3000)),
        list(training(6000, start=3000)),
        [e.Paused(step=6000, time=BEGAN)],
    ):
        write(run, *events)
        told += often.read().lines
    left, right = often.read(), once.read()
    assert tuple(told) == right.lines
    assert replace(left, lines=()) == replace(right, lines=())


def test_of_a_long_log_the_newest_lines_are_handed_out(tmp_path: Path, life: Life) -> None:
    run = life.give(new_run(tmp_path))
    write(run, *beginning(), *(e.Paused(step=step, time=BEGAN) for step in range(NEWEST_LINES + 100)))
    lines = Follower(run).read().lines
    assert len(lines) == NEWEST_LINES
    assert lines[-1].text == f"step {NEWEST_LINES + 99}: paused"


def test_curves_are_those_of_the_state_whole_and_as_measured(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path))
    snapshot, state = Follower(run).read(), run.state()
    for name in CURVES:
        assert list(snapshot.curve(name).values) == list(getattr(state, name).values), name
    assert len(snapshot.curve("processor_load")) == 21


def test_the_clock_knows_when_a_step_was_trained(tmp_path: Path, life: Life) -> None:
    """The made-up run trains 12.3 steps a second on 2,250 utterances, 32 a step."""
    clock = Follower(life.give(training_run(tmp_path))).read().clock
    assert clock.places([42_000], "time")[0] == pytest.approx(42_000 / 12.3, rel=0.01)
    assert clock.places([42_000], "epoch")[0] == pytest.approx(42_000 * 32 / 2250)


@pytest.mark.parametrize(
    ("made", "over", "resumable"),
    [("training", False, False), ("interrupted", True, True), ("finished", True, False), ("stopped", True, True)],
)
def test_a_snapshot_knows_what_can_be_done(tmp_path: Path, life: Life, made: str, over: bool, resumable: bool) -> None:
    if made == "finished":
        run = finished_run(tmp_path, until=2000)
    elif made == "stopped":
        run = finished_run(tmp_path, "stopped", until=2000)
    else:
        run = training_run(tmp_path, until=2000)
    if made == "training":
        life.give(run)
    snapshot = Follower(run).read()
    assert (snapshot.condition, snapshot.is_over, snapshot.is_resumable) == (made, over, resumable)


def test_the_last_words_of_a_worker_that_died_are_kept(tmp_path: Path, life: Life) -> None:
    run = life.give(training_run(tmp_path, 2000))
    follower = Follower(run)
    run.console_path.write_bytes(b"x" * 10_000 + b"\nMemoryError: \xff no room\n\n")
    assert follower.read().last_words == ""
    life.end(run)
    assert follower.read().last_words == "MemoryError: � no room"
    run.console_path.unlink()
    assert follower.read().last_words == ""


def test_checkpoints_are_seen_when_they_come(tmp_path: Path, life: Life) -> None:
    run = life.give(new_run(tmp_path))
    write(run, *beginning())
    follower = Follower(run)
    assert not follower.read().has_best
    write_checkpoints(run)
    assert follower.read().has_best


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.json"):
        Follower(RunDirectory(tmp_path))
