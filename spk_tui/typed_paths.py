"""A line with several paths as a shell takes it, since terminals put files in so that are dropped on them.

Blanks part the paths; quotes and backslashes keep blanks; ~ and wildcards mean what they mean in a shell.
"""

from __future__ import annotations

import glob
import re
import shlex

from engine.errors import InputError
from engine.files import user_path

PLAIN = re.compile(r"([^\w@%+=:,./~-])")


def paths_in(line: str) -> list[str]:
    """The paths of a line, in its order. Raises `InputError` for an open quote and for wildcards that find nothing."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InputError(f"the line ends within a path ({str(error).lower()})") from None
    return [path for word in words for path in _expanded(str(user_path(word)))]


def _expanded(path: str) -> list[str]:
    if not glob.has_magic(path) or glob.glob(glob.escape(path)):
        return [path]
    found = sorted(glob.glob(path))
    if not found:
        raise InputError(f"{path}: there is no such file")
    return found


def last_word(line: str) -> str | None:
    """The path that is being typed, without what a shell needs around it; None within quotes."""
    word, quote, is_escaped = "", "", False
    for letter in line:
        if is_escaped:
            word, is_escaped = word + letter, False
        elif letter == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            word, quote = (word, "") if letter == quote else (word + letter, quote)
        elif letter in "'\"":
            quote = letter
        else:
            word = "" if letter in " \t\r\n" else word + letter
    return None if quote or is_escaped else word


def escaped(text: str) -> str:
    """Text as a part of such a line."""
    return PLAIN.sub(r"\\\1", text)
