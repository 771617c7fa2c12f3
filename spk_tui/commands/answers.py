"""How commands answer on stdout: aligned tables for people, one line of JSON for scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def say(text: str = "") -> None:
    """One line (or several) on stdout."""
    sys.stdout.write(f"{text}\n")


def say_json(answer: Any) -> None:
    """The answer as one line of JSON on stdout; numbers that are not finite become null."""
    import msgspec

    say(msgspec.json.encode(answer).decode())


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Columns two spaces apart, as wide as their widest cell; the columns of `numbers` are flush right.

    Widths are those on a terminal, where a Chinese character takes two places.
    """
    from rich.cells import cell_len

    widths = [max(cell_len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = []
    for row in [heads, *rows]:
        cells = [
            " " * (width - cell_len(cell)) + cell if column in numbers else cell + " " * (width - cell_len(cell))
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
