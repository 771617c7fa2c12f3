"""The file of an own encoder, judged by its text alone: nothing of it runs here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.own_code import LARGEST_FILE, look_at, read_code
from tests.own_encoders import GOOD


def refused(folder: Path, text: str | bytes, name: str = "Mine") -> str:
    """What a person is told of a file with this text."""
    path = folder / "mine.py"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as caught:
        look_at(read_code(path), name)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_good_file_passes_and_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{GOOD}")
    look_at(read_code(tmp_path / "mine.py"), "Mine")
    assert not (tmp_path / "ran").exists()
    assert "torch.nn.modules.mine" not in sys.modules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Mine(:\n", ["line 1: is not valid Python", "class Mine(:"]),
        ("def f():\n    return 1\n  x = 2\n", ["line 3: is not valid Python"]),
        (b"class Mine:\n    '\xff'\n", ["is not valid Python"]),
        (b"class Mine: pass\0", ["is not valid Python"]),
        ("class Mime:\n    pass\n", ["has no class 'Mine', did you mean 'Mime'?", "its classes: Mime"]),
        ("", ["has no class 'Mine' (it has no class)"]),
        ("from . import other\nclass Mine: pass\n", ["line 1: imports '.other'"]),
        ("from .other import x\nclass Mine: pass\n", ["line 1: imports '.other'"]),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    message = refused(tmp_path, text)
    assert all(words in message for words in said), message


@pytest.mark.parametrize(
    "form", ["import helpers_of_mine", "from helpers_of_mine import x", "import helpers_of_mine.a"]
)
@pytest.mark.parametrize("package", [False, True])
def test_a_neighbour_is_refused_wherever_it_is_imported(tmp_path: Path, form: str, package: bool) -> None:
    if package:
        (tmp_path / "helpers_of_mine").mkdir()
    else:
        (tmp_path / "helpers_of_mine.py").write_text("x = 1\n")
    message = refused(tmp_path, f"class Mine:\n    def f(self):\n        {form.format('helpers_of_mine')}\n")
    assert "line 3: imports 'helpers_of_mine', which lies beside it" in message


def test_what_is_installed_is_no_neighbour_even_when_something_beside_is_called_so(tmp_path: Path) -> None:
    for name in ("torch", "numpy", "engine", "json"):
        (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "mine.py").write_text(
        "import json\nimport numpy\nfrom torch import nn\nfrom engine.models.layers import SelfAttention\n\n\n"
        "class Mine(nn.Module): pass\n"
    )
    look_at(read_code(tmp_path / "mine.py"), "Mine")


def test_a_missing_file_a_folder_and_a_giant_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.py: can't be read \(No such file"):
        read_code(tmp_path / "mine.py")
    (tmp_path / "mine.py").mkdir()
    with pytest.raises(InputError, match=r"mine\.py: can't be read"):
        read_code(tmp_path / "mine.py")
    (tmp_path / "giant.py").write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(InputError, match="is larger than 1,000,000 bytes"):
        read_code(tmp_path / "giant.py")


def test_a_copy_never_replaces_another_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    code = read_code(tmp_path / "mine.py")
    copies = tmp_path / "copies"
    copies.mkdir()
    copy = code.copy_into(copies)
    assert read_code(copy.path).sha256 == code.sha256
    assert code.copy_into(copies) == copy
    (copies / "mine.py").write_text("# somebody's work\n")
    with pytest.raises(InputError, match="is there already and is another file"):
        code.copy_into(copies)
    assert (copies / "mine.py").read_text() == "# somebody's work\n"
