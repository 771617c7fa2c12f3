"""What differs between two presets, key by key."""

from __future__ import annotations

from engine.preset_changes import Change, changes
from engine.preset_file import with_overrides
from engine.preset_library import find_preset


def test_the_keys_that_were_changed_and_no_others() -> None:
    preset = find_preset("conformer-225k")
    assert changes(preset, preset) == []
    other = with_overrides(preset, ["encoder.ffn=250", "augment.speeds=[0.9]", "run.device=cpu"])
    found = sorted(changes(preset, other))
    assert found == [
        Change("augment.speeds", [], [0.9]), Change("encoder.ffn", 500, 250), Change("run.device", "auto", "cpu"),
    ]  # fmt: skip


def test_a_key_that_only_one_of_two_kinds_has_stands_beside_nothing() -> None:
    before = find_preset("conformer-225k")
    after = with_overrides(before, ["pooling.kind=attentive_statistics"])
    found = {change.key: change for change in changes(before, after)}
    assert found["pooling.kind"] == Change("pooling.kind", "mean", "attentive_statistics")
    assert any(change.before is None for change in found.values())
    assert {change.key for change in changes(after, before)} == set(found)
