"""Sizes that use up a budget: for every kind of encoder, every budget and every shape that one may start from."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.contradictions import contradictions
from engine.errors import InputError
from engine.fit import SHARE_TO_USE, fit
from engine.model_settings import Conformer, EBranchformer, HomeworkTransformer, NoFrontEnd, OwnEncoder
from engine.models.registry import ENCODERS
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import parse_preset, to_toml
from engine.preset_library import find_preset
from engine.section import Section, sizes_of

KINDS = [kind for kind in ENCODERS if kind is not OwnEncoder]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=[str(kind.__struct_config__.tag) for kind in KINDS])
quickly = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
budgets = st.integers(20_000, 2_000_000)


def preset_with(encoder: Any) -> Preset:
    return replace(find_preset("conformer-225k"), encoder=encoder)


def sizes(preset: Preset) -> dict[str, int]:
    return {size.key: getattr(preset.encoder, size.key) for size in sizes_of(type(preset.encoder))}


def parameters(preset: Preset) -> int:
    return sum(parameter.numel() for parameter in SpeakerModel(preset, 2).encoder.parameters())


def check(found: Preset, budget: int) -> None:
    assert contradictions(found) == []
    assert parse_preset(to_toml(found), "found") == found
    assert SHARE_TO_USE * budget <= parameters(found) <= budget
    assert found.preset.encoder_parameters == parameters(found)
    assert found.budget.encoder_parameters == budget


@every_kind
@quickly
@given(budgets)
def test_a_kinds_own_shape_grows_or_shrinks_into_any_budget(kind: type[Section], budget: int) -> None:
    near = preset_with(kind())
    found = fit(near, budget)
    check(found, budget)
    assert fit(near, budget) == found  # whatever has been remembered by now
    unchanged = replace(found.encoder, **sizes(near))
    assert unchanged == near.encoder


@every_kind
@quickly
@given(st.data(), budgets)
def test_any_shape_grows_or_shrinks_into_any_budget(kind: type[Section], data: st.DataObject, budget: int) -> None:
    drawn = {}
    for size in sizes_of(kind):
        among = st.integers(1, 6) if size.role == "depth" else st.integers(1, 40).map(lambda n: 8 * n)
        drawn[size.key] = data.draw(among, size.key)
    near = preset_with(kind(**drawn))
    assume(not contradictions(near))
    check(fit(near, budget), budget)


def smallest_of(kind: type[Section]) -> int:
    with pytest.raises(InputError) as caught:
        fit(preset_with(kind()), 1)
    return int(str(caught.value).split(" has ")[1].split(" parameters")[0].replace(",", ""))


@every_kind
def test_below_the_smallest_shape_the_message_names_it(kind: type[Section]) -> None:
    smallest = smallest_of(kind)
    with pytest.raises(InputError, match=f"{smallest:,} parameters at least .* more than {smallest - 1:,}"):
        fit(preset_with(kind()), smallest - 1)
    assert parameters(fit(preset_with(kind()), smallest)) == smallest


@pytest.mark.parametrize("budget", [60_000, 300_000, 1_000_000])
def test_depth_and_proportions_stay(budget: int) -> None:
    near = preset_with(EBranchformer(d_model=64, layers=5, ffn=128, cgmlp=192))
    found = sizes(fit(near, budget))
    assert found["layers"] == 5
    for key, share in (("ffn", 2), ("cgmlp", 3)):
        assert abs(math.log(found[key] / found["d_model"] / share)) < 0.12


def test_where_the_depth_is_too_much_there_are_fewer_layers() -> None:
    near = preset_with(Conformer(d_model=64, heads=64, layers=6))
    found = fit(near, 80_000)
    check(found, 80_000)
    assert sizes(found)["layers"] == 2
    assert found.encoder.heads == 64  # type: ignore[union-attr]


def test_keys_that_are_given_stay() -> None:
    near = preset_with(Conformer(d_model=64, layers=6, ffn=50))
    found = fit(near, 300_000, {"d_model", "layers"})
    check(found, 300_000)
    assert (sizes(found)["d_model"], sizes(found)["layers"]) == (64, 6)
    found = fit(near, 300_000, {"ffn"})
    check(found, 300_000)
    assert sizes(found)["ffn"] == 50


def test_without_a_front_end_the_width_is_that_of_the_frames() -> None:
    near = replace(preset_with(Conformer(d_model=40, ffn=40)), front_end=NoFrontEnd())
    found = fit(near, 200_000)
    check(found, 200_000)
    assert sizes(found)["d_model"] == 40


def test_what_leaves_no_way_is_said() -> None:
    near = preset_with(Conformer(d_model=80, ffn=80))
    with pytest.raises(InputError, match=r"with d_model = 80, ffn = 80 has 97 % to 100 % of 310,000 .* has 297,920"):
        fit(near, 310_000, {"d_model", "ffn"})
    with pytest.raises(InputError, match="nothing is left to vary"):
        fit(near, 310_000, {"d_model", "ffn", "layers"})
    shared = preset_with(HomeworkTransformer(d_model=80, ffn=800))
    with pytest.raises(InputError, match="nearest below has 154,880"):
        fit(shared, 300_000, {"d_model", "ffn"})
    own = preset_with(OwnEncoder(file="/somewhere/mine.py", name="Mine"))
    with pytest.raises(InputError, match=r"mine\.py:Mine can't be fitted"):
        fit(own, 300_000)


def test_what_was_reported_of_another_encoder_is_left_out() -> None:
    near = find_preset("transformer-154k")
    assert near.preset.reference_accuracy is not None
    found = fit(near, 100_000)
    assert found.preset.reference_accuracy is None
    assert "fitted to 100,000" in found.preset.summary
    assert (found.head, found.segments, found.run) == (near.head, near.segments, near.run)
