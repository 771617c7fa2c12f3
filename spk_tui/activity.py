"""What a run does right now, in words: the phase in hand, what comes next, and how far it is where that is known.

Told from the fold, the preset and what was asked and not answered yet, for the screen and for plain lines alike. Where
it is shown, and what keys or commands go with it, is left to those.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.preset import Preset
from engine.runs.directory import Condition
from engine.runs.requests import Ask
from engine.runs.state import RunState
from spk_tui.queue_words import waiting_words
from spk_tui.wording import count

Stage: TypeAlias = Literal["corpus", "warm-up", "training", "validating", "saving"]
STAGES: tuple[Stage, ...] = ("corpus", "warm-up", "training", "validating", "saving")


@dataclass(frozen=True)
class Activity:
    """The stage in hand (None once all is over), the word for what happens, and `detail`, a sentence more.

    `done` of `total` units where the stage can be counted; total 0: it can't.
    """

    stage: Stage | None
    word: str
    detail: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""


STARTING = Activity("corpus", "starting", "the worker is starting…")


def activity_of(state: RunState, preset: Preset, condition: Condition, asked: Collection[Ask] = ()) -> Activity:
    """What a run in this condition does. asked: the requests that its worker hasn't answered yet."""
    if condition in ("finished", "stopped", "failed", "interrupted"):
        return Activity(None, condition)
    if state.preparing is not None and condition == "preparing":
        stage = state.preparing
        word = "stopping" if "stop" in asked else "preparing"
        return Activity("corpus", word, stage.stage, stage.done, stage.total, stage.unit)
    if condition == "queued" and state.waiting is not None:
        waiting = state.waiting
        return Activity("corpus", "queued", waiting_words(waiting.place, waiting.devices, waiting.after))
    if condition == "starting":
        return STARTING
    if condition == "stopping":
        return _stopping(state)
    if condition == "paused" and "continue" not in asked:
        return _paused(state, preset, asked)
    if condition in ("training", "validating", "paused"):
        return _working(state, preset, asked)
    return Activity("corpus", condition)


def _stopping(state: RunState) -> Activity:
    at = f"stopping at step {count(state.stopping.step if state.stopping is not None else state.step)}"
    if state.validating is not None and state.best_step is None:  # with a best one, what was in hand is given up
        return _validating(state, at, "one validation, since there is no best yet")
    return Activity("saving", at, "the state is being saved")


def _paused(state: RunState, preset: Preset, asked: Collection[Ask]) -> Activity:
    stage = _stage_of_training(state, preset)
    if "stop" in asked:
        return Activity(stage, "stopping", "asked to stop")
    if state.paused is not None and state.paused.waits_for == "room":
        return Activity(stage, "waiting for room", f"{_what_is_full(state)}; goes on by itself when there is room")
    if "save" in asked:
        return Activity("saving", "saving", "asked to save")
    return Activity(stage, "paused", f"at step {count(state.step)}")


def _what_is_full(state: RunState) -> str:
    """Such as "the disk is full"; which file found no room, the log says."""
    return state.diagnoses[-1].finding.partition(":")[0] if state.diagnoses else "no room"


def _working(state: RunState, preset: Preset, asked: Collection[Ask]) -> Activity:
    if "stop" in asked:
        return Activity(_stage_of_training(state, preset), "stopping", "asked to stop after the step in hand")
    if state.validating is not None:
        return _validating(state, "saving" if "save" in asked else "validating", "")
    if "save" in asked:
        return Activity("saving", "saving", "the state is being saved")
    if "pause" in asked:
        return Activity(_stage_of_training(state, preset), "pausing", "asked to pause after the step in hand")
    if "continue" in asked:
        return Activity(_stage_of_training(state, preset), "going on", "asked to go on")
    if state.steps and state.step >= state.steps:
        if state.validated is not None and state.validated.step == state.step:
            return Activity("saving", "saving", "the last state is being saved")
        return Activity("validating", "validating", "the last validation begins")
    if state.rolled_back is not None:
        missing = count(state.rolled_back_from - state.step)
        detail = f"went back from step {count(state.rolled_back_from)}; {missing} steps until it is there again"
        return Activity("training", "rolled back", detail)
    stage = _stage_of_training(state, preset)
    if stage == "warm-up":
        return Activity(stage, "warm-up", f"the learning rate rises until step {count(preset.warmup_steps)}")
    return Activity(stage, "training", f"next validation at step {count(_next_validation(state, preset))}")


def _validating(state: RunState, word: str, detail: str) -> Activity:
    assert state.validating is not None
    return Activity("validating", word, detail, state.validating.done, state.validating.total, "utterances")


def _stage_of_training(state: RunState, preset: Preset) -> Stage:
    return "warm-up" if state.step < preset.warmup_steps else "training"


def _next_validation(state: RunState, preset: Preset) -> int:
    every = preset.validation.every
    steps = state.steps or preset.run.steps
    return min(steps, (state.step // every + 1) * every)
