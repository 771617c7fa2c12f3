"""The file of a user's own encoder, looked at without running it: its text, its hash, and what is wrong at sight.

Syntax, the class, and imports of neighbours are read off the text, so that the dashboard can refuse a bad file before
a run directory is made. Whether it may run is the business of `trust.py`; `models/own_encoder.py` runs it.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from msgspec import Struct

from engine.errors import InputError, nearest_spelling
from engine.files import write_atomically
from engine.model_settings import OwnEncoder
from engine.preset import Preset

LARGEST_FILE = 1_000_000
"""Bytes; a file above that is no program that anybody wrote."""


class OwnCode(Struct, frozen=True):
    """A file's text as it was read once, so that what is judged, copied and run is the same."""

    path: str
    text: bytes
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.path).name

    def copy_into(self, folder: Path) -> OwnCode:
        """Writes the text into a folder under the same name; returns the copy. Raises `InputError`.

        Another file of that name is never replaced.
        """
        copy = OwnCode(os.path.abspath(folder / self.name), self.text, self.sha256)
        if Path(copy.path).exists() and read_code(copy.path).sha256 != self.sha256:
            raise InputError(f"{copy.path}: is there already and is another file; choose another folder")
        try:
            write_atomically(Path(copy.path), self.text)
        except OSError as error:
            raise InputError(f"{copy.path}: can't be written ({error.strerror})") from None
        return copy


def read_code(path: Path | str) -> OwnCode:
    """Reads a Python file. Raises `InputError`."""
    path = Path(path)
    try:
        if path.is_file() and path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: is larger than {LARGEST_FILE:,} bytes, which is no file with an encoder in it")
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: can't be read ({error.strerror}); encoder.kind names it, and a relative path starts from the"
            " preset's folder"
        ) from None
    return OwnCode(str(path), text, hashlib.sha256(text).hexdigest())


def code_of(preset: Preset) -> OwnCode | None:
    """The file that a preset's encoder is made by, looked at; none for the built-in encoders. Raises `InputError`."""
    if not isinstance(preset.encoder, OwnEncoder):
        return None
    code = read_code(preset.encoder.file)
    look_at(code, preset.encoder.name)
    return code


def look_at(code: OwnCode, name: str) -> None:
    """Refuses a file that can't be read as Python, lacks the class, or imports a neighbour. Raises `InputError`."""
    tree = parse(code)
    defined = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    if name not in _names(tree):
        there = f"its classes: {', '.join(defined)}" if defined else "it has no class"
        raise InputError(f"{code.path}: has no class '{name}'{nearest_spelling(name, defined)} ({there})")
    for line, module in _imports(tree):
        if _is_neighbour(module, Path(code.path).parent):
            raise InputError(
                f"{code.path}, line {line}: imports '{module}', which lies beside it; a run takes a copy of this one "
                "file, so what the encoder needs must stand in it (or in an installed package)"
            )


def parse(code: OwnCode) -> ast.Module:
    """The file as a syntax tree. Raises `InputError` with the line."""
    try:
        return ast.parse(code.text, code.path)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        shown = f": {error.text.strip()}" if error.text else ""
        raise InputError(f"{code.path}{where}: is not valid Python ({error.msg}){shown}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{code.path}: is not valid Python ({error})") from None


def _names(tree: ast.Module) -> set[str]:
    """Whatever the file's top level may give a name to, also under `if` and `try`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and first name of each module that is imported; a leading dot where it is a relative one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            name = (node.module or node.names[0].name).partition(".")[0]
            yield node.lineno, "." * node.level + name


def _is_neighbour(module: str, folder: Path) -> bool:
    """Whether an import means what lies in the folder, and nothing that is installed."""
    if module.startswith("."):
        return True
    if module == __name__.partition(".")[0] or module in sys.stdlib_module_names:
        return False
    if not (folder / f"{module}.py").exists() and not (folder / module).is_dir():
        return False
    here = {os.path.realpath(folder), os.path.realpath("")}
    elsewhere = [place for place in sys.path if os.path.realpath(place) not in here]
    return PathFinder.find_spec(module, elsewhere) is None
