"""A user's own encoder in a preset's text: read, written, moved, and refused in words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model_settings import ConvolutionFrontEnd, LinearFrontEnd, NoFrontEnd, OwnEncoder, kind_of
from engine.preset_file import PresetError, kinds_of, load_preset, parse_preset, to_toml, with_overrides
from engine.preset_library import find_preset
from tests.own_encoders import preset_text

OPTIONS = 'd_model = 24\nnames = ["a", "b"]\nrate = 0.5\ndeep = { switch = true }'


def test_a_kind_with_a_file_takes_any_further_key_as_an_option(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(preset_text(options=OPTIONS))
    encoder = load_preset(path).encoder
    assert isinstance(encoder, OwnEncoder)
    assert encoder.file == str(tmp_path / "mine.py")
    assert encoder.name == "Mine"
    assert encoder.options == {"d_model": 24, "names": ["a", "b"], "rate": 0.5, "deep": {"switch": True}}
    assert kind_of(encoder) == "mine.py:Mine"
    assert "own" not in kinds_of("encoder")


def test_it_survives_being_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(preset_text(options=OPTIONS))
    preset = load_preset(path)
    assert parse_preset(to_toml(preset), "again") == preset
    assert with_overrides(preset, ["run.steps=30"]).encoder == preset.encoder


def test_what_lies_beside_the_text_is_named_without_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.toml").write_text(preset_text())
    preset = load_preset(tmp_path / "a" / "mine.toml")
    assert 'kind = "mine.py:Mine"' in to_toml(preset, tmp_path / "a")
    assert f'kind = "{tmp_path}/a/mine.py:Mine"' in to_toml(preset, tmp_path / "b")
    (tmp_path / "a").rename(tmp_path / "b")
    moved = load_preset(tmp_path / "b" / "mine.toml").encoder
    assert isinstance(moved, OwnEncoder)
    assert moved.file == str(tmp_path / "b" / "mine.py")


def test_an_override_starts_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preset = find_preset("quick-tour", ["encoder.kind=mine.py:Mine", "encoder.d_model=16"])
    assert preset.encoder == OwnEncoder(file=str(tmp_path / "mine.py"), name="Mine", options={"d_model": 16})


@pytest.mark.parametrize(("options", "expected"), [("d_model = 24", LinearFrontEnd()), ("", NoFrontEnd())])
def test_the_front_end_goes_by_d_model_when_nobody_says(options: str, expected: object) -> None:
    assert parse_preset(preset_text(options=options), "test").front_end == expected


@pytest.mark.parametrize(
    ("kind", "options", "more", "said"),
    [
        ("mine.py", "", "", "'mine.py' names a file without a class; write it as 'mine.py:ClassName'"),
        ("mine.py:", "", "", "names a file without a class"),
        ("mine.py:2x", "", "", "names a file without a class"),
        ("mine.py:Mine", "input_width = 4", "", "encoder.input_width can't be set"),
        ("mine.py:Mine", "rate = nan", "", "encoder.rate = nan is not allowed"),
        ("mine.py:Mine", "day = 2026-01-01", "", "encoder.day = "),
        ("mine.py:Mine", "", '[front_end]\nkind = "linear"', "front_end.kind = 'linear' needs a width"),
        ("mine.py:Mine", "d_model = 0", '[front_end]\nkind = "convolution"', "encoder.d_model = 0 is not allowed"),
        ("mine:Mine", "", "", "or a class of your own: file.py:Class"),
    ],
)
def test_what_is_wrong_is_said_in_words(kind: str, options: str, more: str, said: str) -> None:
    with pytest.raises(PresetError) as caught:
        parse_preset(preset_text(kind, options, more), "mine.toml")
    assert said in str(caught.value)
    assert "mine.toml: " in str(caught.value)


KEYS = st.text(st.sampled_from("abcdefgh_"), min_size=1, max_size=8)
PLAIN = st.recursive(
    st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, PLAIN, max_size=4))
def test_any_plain_option_survives_being_written_and_read(options: dict[str, object]) -> None:
    plain = parse_preset(preset_text(), "test")
    preset = msgspec.structs.replace(plain, encoder=OwnEncoder(file="/somewhere/mine.py", name="Mine", options=options))
    assert parse_preset(to_toml(preset), "again").encoder == preset.encoder


def test_the_order_of_overrides_does_not_matter() -> None:
    kind, width, depth = "encoder.kind=x.py:E", "encoder.d_model=16", "encoder.layers=9"
    presets = [find_preset("quick-tour", order) for order in ([kind, width, depth], [width, depth, kind])]
    assert presets[0] == presets[1]
    assert presets[0].encoder.options == {"d_model": 16, "layers": 9}
    assert isinstance(presets[0].front_end, LinearFrontEnd)


def test_an_override_with_a_class_without_d_model_gives_it_the_mel_bands() -> None:
    whole = with_overrides(find_preset("quick-tour"), ["encoder.kind=x.py:E"])
    assert isinstance(whole.front_end, NoFrontEnd)
    kept = with_overrides(
        find_preset("quick-tour"), ["encoder.kind=x.py:E", "front_end.kind=convolution", "encoder.d_model=9"]
    )
    assert kept.front_end == ConvolutionFrontEnd()
