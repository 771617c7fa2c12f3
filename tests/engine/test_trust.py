"""Which code may run: remembered by content, asked again after any change, and never guessed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.preset_library import find_preset
from engine.trust import (
    NotTrusted,
    is_trusted,
    question,
    require_trust,
    trust,
    trust_path,
    trusted_code_of,
    trusted_files,
)
from tests.own_encoders import GOOD, preset_for, write_code


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))


def test_nothing_is_trusted_until_somebody_says_so(tmp_path: Path) -> None:
    code = write_code(tmp_path, trusted=False)
    with pytest.raises(NotTrusted, match=r"mine\.py: is a program of its own.*--trust"):
        require_trust(code)
    with pytest.raises(NotTrusted):
        trusted_code_of(preset_for(code))
    trust(code)
    require_trust(code)
    assert trusted_code_of(preset_for(code)) == code


def test_a_changed_file_is_asked_about_again_and_a_moved_one_is_not(tmp_path: Path) -> None:
    write_code(tmp_path)
    assert is_trusted(write_code(tmp_path / "elsewhere", name="other.py", trusted=False))
    assert not is_trusted(write_code(tmp_path, GOOD + "\n", trusted=False))
    assert is_trusted(write_code(tmp_path, GOOD, trusted=False))


def test_many_answers_are_kept_side_by_side(tmp_path: Path) -> None:
    codes = [write_code(tmp_path, GOOD + f"# {number}\n", f"mine{number}.py") for number in range(5)]
    assert set(trusted_files()) == {code.sha256 for code in codes}
    assert [path.name for path in trust_path().parent.glob("*.json*")] == ["trusted.json"]


def test_answers_of_many_processes_at_once_are_all_kept(tmp_path: Path) -> None:
    codes = [write_code(tmp_path, GOOD + f"# {number}\n", f"mine{number}.py", trusted=False) for number in range(80)]
    say_yes = "import sys; from engine.own_code import read_code; from engine.trust import trust\n"
    say_yes += "for path in sys.argv[1:]: trust(read_code(path))"
    processes = [
        subprocess.Popen([sys.executable, "-c", say_yes, *(code.path for code in codes[first::4])])
        for first in range(4)
    ]
    assert [process.wait() for process in processes] == [0] * 4
    assert set(trusted_files()) == {code.sha256 for code in codes}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_a_spoilt_list_trusts_nothing(tmp_path: Path, content: str) -> None:
    code = write_code(tmp_path)
    trust_path().write_text(content)
    assert not is_trusted(code)
    trust(code)
    assert is_trusted(code)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"trusted\.json: can't be written"):
        write_code(tmp_path)


def test_the_question_names_the_file_and_what_it_could_do(tmp_path: Path) -> None:
    code = write_code(tmp_path, trusted=False)
    asked = question(code)
    assert code.path in asked
    assert f"{len(GOOD.splitlines())} lines" in asked
    assert code.sha256[:12] in asked
    assert "all your rights" in asked


def test_a_built_in_encoder_needs_no_trust() -> None:
    assert trusted_code_of(find_preset("quick-tour")) is None
    assert not os.path.exists(trust_path())
