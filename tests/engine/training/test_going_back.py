"""Runs that are made to go wrong: each is found, named, and survived as its preset's policy says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from msgspec import structs
from torch import nn

from engine.corpus.frame_store import Batch
from engine.corpus.packed import PackedCorpus
from engine.preset import Preset
from engine.preset_file import with_overrides
from engine.runs import events as e
from engine.runs.state import RunState
from engine.training.trainer import Trainer
from engine.use.loading import load_best
from tests.engine.training.trainers import of_kind, same, small, weights

QUICK = ["divergence.look_every=4", "validation.every=10", "run.steps=40"]


def watched(name: str = "quick-tour", *overrides: str) -> Preset:
    return small(name, *QUICK, *overrides)


def errors(events: list[e.AnyEvent]) -> list[e.Diagnosis]:
    return [event for event in of_kind(events, e.Diagnosis) if event.severity == "error"]


def poisoned_at(trainer: Trainer, step: int, what: str, times: int = 1) -> Iterator[e.AnyEvent]:
    """The trainer's events; before the given step, so many times, weights or statistics or frames are spoiled."""
    original, left = trainer.batches.at, [times]

    def at(asked: int) -> Batch:
        batch = original(asked)
        if asked != step or left[0] == 0 or not trainer.model.training:
            return batch
        left[0] -= 1
        with torch.no_grad():
            if what == "weights":
                trainer.model.front_end.project.weight[0, 0] = float("nan")
            elif what == "statistics":
                for layer in trainer.model.modules():
                    if isinstance(layer, nn.BatchNorm1d):
                        layer.running_var.fill_(float("nan"))
        return batch._replace(frames=batch.frames * float("inf")) if what == "frames" else batch

    trainer.batches.at = at  # type: ignore[method-assign]
    yield from trainer


@pytest.mark.parametrize(
    ("what", "average"), [("weights", 0.0), ("frames", 0.9), ("statistics", 0.0), ("statistics", 0.9)]
)
def test_a_poisoned_run_goes_back_and_learns_all_the_same(make_trainer: Callable, what: str, average: float) -> None:
    trainer, _ = make_trainer(watched("quick-tour", f"optimizer.average={average}"))
    events = list(poisoned_at(trainer, 13, what))
    (error,), (back,) = errors(events), of_kind(events, e.RolledBack)
    wanted = "validation loss is nan" if what == "statistics" else "not a finite number in"
    assert wanted in error.finding
    assert "optimizer.clip_norm" in error.advice
    assert (error.step, back.step) == (20 if what == "statistics" else 16, 10)
    assert back.reason.endswith("not finite; on with half the learning rate (1 of at most 3 times)")
    assert isinstance(events[-1], e.Finished)
    assert events[-1].best_accuracy == 1.0
    assert trainer.learning_rate.factor == 0.5
    assert all(torch.isfinite(tensor).all() for tensor in weights(trainer).values())
    state = RunState.of(events)
    assert list(state.segment_accuracy.steps) == [10, 20, 30, 40]
    assert (state.best_step, state.best_accuracy) == (events[-1].best_step, events[-1].best_accuracy)


def test_going_back_is_exactly_a_run_with_half_the_rate_from_there(make_trainer: Callable) -> None:
    preset = watched()
    fell, _ = make_trainer(preset, "fell")
    list(poisoned_at(fell, 13, "weights"))
    never, _ = make_trainer(preset, "never")
    for event in never:
        if isinstance(event, e.Validated) and event.step == 10:
            never.learning_rate = never.learning_rate.halved()
    assert same(weights(fell), weights(never))


def test_a_run_that_never_recovers_goes_back_so_many_times_and_stops(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(watched("quick-tour", "divergence.rollbacks=2"))
    events = list(poisoned_at(trainer, 13, "weights", times=9))
    assert [event.step for event in of_kind(events, e.RolledBack)] == [10, 10]
    assert isinstance(events[-1], e.Failed)
    assert events[-1].cause == "diverged"
    assert events[-1].message.endswith("it went back 2 times before; last saved at step 10")
    resumed, _ = make_trainer(trainer.preset)
    resumed.resume()
    assert (resumed.step, resumed.learning_rate.factor, resumed.watch.doctor.memory.rollbacks) == (10, 0.25, 2)


def test_before_the_first_validation_a_run_goes_back_to_its_beginning(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(watched())
    first = weights(trainer)
    for event in poisoned_at(trainer, 2, "weights"):
        if isinstance(event, e.RolledBack):
            assert event.step == 0
            assert same(weights(trainer), first)
            break
    else:
        raise AssertionError("never went back")


def test_stop_ends_the_run_and_leaves_what_was_saved(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(watched("quick-tour", "divergence.policy=stop"))
    before = b""
    for event in poisoned_at(trainer, 13, "weights"):
        if isinstance(event, e.Checkpoint) and event.kind == "last":
            before = trainer.run.last_path.read_bytes()
        last = event
    assert isinstance(last, e.Failed)
    assert last.cause == "diverged"
    assert last.step == 16
    assert trainer.run.last_path.read_bytes() == before
    assert load_best(trainer.run.best_path)[1].step == 10


@pytest.mark.parametrize("what", ["weights", "statistics"])
def test_warn_says_so_once_and_goes_on_without_replacing_what_is_healthy(make_trainer: Callable, what: str) -> None:
    trainer, inbox = make_trainer(watched("conformer-225k", "divergence.policy=warn"))
    events = []
    for event in poisoned_at(trainer, 13, what):
        events.append(event)
        if isinstance(event, e.Validated) and event.step == 30:
            inbox.ask("save")
    assert len(errors(events)) == 1
    assert isinstance(events[-1], e.Finished)
    assert events[-1].step == 40
    assert max(event.step for event in of_kind(events, e.Checkpoint)) == 10
    (answer,) = of_kind(events, e.Answered)
    assert not answer.ok
    assert "not saved" in answer.message
    assert answer.message.endswith("a resumed run goes on from step 10")
    resumed, _ = make_trainer(trainer.preset)
    resumed.resume()
    assert resumed.step == 10
    assert all(torch.isfinite(tensor).all() for tensor in weights(resumed).values())


def with_bad_frames(corpus: PackedCorpus, utterance: int) -> PackedCorpus:
    """The corpus with a number that is none in every frame of one utterance."""
    frames = np.array(corpus.frames)
    begin = corpus.offsets[utterance]
    frames[begin : begin + corpus.lengths[utterance], 3] = np.nan
    return dataclasses.replace(corpus, frames=frames)


@pytest.mark.parametrize("policy", ["rollback", "stop"])
def test_an_utterance_whose_frames_are_no_numbers_is_named_and_left_out(
    make_trainer: Callable, packed: PackedCorpus, policy: str
) -> None:
    preset = watched("quick-tour", f"divergence.policy={policy}")
    bad = int(make_trainer(preset, "whole")[0].split.train[5])
    trainer, _ = make_trainer(preset, "bad", with_bad_frames(packed, bad))
    events = list(trainer)
    assert f"the frames of '{packed.ids[bad]}' hold values that are no numbers" in errors(events)[0].finding
    if policy == "stop":
        assert isinstance(events[-1], e.Failed)
        return
    (back,) = of_kind(events, e.RolledBack)
    assert "on without these utterances" in back.reason
    assert isinstance(events[-1], e.Finished)
    assert events[-1].best_accuracy == 1.0
    assert trainer.learning_rate.factor == 1.0
    assert trainer.watch.doctor.memory.left_out == [bad]


def test_a_held_out_utterance_whose_frames_are_no_numbers_is_named(
    make_trainer: Callable, packed: PackedCorpus
) -> None:
    preset = watched("quick-tour", "divergence.policy=stop")
    bad = int(make_trainer(preset, "whole")[0].split.validation[2])
    events = list(make_trainer(preset, "bad", with_bad_frames(packed, bad))[0])
    assert f"validation loss is nan, though training's was finite: the frames of '{packed.ids[bad]}'" in (
        events[-1].message
    )


@pytest.mark.parametrize("policy", ["rollback", "stop", "warn"])
def test_thirty_times_the_rate_is_found(make_trainer: Callable, policy: str) -> None:
    preset = watched("quick-tour", f"divergence.policy={policy}", "run.steps=120", "schedule.kind=constant")
    trainer, _ = make_trainer(preset)
    events = []
    for event in trainer:
        events.append(event)
        if isinstance(event, e.Validated) and event.step == 20:
            schedule = trainer.learning_rate
            trainer.learning_rate = structs.replace(schedule, peak=30 * schedule.peak)
    assert errors(events)[0].step > 20
    assert "batchnorm_linear" in errors(events)[0].advice
    backs = of_kind(events, e.RolledBack)
    if policy == "stop":
        assert isinstance(events[-1], e.Failed)
        assert not backs
    elif policy == "warn":
        assert isinstance(events[-1], e.Finished)
        assert not backs
        assert trainer.run.last_path.exists()
    else:
        assert backs
        assert trainer.learning_rate.factor == 0.5 ** len(backs)


def test_a_run_that_went_back_ends_the_same_wherever_it_is_killed_and_resumed(make_trainer: Callable) -> None:
    preset = watched("quick-tour", "optimizer.learning_rate=1.2", "encoder.dropout=0.1")
    whole, _ = make_trainer(preset, "whole")
    expected = list(whole)
    assert of_kind(expected, e.RolledBack)
    for kind in (e.RolledBack, e.Checkpoint, e.Answered):  # unsaved, saved, and saved between two validations
        killed, inbox = make_trainer(preset, kind.__name__)
        went_back = False
        for event in killed:
            if went_back and isinstance(event, e.Progress | e.Validated) and not inbox.requests:
                inbox.ask("save")
                killed.requests._next_look = 0.0
            went_back |= isinstance(event, e.RolledBack)
            if went_back and isinstance(event, kind):
                break
        resumed, _ = make_trainer(preset, kind.__name__)
        resumed.resume()
        events = list(resumed)
        assert type(events[-1]) is type(expected[-1])
        assert same(weights(whole), weights(resumed))
        assert resumed.learning_rate == whole.learning_rate
        assert resumed.watch.memory() == whole.watch.memory()
        assert of_kind(events, e.Validated)[-1].loss == of_kind(expected, e.Validated)[-1].loss


def test_the_best_checkpoint_outlives_a_rollback_and_everybody_agrees_which_it_is(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(watched())
    events = []
    for event in poisoned_at(trainer, 33, "weights"):
        events.append(event)
        if isinstance(event, e.Validated) and event.step == 20:
            trainer.watch.doctor.memory.standing["gradients rising"] = 10_000  # so that later states aren't healthy
        if isinstance(event, e.RolledBack):
            break
    assert (events[-1].step, load_best(trainer.run.best_path)[1].step) == (10, 30)
    state = RunState.of(events)
    assert (state.best_step, state.step) == (30, 10)
    assert list(state.segment_accuracy.steps) == [10]
    trainer._save()
    trainer.keeper._writer.finish()
    resumed, _ = make_trainer(trainer.preset)
    resumed.resume()
    for event in resumed:
        state.apply(event)
        if isinstance(event, e.Resumed):
            assert (state.best_step, resumed.keeper.best.step) == (30, 30)
    assert state.best_step == resumed.keeper.best.step == load_best(trainer.run.best_path)[1].step


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("quick-tour", ["schedule.kind=constant"]),
        ("transformer-154k", []),
        ("conformer-225k", ["optimizer.clip_norm=0"]),
        ("conformer-225k", ["head.kind=cosine", "head.margin_warmup=0.5", "head.margin=0.4"]),
        ("conformer-225k", ["head.kind=cosine", "head.margin_kind=additive", "head.margin_warmup=0"]),
    ],
)
def test_healthy_runs_raise_no_alarm_even_when_they_go_on_with_a_new_cosine(
    make_trainer: Callable, name: str, changes: list[str]
) -> None:
    preset = small(name, "run.steps=40", "validation.every=20", "divergence.look_every=2", *changes)
    events = list(make_trainer(preset)[0])
    longer, _ = make_trainer(with_overrides(preset, ["run.steps=60"]))
    longer.resume()
    events += list(longer)
    assert errors(events) == []
    assert of_kind(events, e.RolledBack) == []
    assert events[-1].step == 60
