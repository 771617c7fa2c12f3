"""The trainer as an iterator of events: it learns, keeps the best, answers, and can be resumed bit for bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.corpus.copies import Copy
from engine.corpus.normalising import normalised
from engine.corpus.packed import PackedCorpus
from engine.preset import Preset
from engine.preset_file import kinds_of, with_overrides
from engine.runs import events as e
from engine.runs.requests import Request
from engine.training.checkpoint import load_last, write_last
from engine.training.trainer import Trainer
from engine.use.loading import load_best
from tests.engine.training.trainers import of_kind, same, small, weights


def test_it_learns_and_says_what_happens(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(small("quick-tour", "run.steps=120", "validation.every=40"))
    events = list(trainer)
    assert isinstance(events[0], e.Started)
    assert sum(event.steps for event in of_kind(events, e.Progress)) == 120
    assert [event.step for event in of_kind(events, e.Validated)] == [40, 80, 120]
    accuracies = [event.segment_accuracy for event in of_kind(events, e.Validated)]
    assert accuracies[-1] > 0.9
    assert of_kind(events, e.Progress)[0].loss > of_kind(events, e.Progress)[-1].loss
    assert isinstance(events[-1], e.Finished)
    assert events[-1].reason == "completed"
    assert events[-1].best_accuracy == max(accuracies)
    lasts = [event.step for event in of_kind(events, e.Checkpoint) if event.kind == "last"]
    assert lasts == sorted(set(lasts) & {40, 80, 120})  # a newer one may take the place of one that waits
    assert lasts[-1] == 120


def test_the_best_checkpoint_holds_the_weights_of_the_best_step_and_not_the_last(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(small("quick-tour", "run.steps=80", "validation.every=20", "schedule.kind=constant"))
    at_best: dict[str, torch.Tensor] = {}
    ruined = False
    for event in trainer:
        if isinstance(event, e.Checkpoint) and event.kind == "best":
            at_best, best_step = weights(trainer), event.step
        if isinstance(event, e.Progress) and event.step > 40 and not ruined:
            ruined = True
            # from here on training ruins the model, so that later validations are worse
            for parameter in trainer.model.parameters():
                torch.nn.init.normal_(parameter, std=3.0)
    model, saved = load_best(trainer.run.best_path)
    assert saved.step == best_step <= 40
    assert same(dict(model.state_dict()), at_best)
    assert not same(dict(model.state_dict()), weights(trainer))


def test_the_best_checkpoint_alone_gives_the_validated_accuracy_again(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(small("quick-tour", "run.steps=60", "validation.every=60"))
    validated = of_kind(list(trainer), e.Validated)[-1]
    model, saved = load_best(trainer.run.best_path)
    assert saved.preset == trainer.preset
    assert saved.speakers == trainer.packed.speakers
    right = 0
    for index in trainer.split.validation:
        begin = trainer.packed.offsets[index]
        frames = np.array(trainer.packed.frames[begin : begin + trainer.packed.lengths[index]], np.float32)
        with torch.inference_mode():
            right += int(model(torch.from_numpy(frames)[None]).argmax() == trainer.packed.speakers_of[index])
    assert right / len(trainer.split.validation) == pytest.approx(validated.utterance_accuracy)
    assert saved.scores["utterance_accuracy"] == pytest.approx(validated.utterance_accuracy)


@pytest.mark.parametrize("name", ["transformer-154k", "conformer-225k"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("stop_at", [1, 6, 11])
def test_a_resumed_run_ends_with_the_same_weights(
    make_trainer: Callable, name: str, precision: str, stop_at: int
) -> None:
    preset = small(name, "run.steps=14", f"run.precision={precision}")
    assert_resumed_is_whole(make_trainer, preset, stop_at)


EVERY_AUGMENTATION = [
    "segments.shortest=20", "segments.normalise=running", "segments.normalise_frames=25",
    "augment.time_masks=2", "augment.time_mask_frames=5", "augment.frequency_masks=2",
]  # fmt: skip


@pytest.mark.parametrize("short", ["repeat", "pad"])
@pytest.mark.parametrize("with_copies", [False, True])
def test_a_resumed_run_with_every_augmentation_ends_with_the_same_weights(
    make_trainer: Callable, packed: PackedCorpus, short: str, with_copies: bool
) -> None:
    preset = small("conformer-225k", "run.steps=14", f"segments.short={short}", *EVERY_AUGMENTATION)
    copies = [Copy(faster(packed), "speed 1.1", speakers_as=1), Copy(packed, "noise")] if with_copies else []
    assert_resumed_is_whole(make_trainer, preset, 11, copies)


def faster(packed: PackedCorpus) -> PackedCorpus:
    """Half of the utterances, with every second frame."""
    kept = np.arange(0, len(packed.ids), 2)
    frames = [packed.frames[packed.offsets[i] : packed.offsets[i] + packed.lengths[i] : 2] for i in kept]
    lengths = np.array([len(one) for one in frames])
    return dataclasses.replace(
        packed,
        frames=np.concatenate(frames),
        lengths=lengths,
        offsets=np.cumsum(lengths) - lengths,
        ids=[packed.ids[i] for i in kept],
        speakers_of=packed.speakers_of[kept],
    )


def assert_resumed_is_whole(make_trainer: Callable, preset: Preset, stop_at: int, copies: Sequence[Copy] = ()) -> None:
    """Trains a run in one go, and another that is stopped and resumed, and compares all that can be compared."""
    whole, _ = make_trainer(preset, "whole", copies=copies)
    validations = {event.step: event for event in whole if isinstance(event, e.Validated)}

    stopped, inbox = make_trainer(preset, "stopped", copies=copies)
    stopped_events = []
    for event in at_every_step(stopped):
        stopped_events.append(event)
        if stopped.step == stop_at:
            inbox.ask("stop")
            stopped.requests._next_look = 0.0
    assert isinstance(stopped_events[-1], e.Finished)
    assert stopped_events[-1].reason == "stopped"
    assert stopped.step == stop_at

    torch.manual_seed(12345)  # whatever random numbers another process has drawn
    resumed, _ = make_trainer(preset, "stopped", copies=copies)
    resumed.resume()
    events = list(resumed)
    assert isinstance(events[1], e.Resumed)
    assert events[1].step == stop_at
    assert same(weights(whole), weights(resumed))
    for event in of_kind(events, e.Validated):
        assert event.loss == validations[event.step].loss
        assert event.utterance_accuracy == validations[event.step].utterance_accuracy


@pytest.mark.parametrize("head", kinds_of("head"))
def test_speakers_at_another_speed_are_classes_while_training_and_not_in_the_best_checkpoint(
    make_trainer: Callable, packed: PackedCorpus, head: str
) -> None:
    speakers = len(packed.speakers)
    copies = [Copy(faster(packed), "speed 1.1", 1), Copy(faster(packed), "speed 0.9", 2)]
    preset = small("quick-tour", "run.steps=30", "validation.every=30", f"head.kind={head}")
    trainer, _ = make_trainer(preset, copies=copies)
    seen = torch.cat([trainer.batches.at(step).speakers for step in range(60)])
    assert set(seen.tolist()) == set(range(3 * speakers))
    validated = of_kind(list(trainer), e.Validated)[-1]
    model, saved = load_best(trainer.run.best_path)
    assert saved.speakers == packed.speakers
    frames = torch.randn(5, 40, packed.features.mel_bands)
    with torch.inference_mode():
        expected = trainer.model.eval()(frames)
        assert expected.shape == (5, 3 * speakers)
        torch.testing.assert_close(model(frames), expected[:, :speakers])
    state = load_last(
        trainer.run.last_path, trainer.model, trainer.optimizer, torch.device("cpu"), trainer.packed.speakers
    )
    assert state.speakers == packed.speakers
    right = sum(tells_right(model, saved.preset, packed, int(index)) for index in trainer.split.validation)
    assert right / len(trainer.split.validation) == pytest.approx(validated.utterance_accuracy)


def tells_right(model: torch.nn.Module, preset: Preset, packed: PackedCorpus, utterance: int) -> bool:
    """Whether the model knows who speaks in an utterance, by nothing but what a checkpoint holds."""
    begin = packed.offsets[utterance]
    frames = torch.from_numpy(np.array(packed.frames[begin : begin + packed.lengths[utterance]]))
    with torch.inference_mode():
        logits = model(normalised(frames, preset.segments)[None])
    return bool(logits.argmax() == packed.speakers_of[utterance])


@pytest.mark.parametrize("normalise", ["utterance", "running"])
def test_normalisation_takes_means_away_and_the_best_checkpoint_says_so(make_trainer: Callable, normalise: str) -> None:
    changes = ["run.steps=120", "validation.every=120", "head.kind=linear"]
    trainer, _ = make_trainer(small("quick-tour", f"segments.normalise={normalise}", *changes))
    validated = of_kind(list(trainer), e.Validated)[-1]
    assert validated.utterance_accuracy < 0.6  # these speakers differ in nothing but their means
    model, saved = load_best(trainer.run.best_path)
    assert saved.preset.segments.normalise == normalise
    right = sum(tells_right(model, saved.preset, trainer.packed, int(i)) for i in trainer.split.validation)
    assert right / len(trainer.split.validation) == pytest.approx(validated.utterance_accuracy)


def at_every_step(trainer: Trainer) -> Iterator[e.AnyEvent]:
    """The trainer's events, with one progress event a step instead of ten a second."""
    from engine.training.tally import Tally

    original = Tally.due
    Tally.due = lambda self: True  # type: ignore[method-assign]
    try:
        yield from trainer
    finally:
        Tally.due = original  # type: ignore[method-assign]


def test_the_same_seed_gives_the_same_curve_and_another_seed_another(make_trainer: Callable) -> None:
    def losses(name: str, seed: int) -> list[float]:
        trainer, _ = make_trainer(small("conformer-225k", f"run.seed={seed}", "run.steps=8"), name)
        return [event.loss for event in at_every_step(trainer) if isinstance(event, e.Progress)]

    assert losses("a", 1) == losses("b", 1)
    assert losses("c", 2) != losses("d", 1)


def test_requests_are_done_and_answered(make_trainer: Callable) -> None:
    trainer, inbox = make_trainer(small("quick-tour", "run.steps=1000", "validation.every=500"))
    asked: dict[str, Request] = {}
    events: list[e.AnyEvent] = []
    for event in at_every_step(trainer):
        events.append(event)
        if isinstance(event, e.Progress) and event.step == 3:
            asked["save"] = inbox.ask("save")
        if isinstance(event, e.Answered) and event.request == asked["save"].id:
            asked["pause"] = inbox.ask("pause")
        if isinstance(event, e.Answered) and "pause" in asked and event.request == asked["pause"].id:
            asked["continue"] = inbox.ask("continue")
        if isinstance(event, e.Continued):
            asked["stop"] = inbox.ask("stop")
        trainer.requests._next_look = 0.0
    answers = {event.request: event for event in of_kind(events, e.Answered)}
    assert set(answers) == {request.id for request in asked.values()}
    assert all(answer.ok for answer in answers.values())
    kinds = [type(event).__name__ for event in events if isinstance(event, e.Paused | e.Continued | e.Stopping)]
    assert kinds == ["Paused", "Continued", "Stopping"]
    paused = next(index for index, event in enumerate(events) if isinstance(event, e.Paused))
    continued = next(index for index, event in enumerate(events) if isinstance(event, e.Continued))
    assert not of_kind(events[paused:continued], e.Progress)
    assert trainer.run.best_path.exists()
    assert events[-1].reason == "stopped"


def test_a_run_stopped_before_its_first_validation_still_has_a_best(make_trainer: Callable) -> None:
    trainer, inbox = make_trainer(small("quick-tour", "run.steps=1000", "validation.every=500"))
    inbox.ask("stop")
    for event in trainer:
        if isinstance(event, e.Stopping):
            assert trainer.step == 0
    inbox.ask("stop")
    assert not trainer.run.best_path.exists()  # no step was done, so there is nothing to be best
    trainer, inbox = make_trainer(small("quick-tour", "run.steps=1000", "validation.every=500"), "second")
    for event in at_every_step(trainer):
        if isinstance(event, e.Progress) and event.step == 2:
            inbox.ask("stop")
            trainer.requests._next_look = 0.0
    assert load_best(trainer.run.best_path)[1].step == trainer.step


def test_a_stop_during_a_validation_abandons_it_and_the_resumed_run_makes_up_for_it(make_trainer: Callable) -> None:
    preset = small("quick-tour", "run.steps=12", "validation.every=6", "segments.batch_size=4")
    whole, _ = make_trainer(preset, "whole")
    expected = [event.loss for event in whole if isinstance(event, e.Validated)]
    trainer, inbox = make_trainer(preset, "stopped")
    events = []
    for event in at_every_step(trainer):
        events.append(event)
        if isinstance(event, e.Progress) and event.step == 12:
            inbox.ask("stop")
            trainer.requests._next_look = 0.0
    assert [event.step for event in of_kind(events, e.Validated)] == [6]
    assert events[-1].reason == "stopped"
    resumed, _ = make_trainer(preset, "stopped")
    resumed.resume()
    again = list(resumed)
    assert [event.loss for event in of_kind(again, e.Validated)] == expected[1:]
    assert again[-1].reason == "completed"
    assert same(weights(whole), weights(resumed))


def test_divergence_ends_the_run_with_advice_and_keeps_what_was_saved(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(small("quick-tour", "run.steps=1000", "validation.every=4"))
    events = []
    for event in at_every_step(trainer):
        events.append(event)
        if isinstance(event, e.Progress) and event.step == 5:
            with torch.no_grad():
                trainer.model.front_end.project.weight.fill_(float("nan"))
    assert isinstance(events[-1], e.Failed)
    assert events[-1].cause == "diverged"
    diagnosis = of_kind(events, e.Diagnosis)[0]
    assert "batchnorm_linear" in diagnosis.advice
    resumed, _ = make_trainer(trainer.preset)
    resumed.resume()
    assert resumed.step == 4
    assert all(torch.isfinite(parameter).all() for parameter in resumed.model.parameters())


def test_more_steps_go_on_with_a_new_cosine_and_say_so(make_trainer: Callable) -> None:
    preset = small("quick-tour", "run.steps=10", "validation.every=10")
    trainer, _ = make_trainer(preset)
    assert list(trainer)[-1].reason == "completed"
    longer, _ = make_trainer(with_overrides(preset, ["run.steps=20"]))
    longer.resume()
    events = list(at_every_step(longer))
    assert "new cosine" in of_kind(events, e.Resumed)[0].note
    rates = [event.learning_rate for event in of_kind(events, e.Progress)]
    assert rates[0] == pytest.approx(0.1 * preset.optimizer.learning_rate)
    assert rates == sorted(rates, reverse=True)
    assert events[-1].step == 20


def test_a_checkpoint_of_other_sizes_or_no_checkpoint_is_one_clear_line(make_trainer: Callable) -> None:
    from engine.errors import InputError

    trainer, _ = make_trainer(small())
    list(trainer)
    other, _ = make_trainer(small("quick-tour", "encoder.ffn=30"))
    with pytest.raises(InputError, match="doesn't fit this run's preset"):
        other.resume()
    trainer.run.last_path.write_bytes(b"PK nonsense")
    with pytest.raises(InputError, match="can't be read as a checkpoint") as caught:
        trainer.resume()
    assert "weights_only" not in str(caught.value)
    trainer.run.best_path.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="can't be read as a checkpoint"):
        load_best(trainer.run.best_path)


def test_a_corpus_with_other_speakers_is_named_when_a_run_is_resumed(make_trainer: Callable) -> None:
    from engine.errors import InputError

    trainer, _ = make_trainer(small("quick-tour", "run.steps=2"))
    list(trainer)
    now = [*trainer.packed.speakers[1:], "stranger"]
    with pytest.raises(InputError, match=r"\('speaker0' is gone, 'stranger' is new\); restore it and resume"):
        load_last(trainer.run.last_path, trainer.model, trainer.optimizer, torch.device("cpu"), now)


class Bomb:
    """What a hostile checkpoint would hold: unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_that_would_run_code_does_not(make_trainer: Callable, tmp_path: Path) -> None:
    from engine.errors import InputError

    trainer, _ = make_trainer(small())
    torch.save({"format": "spk-tui-1", "model": Bomb(tmp_path / "exploded")}, trainer.run.last_path)
    with pytest.raises(InputError, match="can't be read"):
        load_last(trainer.run.last_path, trainer.model, trainer.optimizer, torch.device("cpu"), trainer.packed.speakers)
    assert not (tmp_path / "exploded").exists()


def test_a_failed_save_leaves_the_checkpoint_before_it(make_trainer: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, _ = make_trainer(small())
    list(trainer)
    before = trainer.run.last_path.read_bytes()

    def full(path: Path, content: object) -> None:
        with path.open("wb") as file:
            file.write(b"half a checkpoint")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_last(trainer.run.last_path, {})
    assert trainer.run.last_path.read_bytes() == before
    assert sorted(path.name for path in trainer.run.last_path.parent.iterdir()) == ["best.safetensors", "last.pt"]
