"""A sweep's variants: every combination once, all of them checked before any, and values with commas in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cost import Cost, ModelSize, StepMemory
from engine.errors import InputError
from engine.preset import Preset
from engine.preset_library import find_preset
from engine.runs import client
from engine.runs.directory import Labels, RunDirectory
from engine.sweep import check_name, counted, find_sweep, key_help, queue_sweep, split_values, sweeps, variants_of
from tests.spk_tui.run_directories import new_run

QUICK_TOUR = find_preset("quick-tour")
VALUE = st.one_of(
    st.integers().map(str),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=3).map(str),
    st.text("ab, []", max_size=5).map(lambda text: f'"{text}"'),
)


def cost(preset: Preset) -> Cost:
    size = ModelSize(float32=0, float16=0, int8=0)
    memory = StepMemory(precision="float32", weights=0, moments=0, activations=0)
    return Cost(
        preset=preset.name, budget=1000, parts={"encoder": preset.encoder.ffn}, encoder_layers={}, unused=0, total=0,
        speakers=1, multiply_adds_per_second_of_audio=0, size=size, size_without_head=size, step_memory=memory,
    )  # fmt: skip


@given(st.lists(VALUE, min_size=1, max_size=4))
def test_a_comma_within_brackets_or_quotes_belongs_to_a_value(values: list[str]) -> None:
    assert split_values(", ".join(values)) == values


def test_every_combination_is_a_variant_and_seeds_come_within_each() -> None:
    settings = ["encoder.ffn = 100, 250", "optimizer.learning_rate=1e-3,3e-3", "run.steps=500"]
    variants = variants_of(QUICK_TOUR, settings, "1,2")
    found = [(v.preset.encoder.ffn, v.preset.optimizer.learning_rate, v.preset.run.seed) for v in variants]
    assert found == [(ffn, rate, seed) for ffn in (100, 250) for rate in (1e-3, 3e-3) for seed in (1, 2)]
    assert {variant.preset.run.steps for variant in variants} == {500}
    assert variants[1].words == "encoder.ffn=100 optimizer.learning_rate=1e-3 run.seed=2"


def test_lists_and_kinds_can_vary_too() -> None:
    lists = variants_of(QUICK_TOUR, ["augment.speeds=[0.9,1.1],[1.1]"])
    assert [variant.preset.augment.speeds for variant in lists] == [(0.9, 1.1), (1.1,)]
    kinds = variants_of(QUICK_TOUR, ["pooling.kind=mean,statistics"])
    assert len({variant.preset.pooling for variant in kinds}) == 2


@pytest.mark.parametrize(
    ("settings", "seeds", "said"),
    [
        (["encoder.ffn=100,-1", "run.steps=5,6"], "", r"encoder.ffn = -1 is not allowed.*\(in 2 of 4 variants\)"),
        (["encoder.heads=2,3"], "", r"not divisible by encoder.heads = 3 .*\(in 1 of 2 variants\)"),
        (["encoder.fnn=1"], "", "did you mean 'ffn'"),
        (["encoder.ffn"], "", "not of the form key=value,value"),
        (["encoder.ffn=1,,2"], "", "encoder.ffn has an empty value"),
        (["encoder.ffn=5,6,5"], "", "encoder.ffn has the value 5 twice"),
        (["encoder.ffn=5", "encoder.ffn=6"], "", "encoder.ffn is given twice"),
        (["run.seed=1"], "1,2", "--seeds gives them too"),
        ([f"run.steps={','.join(map(str, range(1, 30)))}", "run.seed=1,2,3,4,5,6,7"], "", "these are 203 variants"),
        ([], "", "nothing varies yet"),
    ],
)
def test_what_cant_be_a_sweep_is_said_in_words(settings: list[str], seeds: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        variants_of(QUICK_TOUR, settings, seeds)


def test_variants_of_the_same_size_are_counted_once_and_one_that_cant_be_counted_is_named() -> None:
    variants = variants_of(QUICK_TOUR, ["encoder.ffn=10,20", "optimizer.learning_rate=1e-3,3e-3"], "1,2,3")
    asked: list[Preset] = []

    def count(preset: Preset) -> Cost:
        asked.append(preset)
        return cost(preset)

    assert [each.encoder for each in counted(variants, count)] == [10] * 6 + [20] * 6
    assert len(asked) == 2

    def refuse(preset: Preset) -> Cost:
        raise InputError("too large") if preset.encoder.ffn == 20 else InputError("too small")

    with pytest.raises(InputError, match=r"encoder.ffn=10: too small\nencoder.ffn=20: too large"):
        counted(variants_of(QUICK_TOUR, ["encoder.ffn=10,20"]), refuse)


def test_a_sweep_is_queued_in_order_under_its_tag_and_says_how_far_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = variants_of(QUICK_TOUR, ["encoder.ffn=10,20,30"])
    made: list[RunDirectory] = []

    def start(preset: Preset, corpus: str, parent: Path, *, queued: bool) -> RunDirectory:
        assert queued
        if len(made) == 2:
            raise InputError("the disk is full")
        made.append(new_run(parent, f"run-{2 - len(made)}", preset=preset, corpus=corpus, created=float(len(made))))
        return made[-1]

    monkeypatch.setattr(client, "start_run", start)
    with pytest.raises(InputError, match=r"the disk is full\nthe first 2 of 3 variants wait .*--show wide"):
        queue_sweep(variants, [cost(variant.preset) for variant in variants], "demo", "wide", tmp_path)
    assert [run.id for run in find_sweep("wide", tmp_path)] == ["run-2", "run-1"]
    assert made[0].labels() == Labels(name="encoder.ffn=10", tags=["sweep-wide"])
    assert [run.preset().preset.encoder_parameters for run in made] == [10, 20]
    with pytest.raises(InputError, match="there is a sweep 'wide' already"):
        check_name("wide", tmp_path)
    with pytest.raises(InputError, match="no sweep 'wode', did you mean 'wide'"):
        find_sweep("wode", tmp_path)
    with pytest.raises(InputError, match="can't be a sweep's name"):
        check_name("../x", tmp_path)
    assert list(sweeps(tmp_path)) == ["wide"]


def test_a_key_is_explained_as_it_is_typed() -> None:
    assert "highest rate" in key_help(QUICK_TOUR, "optimizer.learning_rate")
    assert key_help(QUICK_TOUR, "encoder.he") == "encoder.heads"
    assert key_help(QUICK_TOUR, "opt") == "optimizer"
