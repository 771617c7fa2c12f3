"""The homework's lists with anything in them: one bad entry spoils no other, and what makes no sense is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.corpus.answering import FEW, LISTS_OF_HOMEWORK, answered

SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["../up.pt", "/etc/passwd", ".", "", "a\0b", "uttr-0000.pt", "\u202e", "x" * 5000])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, below in inner for place in places(below, (*path, key))]


def with_change(data: st.DataObject, value: Any) -> Any:
    """The value with something inside replaced, removed or added; when nothing is left inside, another value."""
    if not places(value):
        return data.draw(VALUES)
    *way, last = data.draw(st.sampled_from(places(value)))
    holder = value
    for key in way:
        holder = holder[key]
    action = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if action == "remove":
        del holder[last]
    elif action == "replace":
        holder[last] = data.draw(VALUES)
    elif isinstance(holder, list):
        holder.append(data.draw(VALUES))
    else:
        holder[data.draw(st.text(max_size=5))] = data.draw(VALUES)
    return value


@FEW
@given(data=st.data(), name=st.sampled_from(LISTS_OF_HOMEWORK))
def test_lists_of_another_form(homework: Path, dataset: Path, cache: Path, data: st.DataObject, name: str) -> None:
    shutil.copytree(homework, dataset, dirs_exist_ok=True)
    value = json.loads((homework / name).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        value = with_change(data, value)
    (dataset / name).write_text(json.dumps(value))  # NaN and infinity as Python writes them
    packed = answered(dataset, cache)
    if name != "metadata.json":
        assert packed is not None
        assert len(packed.ids) == 9


@FEW
@given(data=st.data(), name=st.sampled_from(LISTS_OF_HOMEWORK))
def test_lists_with_other_bytes(homework: Path, dataset: Path, cache: Path, data: st.DataObject, name: str) -> None:
    content = bytearray((homework / name).read_bytes())
    shutil.copytree(homework, dataset, dirs_exist_ok=True)
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, len(content)) | st.just(begin + 1))
    awkward = st.sampled_from([b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\0", b"NaN", b"1e999"])
    content[begin:end] = data.draw(st.binary(max_size=4) | awkward)
    (dataset / name).write_bytes(content)
    packed = answered(dataset, cache)
    if name != "metadata.json":
        assert packed is not None


@pytest.mark.parametrize(
    "value",
    ["[" * 200_000, '{"n_mels": 8, "speakers": ' * 20_000, '{"n_mels": 8, "speakers": {"a": [' + "{}," * 5000, "null"],
    ids=["arrays", "objects", "cut", "null"],
)
@pytest.mark.parametrize("name", LISTS_OF_HOMEWORK)
def test_lists_that_are_deep_or_cut(dataset: Path, cache: Path, name: str, value: str) -> None:
    (dataset / name).write_text(value)
    assert (answered(dataset, cache) is None) == (name == "metadata.json")


def test_a_speaker_who_is_listed_twice_does_not_lose_files_unnoticed(dataset: Path, cache: Path) -> None:
    """A JSON object can hold a key twice, and the last one wins."""
    text = (dataset / "metadata.json").read_text().replace('"id00001"', '"id00000"')
    (dataset / "metadata.json").write_text(text)
    packed = answered(dataset, cache)
    assert packed is not None
    assert len(packed.ids) == 6
    assert "not listed" in {problem.kind for problem in packed.problems}
