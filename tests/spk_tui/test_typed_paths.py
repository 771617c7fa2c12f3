"""A line of paths: what a shell would make of it, files dropped on a terminal, and completion of the last one."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from spk_tui.typed_paths import escaped, last_word, paths_in
from spk_tui.widgets.path_input import PathsSuggester

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(NAMES, NAMES)
def test_what_is_completed_is_read_as_it_was_meant(before: str, name: str) -> None:
    line = f"{shlex.quote(before)} {escaped(name)}"
    assert shlex.split(line) == [before, name]
    assert last_word(line) == name


def test_quotes_wildcards_and_the_home_folder_are_those_of_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a 1.wav", "a 2.wav", "b[1].wav"):
        (tmp_path / name).touch()
    assert paths_in("~/'a 1.wav' plain.flac") == [str(tmp_path / "a 1.wav"), "plain.flac"]
    assert paths_in("~/a*.wav") == [str(tmp_path / "a 1.wav"), str(tmp_path / "a 2.wav")]
    assert paths_in("~/b[1].wav") == [str(tmp_path / "b[1].wav")]
    assert paths_in("  ") == []


@pytest.mark.parametrize(
    ("line", "message"), [("'half", "ends within a path"), ("none-*.wav", "there is no such file")]
)
def test_a_line_that_means_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        paths_in(line)


async def test_the_last_path_is_completed_and_a_quoted_one_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my meeting.flac").touch()
    suggester = PathsSuggester()
    assert await suggester.get_suggestion(f"a.wav {tmp_path}/my") == f"a.wav {tmp_path}/my\\ meeting.flac"
    assert await suggester.get_suggestion(f"a.wav '{tmp_path}/my") is None
    assert await suggester.get_suggestion(f"{tmp_path}/my ") is None
