"""What every encoder, pooling and head must keep; a newly registered one is picked up by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.budget import count
from engine.model_settings import width_after
from engine.models.layers import length_mask
from engine.models.registry import ENCODERS, FRONT_ENDS, HEADS, POOLINGS
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import allowed, keys_of, kinds_of, with_overrides
from engine.preset_library import find_preset


def choices_of(part: str, kind: str) -> list[tuple[str, str]]:
    """The kind with one key changed from its default, for each of its switches and named choices."""
    found = []
    for key, item in keys_of(part, kind).items():
        words = allowed(item.type)
        if words == "true or false" and key != "share_layers":
            found.append((kind, f"{part}.{key}={str(not item.default).lower()}"))
        elif words.startswith("one of "):
            options = words.removeprefix("one of ").replace("'", "").split(", ")
            found += [(kind, f"{part}.{key}={option}") for option in options if option != item.default]
    return found


CHOICES = [
    (part, *choice)
    for part in ("front_end", "encoder", "pooling", "head")
    for k in kinds_of(part)
    for choice in choices_of(part, k)
]
PARTS = [
    *[("front_end", kind) for kind in kinds_of("front_end")],
    *[("encoder", kind) for kind in kinds_of("encoder")],
    *[("pooling", kind) for kind in kinds_of("pooling")],
    *[("head", kind) for kind in kinds_of("head")],
]
SPEAKERS = 7


def small_preset(part: str, kind: str) -> Preset:
    """A preset small enough for exact tests, with one part of the given kind."""
    bare = ["encoder.kind=x_vector_tdnn"] if kind == "none" else []  # an encoder that takes mel bands as they are
    preset = with_overrides(find_preset("quick-tour"), [f"{part}.kind={kind}", *bare])
    sizes = {
        "d_model": 12,
        "layers": 2,
        "heads": 2,
        "ffn": 16,
        "cgmlp": 16,
        "kernel": 3,
        "dropout": 0.0,
        "channels": 16,
        "output_channels": 16,
        "scale": 4,
    }
    known = keys_of("encoder", str(preset.encoder.__struct_config__.tag))
    fitting = [f"encoder.{key}={size}" for key, size in sizes.items() if key in known]
    return with_overrides(preset, ["features.mel_bands=5", *fitting])


def model_of(preset: Preset) -> SpeakerModel:
    torch.manual_seed(0)
    return SpeakerModel(preset, SPEAKERS).eval()


def test_every_kind_that_a_preset_can_name_has_its_class() -> None:
    for section, registry in (("front_end", FRONT_ENDS), ("encoder", ENCODERS), ("pooling", POOLINGS), ("head", HEADS)):
        registered = {structure.__struct_config__.tag for structure in registry}
        assert registered == set(kinds_of(section))


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_the_other_members_of_a_batch_do_not_matter(part: str, kind: str) -> None:
    model = model_of(small_preset(part, kind))
    frames = torch.randn(6, 20, 5)
    together = model(frames)
    alone = torch.cat([model(one[None]) for one in frames])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    frames[1:] = 100 * torch.randn(5, 20, 5)
    torch.testing.assert_close(model(frames)[0], together[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_padding_never_changes_a_result(part: str, kind: str) -> None:
    model = model_of(small_preset(part, kind))
    lengths = torch.tensor([1, 2, 9, 20])
    frames = torch.randn(4, 20, 5)
    mask = length_mask(lengths, 20)
    noisy = torch.where(mask[:, :, None], frames, 1e4 * torch.randn(4, 20, 5))
    padded = model(noisy, mask)
    for index, length in enumerate(lengths):
        alone = model(frames[index : index + 1, :length])
        torch.testing.assert_close(padded[index], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("part", "kind", "choice"), CHOICES)
def test_neither_batch_mates_nor_padding_matter_whatever_is_chosen(part: str, kind: str, choice: str) -> None:
    model = model_of(with_overrides(small_preset(part, kind), [choice]))
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm1d)):
        nn.init.normal_(norm.running_mean)  # type: ignore[arg-type]
    lengths = torch.tensor([1, 9, 20])
    frames = torch.randn(3, 20, 5)
    together = model(frames, length_mask(lengths, 20))
    for index, length in enumerate(lengths):
        torch.testing.assert_close(together[index], model(frames[index : index + 1, :length])[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_gradients_are_those_of_finite_differences(part: str, kind: str) -> None:
    model = model_of(small_preset(part, kind)).double()
    mask, speakers = length_mask(torch.tensor([4, 3]), 4), torch.tensor([5, 0])
    inputs, call = {
        "front_end": ((2, 4, 5), lambda frames: model.front_end(frames, mask)[0]),
        "encoder": ((2, 4, model.front_end.output_width), lambda frames: model.encoder(frames, mask)),
        "pooling": ((2, 4, model.encoder.output_width), lambda frames: model.pooling(frames, mask)),
        "head": (
            (2, model.pooling.output_width),
            lambda pooled: model.head.with_margin(model.head(pooled), speakers, 1.0),
        ),
    }[part]
    assert torch.autograd.gradcheck(call, torch.randn(inputs, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_bfloat16_comes_near(part: str, kind: str) -> None:
    model = model_of(small_preset(part, kind))
    frames = torch.randn(4, 20, 5)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(frames).float()
    exact = model(frames)
    assert (rough - exact).abs().max() < 0.05 * exact.abs().max() + 0.05


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_gradients_reach_every_parameter_that_is_counted_as_used(part: str, kind: str) -> None:
    preset = small_preset(part, kind)
    model, speakers = model_of(preset).train(), torch.arange(8) % SPEAKERS
    logits = model.head.with_margin(model(torch.randn(8, 16, 5)), speakers, 1.0)
    nn.functional.cross_entropy(logits, speakers).backward()
    cost = count(preset, SPEAKERS)
    for name, counted in cost.parts.items():
        reached = sum(
            parameter.numel()
            for parameter in getattr(model, name).parameters()
            if parameter.grad is not None and parameter.grad.abs().sum() > 0
        )
        assert reached == counted - (cost.unused if name == "encoder" else 0)


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_it_learns_eight_utterances_by_heart(part: str, kind: str) -> None:
    model = model_of(small_preset(part, kind)).train()
    frames, speakers = torch.randn(8, 16, 5), torch.arange(8) % SPEAKERS
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for _ in range(300):
        logits = model(frames)
        loss = nn.functional.cross_entropy(model.head.with_margin(logits, speakers, 1.0), speakers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert (logits.argmax(dim=1) == speakers).all()


NOISES = [
    (kind, key)
    for kind in kinds_of("encoder")
    for key in ("dropout", "stochastic_depth")
    if key in keys_of("encoder", kind)
]


@pytest.mark.parametrize(("kind", "key"), NOISES)
def test_what_is_dropped_while_training_is_all_there_afterwards(kind: str, key: str) -> None:
    sure = model_of(small_preset("encoder", kind))
    unsure = model_of(with_overrides(small_preset("encoder", kind), [f"encoder.{key}=0.5"]))
    frames = torch.randn(8, 16, 5)
    torch.testing.assert_close(unsure(frames), sure(frames))
    torch.testing.assert_close(sure.train()(frames), sure(frames))
    assert not torch.allclose(unsure.train()(frames), unsure(frames))


@pytest.mark.parametrize("kind", [kind for kind in kinds_of("encoder") if "share_layers" in keys_of("encoder", kind)])
def test_a_shared_layer_is_held_once_and_used_at_every_position(kind: str) -> None:
    preset = with_overrides(small_preset("encoder", kind), ["encoder.share_layers=true"])
    shared, one = model_of(preset), model_of(with_overrides(preset, ["encoder.layers=1"]))
    apart = model_of(with_overrides(preset, ["encoder.share_layers=false"]))
    held = [sum(p.numel() for p in model.encoder.parameters()) for model in (shared, one, apart)]
    after_all = sum(p.numel() for name, p in one.encoder.named_parameters() if name.startswith("output_norm"))
    assert held[0] == held[1]
    assert held[2] - after_all == 2 * (held[1] - after_all)
    one.load_state_dict(shared.state_dict())
    for model in (shared, one):
        if after_all:
            model.encoder.output_norm = nn.Identity()
            model.encoder.output_norm.forward = lambda frames, mask: frames  # type: ignore[assignment]
    frames = torch.randn(2, 9, 12)
    torch.testing.assert_close(shared.encoder(frames, None), one.encoder(one.encoder(frames, None), None))
    assert len({id(tensor) for tensor in shared.state_dict().values()}) == len(shared.state_dict())


@pytest.mark.parametrize("kind", kinds_of("encoder"))
def test_what_pooling_is_told_of_an_encoders_width_is_so(kind: str) -> None:
    for choice in ["", *[choice for _, choice in choices_of("encoder", kind)]]:
        preset = with_overrides(small_preset("encoder", kind), [choice] if choice else [])
        assert model_of(preset).encoder.output_width == width_after(preset.encoder)


@pytest.mark.parametrize("kind", kinds_of("encoder"))
def test_every_encoder_goes_behind_a_front_end_that_halves_the_frames(kind: str) -> None:
    model = model_of(with_overrides(small_preset("encoder", kind), ["front_end.kind=convolution"]))
    lengths = torch.tensor([1, 9, 20])
    frames = torch.randn(3, 20, 5)
    together = model(frames, length_mask(lengths, 20))
    for index, length in enumerate(lengths):
        torch.testing.assert_close(together[index], model(frames[index : index + 1, :length])[0], rtol=1e-4, atol=1e-5)


class LargestTensor(TorchDispatchMode):
    """How many values the largest tensor holds that any operation makes."""

    values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.values = max(self.values, tensor.untyped_storage().nbytes() // tensor.itemsize)
        return result


MINUTE = 6000
ANY_LENGTH = [
    *[(part, kind, ()) for part, kind in PARTS if part != "head"],
    *[
        ("encoder", kind, ("encoder.positions=relative", "encoder.layers=1", "encoder.heads=1"))
        for kind in kinds_of("encoder")
        if "positions" in keys_of("encoder", kind)
    ],
]


@pytest.mark.parametrize(("part", "kind", "choices"), ANY_LENGTH)
def test_any_length_from_one_frame_to_a_minute_passes(part: str, kind: str, choices: tuple[str, ...]) -> None:
    """A minute also in company, and without a table of all pairs of frames, which would fill the memory."""
    model = model_of(with_overrides(small_preset(part, kind), choices))
    minute = torch.randn(1, MINUTE, 5)
    with torch.inference_mode():
        for frames in (minute[:, :1], minute[:, :2]):
            assert torch.isfinite(model(frames)).all()
        with LargestTensor() as largest:
            alone = model(minute)
            padded = model(minute.expand(2, -1, -1), length_mask(torch.tensor([MINUTE, 1]), MINUTE))
    torch.testing.assert_close(padded[:1], alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(padded[1:], model(minute[:, :1]), rtol=1e-4, atol=1e-5)
    assert largest.values < MINUTE * MINUTE
