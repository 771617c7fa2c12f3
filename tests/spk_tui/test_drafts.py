"""A draft of a preset: what is typed is kept, comes to a preset or to a sentence, and can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model_settings import OwnEncoder
from engine.preset_file import keys_of, kinds_of, parse_preset, to_toml
from engine.preset_library import find_preset, list_presets
from spk_tui.drafts import SECTIONS, Change, Draft

BUILT_IN = [entry.preset for entry in list_presets() if entry.preset is not None and not entry.own]
presets = st.sampled_from(BUILT_IN)


def test_every_key_of_every_section_is_a_field_with_help_and_what_it_takes() -> None:
    draft = Draft(find_preset("conformer-4x80-297k"))
    fields = {field.key: field for field in draft.fields()}
    for section in SECTIONS:
        kind = draft.kind(section)
        assert {f"{section}.{name}" for name in keys_of(section, kind)} <= set(fields)
    assert set(SECTIONS) == {key.partition(".")[0] for key in fields} == set(type(draft.original).__struct_fields__)
    for field in fields.values():
        assert len(field.help) > 10
        assert field.takes
    assert fields["encoder.norm"].choices == ("layer", "batch", "rms")
    assert fields["encoder.aggregate"].choices == ("false", "true")
    assert fields["head.kind"].choices == tuple(kinds_of("head"))
    assert (fields["encoder.ffn"].default, fields["optimizer.learning_rate"].default) == ("80", "1e-3")
    assert fields["preset.name"].default is None


@given(presets, presets)
@settings(deadline=None, max_examples=25)
def test_one_preset_taken_over_by_another_is_that_preset_and_back(one: object, other: object) -> None:
    draft = Draft(one, other)  # type: ignore[arg-type]
    assert draft.problems == []
    assert draft.preset == other
    draft.take_back_all()
    assert draft.preset == one
    assert draft.changes() == []


@given(presets, st.data())
@settings(deadline=None, max_examples=30)
def test_whatever_is_typed_is_a_preset_that_can_be_written_or_a_sentence_and_can_be_taken_back(
    preset: object, data: st.DataObject
) -> None:
    draft = Draft(preset)  # type: ignore[arg-type]
    for _ in range(data.draw(st.integers(1, 3))):
        field = data.draw(st.sampled_from(list(draft.fields())))
        typed = st.sampled_from(field.choices) if field.choices else st.sampled_from(["", "7", "1e-3", "[1]", "x = ["])
        draft.set(field.key, data.draw(typed | st.text(max_size=8)))
        if draft.preset is None:
            assert draft.problems
        else:
            assert parse_preset(to_toml(draft.preset), "written") == draft.preset
    for field in [*draft.fields(), *draft.fields()]:
        draft.take_back(field.key)
    assert draft.preset == preset


def test_two_keys_that_contradict_each_other_can_be_changed_one_after_the_other() -> None:
    draft = Draft(find_preset("conformer-4x80-297k"))
    draft.set("encoder.d_model", "90")
    assert draft.preset is None
    assert "encoder.d_model = 90 is not divisible by encoder.heads = 4" in draft.problems[0]
    assert draft.problems_of("encoder.heads")
    draft.set("encoder.heads", "5")
    assert draft.preset is not None
    assert draft.changes() == [Change("encoder.d_model", "80", "90"), Change("encoder.heads", "4", "5")]


def test_another_kind_brings_its_keys_and_takes_its_own_when_the_old_ones_do_not_suit_it() -> None:
    draft = Draft(find_preset("conformer-4x80-297k"))
    draft.set("encoder.d_model", "90")
    draft.take_back("encoder.d_model")
    draft.set("encoder.layers", "2")
    draft.set("encoder.kind", "x_vector_tdnn")
    assert draft.preset is not None
    assert "encoder.output_channels" in {field.key for field in draft.fields()}
    assert Change("encoder.layers", "4", None) in draft.changes()
    draft.take_back("encoder.kind")
    assert draft.preset == draft.original


def test_text_stays_text_and_a_value_that_may_be_missing_can_be_emptied() -> None:
    draft = Draft(find_preset("transformer-154k"))
    draft.set("preset.name", "1e5")
    draft.set("preset.reference_accuracy", "")
    draft.set("augment.speeds", "[0.9, 1.1]")
    assert draft.preset is not None
    assert (draft.preset.name, draft.preset.preset.reference_accuracy) == ("1e5", None)
    assert draft.preset.augment.speeds == (0.9, 1.1)
    assert Change("preset.reference_accuracy", "0.66", "") in draft.changes()


@pytest.mark.parametrize("options", [{}, {"width": "7"}])
def test_a_class_of_ones_own_takes_options_that_nobody_knows(tmp_path: Path, options: dict[str, str]) -> None:
    draft = Draft(find_preset("quick-tour"))
    draft.set("encoder.kind", f"{tmp_path}/mine.py:Mine")
    draft.set("encoder.d_model", "16")
    for name, text in options.items():
        draft.set(f"encoder.{name}", text)
    assert draft.preset is not None
    assert isinstance(draft.preset.encoder, OwnEncoder)
    assert draft.preset.encoder.options == {"d_model": 16} | {name: int(text) for name, text in options.items()}
    assert {"encoder.d_model", *(f"encoder.{name}" for name in options)} <= {field.key for field in draft.fields()}
    again = Draft(draft.original, draft.preset)
    assert again.preset == draft.preset
