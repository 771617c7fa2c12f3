"""Presets: those that come with the program, and what a person is told about a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.preset import Preset
from engine.preset_file import PresetError, help_of, keys_of, kinds_of, parse_preset, to_toml, with_overrides
from engine.preset_library import built_in_folder, find_preset, list_presets, own_folder

BUILT_IN = sorted(path.stem for path in built_in_folder().glob("*.toml"))


@pytest.fixture(autouse=True)
def _own_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))


def test_the_course_presets_and_the_quick_tour_are_built_in() -> None:
    assert {"transformer-154k", "conformer-225k", "quick-tour"} <= set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_preset_survives_being_written_and_read(name: str) -> None:
    preset = find_preset(name)
    assert preset.name == name
    assert parse_preset(to_toml(preset), "again") == preset


@given(
    st.integers(1, 10**6), st.integers(0, 2**62), st.floats(1e-8, 9.0), st.sampled_from(["repeat", "pad"]),
    st.sampled_from(["homework_transformer", "homework_conformer"]),
)  # fmt: skip
def test_any_legal_change_survives_being_written_and_read(
    steps: int, seed: int, rate: float, short: str, kind: str
) -> None:
    preset = with_overrides(
        find_preset("conformer-225k"),
        [f"run.steps={steps}", f"run.seed={seed}", f"optimizer.learning_rate={rate!r}",
         f"segments.short={short}", f"encoder.kind={kind}"],
    )  # fmt: skip
    assert (preset.run.steps, preset.run.seed, preset.optimizer.learning_rate) == (steps, seed, rate)
    assert parse_preset(to_toml(preset), "again") == preset


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("encoder.laers=4", ["encoder.laers = 4", "did you mean 'layers'?", "known: d_model"]),
        ("encoder.layers=many", ["encoder.layers = 'many'", "a whole number of at least 1"]),
        ("encoder.layers=2.5", ["encoder.layers = 2.5", "a whole number"]),
        ("encoder.layers=0", ["encoder.layers = 0", "at least 1"]),
        ("encoder.heads=3", ["d_model = 80 is not divisible by encoder.heads = 3", "allowed heads: 1, 2, 4"]),
        ("encoder.kernel=4", ["encoder.kernel = 4 is even", "5"]),
        ("encoder.kind=conformr", ["encoder.kind = 'conformr' is unknown", "did you mean 'conformer'?"]),
        ("encoder.share_layers=3", ["encoder.share_layers = 3", "true or false"]),
        ("optimizer.learning_rate=nan", ["optimizer.learning_rate = nan", "a number above 0"]),
        ("optimizer.clip_norm=inf", ["optimizer.clip_norm = inf", "finite"]),
        ("segments.short=loop", ["segments.short = 'loop'", "'repeat', 'pad'"]),
        ("run.device=tpu", ["run.device = 'tpu'", "auto, cpu, cuda"]),
        ("segments.shortest=129", ["segments.shortest = 129 is more than segments.frames = 128"]),
        ("segments.normalise=mean", ["segments.normalise = 'mean'", "'none', 'utterance', 'running'"]),
        ("augment.speeds=[0.9, 3]", ["augment.speeds = [0.9, 3]", "a list of numbers from 0.5 to 2"]),
        ("augment.speeds=fast", ["augment.speeds = 'fast'", "a list of numbers from 0.5 to 2"]),
        ("augment.speeds=[0.9, nan]", ["augment.speeds = [0.9, nan]", "a list of numbers from 0.5 to 2"]),
        ("augment.speeds=[1.0]", ["augment.speeds = [1.0]", "1 never does"]),
        ("augment.speeds=[1.1, 1.1]", ["augment.speeds = [1.1, 1.1]", "stands there once"]),
        ("augment.noise_snr_db=[5]", ["augment.noise_snr_db = [5]", "a list of 2 numbers from -50 to 100"]),
        ("augment.noise_snr_db=[15, 0]", ["augment.noise_snr_db = [15.0, 0.0]", "begins above its end"]),
        ("augment.time_mask=2", ["augment.time_mask = 2", "did you mean 'time_masks'?"]),
        ("runs.steps=3", ["unknown section", "did you mean 'run.steps'?"]),
        ("steps=3", ["section.key=value"]),
        ("run.steps", ["section.key=value"]),
        ("features.lowest_hz=9000", ["features.lowest_hz", "half of features.sample_rate"]),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(override: str, said: list[str]) -> None:
    with pytest.raises(PresetError) as caught:
        find_preset("conformer-225k", [override])
    message = str(caught.value)
    assert "\n" not in message
    for words in said:
        assert words in message


def test_lists_of_numbers_and_folders_survive_being_written_and_read() -> None:
    changes = ["augment.speeds=[0.9, 1]", "augment.noise_snr_db=[-5, 12.5]", "augment.noise=~/musan"]
    with pytest.raises(PresetError, match="1 never does"):
        find_preset("conformer-225k", changes)
    preset = find_preset("conformer-225k", [*changes[1:], "augment.speeds=[0.9, 2]"])
    assert preset.augment.speeds == (0.9, 2.0)
    assert preset.augment.noise_snr_db == (-5.0, 12.5)
    assert preset.augment.noise == "~/musan"
    assert parse_preset(to_toml(preset), "again") == preset
    assert with_overrides(preset, ["augment.speeds=[]"]).augment.speeds == ()


def test_every_problem_of_a_file_gets_its_own_line_with_the_file(tmp_path: Path) -> None:
    text = (built_in_folder() / "conformer-225k.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("layers = 3", "layers = -3").replace("[pooling]", "[poling]"))
    with pytest.raises(PresetError) as caught:
        find_preset(str(path))
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(str(path)) for line in lines)
    assert any("unknown section [poling], did you mean 'pooling'?" in line for line in lines)
    assert any("section [pooling] is missing" in line for line in lines)
    assert any("encoder.layers = -3" in line for line in lines)


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    with pytest.raises(PresetError, match=r"^file: "):
        parse_preset(text, "file")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from(["preset", "encoder", "run", "features", "head"]),
    st.sampled_from(["kind", "name", "layers", "steps", "mel_bands", "hidden"]),
)
def test_no_value_makes_the_reader_fail_in_another_way(value: object, section: str, key: str) -> None:
    from engine import preset_file

    tables = {"preset": {"name": "x"}, section: {key: value}}
    with pytest.raises(PresetError):
        preset_file._from_tables(tables, "file", [])


def test_a_new_kind_drops_the_keys_it_does_not_have() -> None:
    preset = find_preset("conformer-225k", ["encoder.kind=homework_transformer", "head.kind=mlp"])
    assert preset.encoder.ffn == 500
    assert not hasattr(preset.encoder, "kernel")


def test_a_users_preset_stands_in_the_list_and_a_broken_one_does_not_hide_the_others() -> None:
    own_folder().mkdir(parents=True)
    text = (built_in_folder() / "quick-tour.toml").read_text()
    (own_folder() / "mine.toml").write_text(text.replace('"quick-tour"', '"mine"'))
    (own_folder() / "broken.toml").write_text("[preset\n")
    entries = {entry.name: entry for entry in list_presets()}
    assert {*BUILT_IN, "mine", "broken"} <= set(entries)
    assert entries["mine"].own
    assert entries["mine"].preset is not None
    assert entries["broken"].preset is None
    assert "not valid TOML" in entries["broken"].problem
    assert find_preset("mine").name == "mine"


def test_a_users_file_hides_no_preset_but_the_one_it_is_named_like() -> None:
    own_folder().mkdir(parents=True)
    text = (built_in_folder() / "quick-tour.toml").read_text()
    (own_folder() / "conformer-225k.toml").write_text("[preset\n")
    (own_folder() / "copy.toml").write_text(text)
    (own_folder() / "mine.toml").write_text(text.replace('"quick-tour"', '"mine"'))
    (own_folder() / "mine-too.toml").write_text(text.replace('"quick-tour"', '"mine"'))
    entries = {entry.name: entry for entry in list_presets()}
    assert not entries["quick-tour"].own
    assert not entries["conformer-225k"].own
    assert "not valid TOML" in entries["conformer-225k.toml"].problem
    assert "the name 'quick-tour' is taken" in entries["copy.toml"].problem
    assert sum("the name 'mine' is taken" in entry.problem for entry in entries.values()) == 1
    (own_folder() / "quick-tour.toml").write_text(text.replace("steps = 1500", "steps = 7"))
    assert find_preset("quick-tour").run.steps == 7


def test_a_name_that_is_no_name_is_refused() -> None:
    with pytest.raises(PresetError, match="letters, digits"):
        find_preset("quick-tour", ["preset.name='../../evil'"])


def test_a_misspelt_name_gets_the_nearest_one_and_the_list() -> None:
    with pytest.raises(InputError, match=r"'quik-tour', did you mean 'quick-tour'\?"):
        find_preset("quik-tour")


def test_a_missing_file_is_one_line() -> None:
    with pytest.raises(InputError, match=r"nowhere/x\.toml: can't be read"):
        find_preset("nowhere/x.toml")


def test_the_warm_up_is_at_most_a_tenth_of_the_run() -> None:
    assert find_preset("transformer-154k").warmup_steps == 1000
    assert find_preset("transformer-154k", ["run.steps=4000"]).warmup_steps == 400


@pytest.mark.parametrize("section", Preset.__struct_fields__)
def test_every_key_explains_itself(section: str) -> None:
    for kind in kinds_of(section) or [None]:
        for key, item in keys_of(section, kind).items():
            assert help_of(item), f"{section}.{key}"
