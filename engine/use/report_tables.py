"""Tables of a report, made once: as Markdown here, and on the terminal by `spk_tui/commands/answers.py`.

What stands in them is the business of whoever makes them, such as `evaluation_report.py`. Nothing is said by colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.use.results import Estimate

EIGHTHS = " ▏▎▍▌▋▊▉█"
SHADES = "·░▒▓█"


class Table(NamedTuple):
    """Heads and rows of cells; the columns of `numbers` are flush right. `note` is what to know of it, in a line."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    numbers: tuple[int, ...] = ()
    note: str = ""


def markdown(title: str, lines: Sequence[str], tables: Sequence[Table]) -> str:
    """A whole report: its title, lines before the tables, and a heading for each table that has rows."""
    parts = [f"# {escaped(title)}", *(f"- {escaped(line)}" for line in lines)]
    text = "\n".join([parts[0], "", *parts[1:]])
    for table in tables:
        if table.rows:
            text += f"\n\n## {table.title}\n\n{table_as_markdown(table)}"
            text += f"\n\n{escaped(table.note)}" if table.note else ""
    return text + "\n"


def estimate(value: Estimate) -> str:
    """A share and its interval, such as 0.9560 (0.938–0.972)."""
    return f"{value.value:.4f} ({value.low:.3f}–{value.high:.3f})"


def difference(value: Estimate) -> str:
    """A difference of shares and its interval, with signs."""
    return f"{value.value:+.4f} ({value.low:+.3f} to {value.high:+.3f})"


def bar(share: float, width: int) -> str:
    """A lying bar of at most `width` characters, in eighths."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def shade(number: int, of: int) -> str:
    """A count with a shade for its share, such as "▓ 7"; a dot where there is none."""
    if not number:
        return SHADES[0]
    return f"{SHADES[max(1, min(4, -(-4 * number // of)))]} {number}"


def table_as_markdown(table: Table) -> str:
    """The table alone, without its title and note."""
    rule = ["---:" if column in table.numbers else "---" for column in range(len(table.heads))]
    rows = [table.heads, rule, *([escaped(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def escaped(text: str) -> str:
    """Text that Markdown leaves as it is."""
    for letter in "\\|<*_`[":
        text = text.replace(letter, f"\\{letter}")
    return text
