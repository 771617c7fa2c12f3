"""What every encoder, pooling and head must keep; a newly registered one is picked up by itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.models.layers import length_mask
from engine.models.registry import ENCODERS, HEADS, POOLINGS
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import kinds_of, with_overrides
from engine.preset_library import find_preset

PARTS = [
    *[("encoder", kind) for kind in kinds_of("encoder")],
    *[("pooling", kind) for kind in kinds_of("pooling")],
    *[("head", kind) for kind in kinds_of("head")],
]
SPEAKERS = 7


def small_preset(part: str, kind: str) -> Preset:
    """A preset small enough for exact tests, with one part of the given kind."""
    preset = with_overrides(find_preset("quick-tour"), [f"{part}.kind={kind}"])
    return with_overrides(preset, ["encoder.d_model=12", "features.mel_bands=5", "encoder.layers=2"])


def model_of(preset: Preset) -> SpeakerModel:
    torch.manual_seed(0)
    return SpeakerModel(preset, SPEAKERS).eval()


def test_every_kind_that_a_preset_can_name_has_its_class() -> None:
    for section, registry in (("encoder", ENCODERS), ("pooling", POOLINGS), ("head", HEADS)):
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


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_gradients_reach_every_parameter_that_is_counted_as_used(part: str, kind: str) -> None:
    from engine.budget import count

    preset = small_preset(part, kind)
    model = model_of(preset).train()
    nn.functional.cross_entropy(model(torch.randn(8, 16, 5)), torch.arange(8) % SPEAKERS).backward()
    reached = sum(
        parameter.numel()
        for parameter in model.encoder.parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    )
    cost = count(preset, SPEAKERS)
    assert reached == cost.encoder - cost.unused


@pytest.mark.parametrize(("part", "kind"), PARTS)
def test_it_learns_eight_utterances_by_heart(part: str, kind: str) -> None:
    model = model_of(small_preset(part, kind)).train()
    frames, speakers = torch.randn(8, 16, 5), torch.arange(8) % SPEAKERS
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for _ in range(300):
        loss = nn.functional.cross_entropy(model(frames), speakers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize("kind", kinds_of("encoder"))
def test_a_shared_layer_is_held_once_and_used_at_every_position(kind: str) -> None:
    preset = small_preset("encoder", kind)
    shared, one = model_of(preset), model_of(with_overrides(preset, ["encoder.layers=1"]))
    apart = model_of(with_overrides(preset, ["encoder.share_layers=false"]))
    assert sum(p.numel() for p in shared.encoder.parameters()) == sum(p.numel() for p in one.encoder.parameters())
    assert sum(p.numel() for p in apart.encoder.parameters()) == 2 * sum(p.numel() for p in one.encoder.parameters())
    one.load_state_dict(shared.state_dict())
    frames = torch.randn(2, 9, 12)
    torch.testing.assert_close(shared.encoder(frames, None), one.encoder(one.encoder(frames, None), None))
    assert len({id(tensor) for tensor in shared.state_dict().values()}) == len(shared.state_dict())


@pytest.mark.parametrize("kind", kinds_of("encoder"))
@pytest.mark.parametrize("time", [1, 2, 6000])
def test_any_length_from_one_frame_to_a_minute_passes(kind: str, time: int) -> None:
    model = model_of(small_preset("encoder", kind))
    with torch.inference_mode():
        assert torch.isfinite(model(torch.randn(1, time, 5))).all()
