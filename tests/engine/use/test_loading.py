"""A checkpoint from a stranger: it is a model as described, or a message, and never takes more memory than its size."""

from __future__ import annotations

import json
import math
import resource
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.models.speaker_model import SpeakerModel
from engine.preset import Preset
from engine.preset_file import to_toml, with_overrides
from engine.preset_library import find_preset
from engine.saved_model import LARGEST_HEADER, read_saved
from engine.training.checkpoint import save_best
from engine.use.loading import load_best
from tests.own_encoders import GOOD, preset_for, write_code

SPEAKERS = ["anna", "ben", "cleo"]
SMALL = ["encoder.d_model=8", "encoder.ffn=8", "encoder.heads=2"]
Header = dict[str, Any]


def small() -> Preset:
    return find_preset("quick-tour", SMALL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A well-made checkpoint of some kilobytes."""
    path = tmp_path_factory.mktemp("whole") / "best.safetensors"
    torch.manual_seed(0)
    save_best(path, SpeakerModel(small(), len(SPEAKERS)), small(), SPEAKERS, {"loss": 1.0}, 7)
    return path.read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mangled") / "best.safetensors"


def parts(content: bytes) -> tuple[Header, bytes]:
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header: Header, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def loads_or_is_refused(content: bytes, place: Path) -> bool:
    """Whether it is loaded; then it is a whole model that computes. Anything but an `InputError` is a failure."""
    place.write_bytes(content)
    refusal = ""
    try:
        model, saved = load_best(place)
    except InputError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(str(place))
        assert refusal.replace("\n", "").isprintable()
        return False
    with torch.inference_mode():
        logits = model(torch.zeros(2, 12, saved.preset.features.mel_bands))
    assert logits.shape == (2, len(saved.speakers))
    return True


def test_a_whole_file_is_the_model_that_was_saved(whole: bytes, place: Path) -> None:
    torch.manual_seed(0)
    model = SpeakerModel(small(), len(SPEAKERS)).eval()
    place.write_bytes(whole)
    loaded, saved = load_best(place)
    frames = torch.randn(2, 30, 40)
    assert torch.equal(loaded(frames), model(frames))
    assert (saved.preset, saved.speakers, saved.scores, saved.step) == (small(), SPEAKERS, {"loss": 1.0}, 7)
    assert read_saved(place) == saved


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_truncated_file_is_refused(whole: bytes, place: Path, data: st.DataObject) -> None:
    assert not loads_or_is_refused(whole[: data.draw(st.integers(0, len(whole) - 1))], place)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_are_another_model_or_refused(whole: bytes, place: Path, data: st.DataObject) -> None:
    header = struct.unpack("<Q", whole[:8])[0]
    end = data.draw(st.sampled_from([8, 8 + header, 8 + header, len(whole)]))
    mangled = bytearray(whole)
    for bit in data.draw(st.lists(st.integers(0, 8 * end - 1), min_size=1, max_size=3)):
        mangled[bit // 8] ^= 1 << bit % 8
    loads_or_is_refused(bytes(mangled), place)


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.sampled_from([2**31, 2**62, 2**64, 1e308]),
    st.text(max_size=5), st.lists(st.integers(-1, 2**64), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_edited_description_is_refused(whole: bytes, place: Path, data: st.DataObject) -> None:
    """One entry of the header is taken away, or one value in it becomes another."""
    header, weights = parts(whole)
    name = data.draw(st.sampled_from(sorted(header)))
    key = data.draw(st.sampled_from([None, *sorted(header[name])]))
    value = data.draw(
        st.one_of(ODD, st.sampled_from(["F16", "BF16", "F64", "I32", [0, 4], [8, 8], [2**40], [1] * 100]))
    )
    if data.draw(st.booleans()):
        header.pop(name) if key is None else header[name].pop(key)
    elif key is None:
        header[name] = value
    elif header[name][key] != value:
        header[name][key] = value
    if header != parts(whole)[0]:
        assert not loads_or_is_refused(joined(header, weights), place)


METADATA: dict[str, Callable[[str], str]] = {
    "a preset of absurd width": lambda text: text.replace("d_model = 8", "d_model = 8192"),
    "a width that no preset has": lambda text: text.replace("d_model = 8", "d_model = 99999999999999999999"),
    "a key that no preset has": lambda text: text.replace("[head]", "[head]\nhide = 1"),
    "nesting without an end": lambda text: text + "\nx = " + "[" * 100_000,
    "no TOML": lambda text: text[1:-7] + "=",
    "an infinite number": lambda text: text.replace("clip_norm = 1.0", "clip_norm = inf"),
}  # fmt: skip


@pytest.mark.parametrize("edit", METADATA.values(), ids=METADATA.keys())
def test_a_preset_is_read_as_strictly_as_any(whole: bytes, place: Path, edit: Callable[[str], str]) -> None:
    header, weights = parts(whole)
    before = header["__metadata__"]["preset"]
    header["__metadata__"]["preset"] = edit(before)
    assert header["__metadata__"]["preset"] != before
    assert not loads_or_is_refused(joined(header, weights), place)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("speakers", '["anna", "anna", "ben"]'),
        ("speakers", "[]"),
        ("speakers", '["anna", "ben"]'),
        ("speakers", "[1, 2, 3]"),
        ("scores", '{"loss": 1e999}'),
        ("scores", '{"loss": "much"}'),
        ("step", "-1"),
        ("step", "9" * 10_000),
        ("format", "spk-tui-99"),
        ("features", '{"mel_bands": 41}'),
        ("encoder_file", "../../etc/passwd"),
    ],
)
def test_other_metadata_is_held_to_its_types(whole: bytes, place: Path, key: str, value: str) -> None:
    header, weights = parts(whole)
    header["__metadata__"][key] = value
    assert not loads_or_is_refused(joined(header, weights), place)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_no_numbers_are_refused(whole: bytes, place: Path, value: float) -> None:
    header, weights = parts(whole)
    matrix = next(name for name, entry in header.items() if name.endswith("weight") and len(entry["shape"]) == 2)
    begin, _ = header[matrix]["data_offsets"]
    mangled = weights[:begin] + struct.pack("<f", value) + weights[begin + 4 :]
    assert not loads_or_is_refused(joined(header, mangled), place)


def test_an_absurd_size_takes_no_memory(whole: bytes, place: Path) -> None:
    """A model of gigabytes, described in full by a sparse file's few kilobytes, is refused before anything is made."""
    preset = with_overrides(
        small(), ["encoder.d_model=8192", "encoder.ffn=8192", "encoder.layers=64", "encoder.share_layers=false"]
    )
    with torch.device("meta"):
        wanted = SpeakerModel(preset, 3).state_dict()
    header, _ = parts(whole)
    header = {"__metadata__": header["__metadata__"]}
    header["__metadata__"]["preset"] = to_toml(preset)
    end = 0
    for name, tensor in wanted.items():
        kind = "F32" if tensor.is_floating_point() else "I64"
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    assert end > 4_000_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for entries, claimed in ((header, end), (header, 1000), ({"__metadata__": header["__metadata__"]}, 0)):
        content = joined(entries, b"")
        place.write_bytes(content)
        with place.open("r+b") as file:
            file.truncate(len(content) + claimed)
        with pytest.raises(InputError, match=r"can't be read|describes a model of [\d,]+ bytes"):
            load_best(place)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.parametrize("length", [LARGEST_HEADER + 1, 2**63, 2**64 - 1])
def test_a_length_is_bounded_before_it_is_believed(place: Path, length: int) -> None:
    place.write_bytes(struct.pack("<Q", length) + b"{}")
    with place.open("r+b") as file:
        file.truncate(min(LARGEST_HEADER * 2, 10**9))  # sparse
    with pytest.raises(InputError, match="can't be read as a checkpoint"):
        load_best(place)


def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path: Path) -> None:
    for name, content in {"empty": b"", "text": b"hello there, this is text", "pickle": b"\x80\x04\x95" * 9}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="can't be read as a checkpoint"):
            load_best(tmp_path / name)
    with pytest.raises(InputError, match="is a folder"):
        load_best(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        load_best(tmp_path / "nothing")


def test_a_checkpoint_names_no_other_file_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own encoder lies beside it; a path in its preset leads nowhere else, whether that file is trusted or not."""
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))
    preset = preset_for(write_code(tmp_path / "mine", GOOD))
    path = tmp_path / "mine" / "best.safetensors"
    save_best(path, SpeakerModel(preset, 3), preset, SPEAKERS, {}, 1)
    header, weights = parts(path.read_bytes())
    elsewhere = write_code(tmp_path / "elsewhere", GOOD)
    header["__metadata__"]["preset"] = header["__metadata__"]["preset"].replace("mine.py", elsewhere.path)
    path.write_bytes(joined(header, weights))
    with pytest.raises(InputError, match="is not the file that it was trained with"):
        load_best(path)
