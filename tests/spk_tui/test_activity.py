"""What a run does right now, in words: right at every moment of a run, from its events alone."""

from __future__ import annotations

import pytest
from run_directories import beginning

from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import Condition
from engine.runs.requests import Ask
from engine.runs.state import RunState
from spk_tui.activity import STAGES, activity_of

PRESET = find_preset("transformer-154k")
BEST = e.Checkpoint(step=1000, kind="best", path="best.safetensors", accuracy=0.5)
VALIDATING = e.Validating(step=2000, done=5, total=20, utterances_per_second=1, accuracy=0.1, loss=1)


def progress(step: int) -> e.Progress:
    return e.Progress(step=step, steps=1, steps_per_second=1, loss=1, accuracy=0, learning_rate=1, gradient_norm=1)


def validated(step: int) -> e.Validated:
    return e.Validated(
        step=step, loss=1, segment_accuracy=0.5, utterance_accuracy=0.5, utterances_per_second=1, utterances=20
    )


def checked(*events: e.Event, asked: tuple[Ask, ...] = ()) -> tuple[str | None, str, str, int]:
    """Stage, word, detail and what is done, of a run that has said so much and lives."""
    state = RunState.of([*beginning(), *events])  # type: ignore[list-item]
    now = activity_of(state, PRESET, state.phase, asked)
    assert now.stage in (*STAGES, None)
    return now.stage, now.word, now.detail, now.done


@pytest.mark.parametrize(
    ("events", "asked", "expected"),
    [
        ([progress(10)], (), ("warm-up", "warm-up", "the learning rate rises until step 1,000", 0)),
        ([progress(1000)], (), ("training", "training", "next validation at step 2,000", 0)),
        ([progress(69_000)], (), ("training", "training", "next validation at step 70,000", 0)),
        ([progress(2000), VALIDATING], (), ("validating", "validating", "", 5)),
        ([progress(2000), VALIDATING, validated(2000)], (),
         ("training", "training", "next validation at step 4,000", 0)),
        ([progress(1500)], ("pause",), ("training", "pausing", "asked to pause after the step in hand", 0)),
        ([progress(1500), e.Paused(step=1500)], (), ("training", "paused", "at step 1,500", 0)),
        ([progress(1500), e.Paused(step=1500)], ("continue",), ("training", "going on", "asked to go on", 0)),
        ([progress(1500), e.Paused(step=1500), e.Continued(step=1500)], (),
         ("training", "training", "next validation at step 2,000", 0)),
        ([progress(1500)], ("save",), ("saving", "saving", "the state is being saved", 0)),
        ([progress(1500)], ("stop",), ("training", "stopping", "asked to stop after the step in hand", 0)),
        ([progress(1500), e.Stopping(step=1500)], (),
         ("saving", "stopping at step 1,500", "the state is being saved", 0)),
        ([progress(2000), e.Stopping(step=2000), VALIDATING], (),
         ("validating", "stopping at step 2,000", "one validation, since there is no best yet", 5)),
        ([progress(1000), BEST, progress(2000), VALIDATING, e.Stopping(step=2000)], (),
         ("saving", "stopping at step 2,000", "the state is being saved", 0)),
        ([progress(2000), e.Stopping(step=2000), VALIDATING, validated(2000)], (),
         ("saving", "stopping at step 2,000", "the state is being saved", 0)),
        ([progress(70_000)], (), ("validating", "validating", "the last validation begins", 0)),
        ([progress(70_000), validated(70_000)], (), ("saving", "saving", "the last state is being saved", 0)),
        ([progress(5000), e.RolledBack(step=4000, reason="x")], (),
         ("training", "rolled back", "went back from step 5,000; 1,000 steps until it is there again", 0)),
        ([progress(5000), e.RolledBack(step=4000, reason="x"), progress(5001)], (),
         ("training", "training", "next validation at step 6,000", 0)),
        ([progress(1500), e.Diagnosis(severity="error", finding="the disk is full: a"),
          e.Paused(step=1500, waits_for="room")], (),
         ("training", "waiting for room", "the disk is full; goes on by itself when there is room", 0)),
        ([progress(5), e.Finished(reason="stopped", best_accuracy=None, best_step=None, run="")], (),
         (None, "stopped", "", 0)),
    ],
)  # fmt: skip
def test_what_it_does_now(
    events: list[e.Event], asked: tuple[Ask, ...], expected: tuple[str | None, str, str, int]
) -> None:
    assert checked(*events, asked=asked) == expected


@pytest.mark.parametrize(("condition", "word"), [("starting", "starting"), ("interrupted", "interrupted")])
def test_a_worker_that_has_not_spoken_yet_and_one_that_is_gone(condition: Condition, word: str) -> None:
    assert activity_of(RunState(), PRESET, condition).word == word


def test_what_is_prepared_is_counted() -> None:
    state = RunState.of([e.Queued(), e.Preparing(stage="packing", done=3, total=9, unit="utterances")])
    now = activity_of(state, PRESET, "preparing")
    assert (now.stage, now.detail, now.done, now.total, now.unit) == ("corpus", "packing", 3, 9, "utterances")
