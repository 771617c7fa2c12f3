"""The running average of the weights: its formula, and that it is what is validated, kept and resumed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel
from engine.runs import events as e
from engine.training.averaging import WeightAverage
from engine.use.loading import load_best
from tests.engine.training.trainers import of_kind, same, small, weights

AVERAGED = ["optimizer.average=0.9", "head.kind=batchnorm_linear", "schedule.kind=constant"]


def test_the_average_is_the_weighted_sum_of_all_weights_that_were() -> None:
    model = SpeakerModel(small("quick-tour", "head.kind=batchnorm_linear"), speakers=3)
    average = WeightAverage(model, decay=0.5)
    expected = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    for update in range(1, 16):
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator))
        average.update()
        decay = min(0.5, (1 + update) / (10 + update))
        for name, tensor in model.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor if tensor.is_floating_point() else tensor
    held = average.model.state_dict()
    for name, tensor in expected.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(held[name], tensor)
    assert all(not parameter.requires_grad for parameter in average.model.parameters())


def test_the_average_changes_nothing_of_the_training_itself(make_trainer: Callable) -> None:
    plain, _ = make_trainer(small("quick-tour", *AVERAGED, "optimizer.average=0"), "plain")
    averaged, _ = make_trainer(small("quick-tour", *AVERAGED), "averaged")
    list(plain), list(averaged)
    assert same(weights(plain), weights(averaged))
    assert not same(weights(averaged), averaged.keeper.judged.state_dict())


def test_the_best_checkpoint_holds_the_average(make_trainer: Callable) -> None:
    trainer, _ = make_trainer(small("quick-tour", *AVERAGED, "run.steps=30", "validation.every=30"))
    list(trainer)
    best, _ = load_best(trainer.run.best_path)
    frames = torch.randn(4, 40, 40)
    with torch.inference_mode():
        torch.testing.assert_close(best(frames), trainer.average.model(frames))
        assert not torch.allclose(best(frames), trainer.model.eval()(frames))


def test_a_resumed_run_goes_on_with_the_same_average(make_trainer: Callable) -> None:
    preset = small("quick-tour", *AVERAGED)
    whole, _ = make_trainer(preset, "whole")
    expected = of_kind(list(whole), e.Validated)
    stopped, inbox = make_trainer(preset, "stopped")
    for event in stopped:
        if isinstance(event, e.Validated) and event.step == 12:
            inbox.ask("stop")
    resumed, _ = make_trainer(preset, "stopped")
    resumed.resume()
    events = of_kind(list(resumed), e.Validated)
    assert resumed.step == 24
    assert same(whole.keeper.judged.state_dict(), resumed.keeper.judged.state_dict())
    assert resumed.average.updates == whole.average.updates == 24
    assert [event.loss for event in events] == [event.loss for event in expected if event.step > 12]


def test_a_state_of_another_model_is_refused() -> None:
    one = WeightAverage(SpeakerModel(small(), speakers=3), 0.9)
    other = WeightAverage(SpeakerModel(small("quick-tour", "encoder.d_model=8"), speakers=3), 0.9)
    with pytest.raises(RuntimeError):
        one.restore(other.state())


def test_weights_that_are_held_twice_are_averaged_once() -> None:
    model = SpeakerModel(small("quick-tour", "head.kind=linear"), speakers=3)
    model.encoder.once_more = next(model.encoder.children())  # as a user's own encoder may hold a layer at two places
    average = WeightAverage(model, decay=0.5)
    before = model.head.classifier.weight.detach().clone()
    inside = next(model.encoder.parameters())
    start = inside.detach().clone()
    with torch.no_grad():
        model.head.classifier.weight.add_(1)
        inside.add_(1)
    average.update()
    step = 1 - min(0.5, 2 / 11)
    torch.testing.assert_close(average.model.head.classifier.weight, before + step)
    torch.testing.assert_close(next(average.model.encoder.parameters()), start + step)


def test_a_buffer_that_is_replaced_at_every_step_is_followed() -> None:
    model = SpeakerModel(small(), speakers=3)
    model.encoder.register_buffer("seen", torch.zeros(2))
    average = WeightAverage(model, decay=0.9)
    for _ in range(40):
        model.encoder.seen = model.encoder.seen * 0 + 1  # another tensor each time, as users' own encoders write it
        average.update()
    assert average.model.encoder.seen.min() > 0.9


def test_an_encoder_that_cannot_be_copied_is_told_in_words() -> None:
    model = SpeakerModel(small(), speakers=3)
    model.encoder.lock = threading.Lock()
    with pytest.raises(InputError, match=r"optimizer\.average"):
        WeightAverage(model, decay=0.9)
