"""How a user's own encoder stands in a preset: `kind = "path/to/file.py:Class"`, and its options beside it.

Only the form is read here. The file is looked at by `own_code.py`, and run by `models/own_encoder.py`.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from engine.files import user_path
from engine.model_settings import ConvolutionFrontEnd, FrontEnd, LinearFrontEnd, NoFrontEnd, OwnEncoder, width_before

FORM = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d]\w*)", re.DOTALL)
GIVEN = ("input_width", "self")
"""What the class is given in another way than by options."""


def names_own_code(kind: object) -> bool:
    """Whether a kind means a file, however badly it is written."""
    return isinstance(kind, str) and (".py:" in kind or kind.endswith(".py"))


def anchor(table: dict[str, Any], folder: Path) -> None:
    """Makes the path in an [encoder] table absolute; a relative one lies in the folder. Raises `InputError`."""
    kind = table.get("kind")
    match = FORM.fullmatch(kind) if isinstance(kind, str) else None
    if match is not None:
        table["kind"] = f"{os.path.abspath(folder / user_path(match['file']))}:{match['name']}"


def read_own_kind(table: dict[str, Any], problems: list[str]) -> OwnEncoder | None:
    """The section of an [encoder] table whose kind names a file; what is wrong with it is added to the problems."""
    kind = str(table["kind"])
    match = FORM.fullmatch(kind)
    if match is None:
        file = kind.partition(":")[0]
        problems.append(f"encoder.kind = '{kind}' names a file without a class; write it as '{file}:ClassName'")
        return None
    options = {key: value for key, value in table.items() if key != "kind"}
    before = len(problems)
    for key, value in options.items():
        if key in GIVEN:
            problems.append(f"encoder.{key} can't be set: the front end decides what {match['name']} is given as {key}")
        if not _is_plain(value):
            problems.append(
                f"encoder.{key} = {value!r} is not allowed; an encoder of your own takes text, finite numbers, true or "
                "false, and lists and tables of them"
            )
    if len(problems) > before:
        return None
    return OwnEncoder(file=os.path.abspath(user_path(match["file"])), name=match["name"], options=options)


def write_own_kind(encoder: OwnEncoder, folder: Path | None) -> dict[str, Any]:
    """The [encoder] table as TOML has it. A file inside `folder`, where the TOML will lie, is named relative to it."""
    file = Path(encoder.file)
    if folder is not None and file.is_relative_to(os.path.abspath(folder)):
        file = file.relative_to(os.path.abspath(folder))
    return {"kind": f"{file.as_posix()}:{encoder.name}", **encoder.options}


def default_front_end(encoder: OwnEncoder) -> FrontEnd:
    """What stands before a class when the preset doesn't say: with a d_model the usual one, else nothing."""
    return LinearFrontEnd() if width_before(encoder) else NoFrontEnd()


def contradictions_of_own(encoder: OwnEncoder, front_end: FrontEnd) -> list[str]:
    """What is wrong between an own encoder and its front end."""
    if not isinstance(front_end, LinearFrontEnd | ConvolutionFrontEnd):
        return []
    kind = front_end.__struct_config__.tag
    if "d_model" not in encoder.options:
        return [
            f"front_end.kind = '{kind}' needs a width to give to {encoder.name}: set encoder.d_model, or front_end.kind"
            " = 'none', which gives it the mel bands themselves"
        ]
    if not 1 <= width_before(encoder) <= 8192:
        return [
            f"encoder.d_model = {encoder.options['d_model']!r} is not allowed; it takes a whole number of 1 to 8192"
        ]
    return []


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))
