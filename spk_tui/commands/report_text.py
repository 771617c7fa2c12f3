"""A report of `engine.use` as text for a terminal: its heading, what to know of it, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spk_tui.commands.answers import table
from spk_tui.commands.corpus_report import wrapped

if TYPE_CHECKING:
    from engine.use.report_tables import Table


def report_text(heading: str, facts: Sequence[str], tables: Sequence[Table]) -> str:
    """Sentences as wide as the terminal, and the tables that have rows."""
    parts = ["\n".join([heading, *(line for fact in facts for line in wrapped(fact))])]
    for one in tables:
        if one.rows:
            lines = [one.title, *(f"  {line}" for line in table(one.heads, one.rows, one.numbers).splitlines())]
            parts.append("\n".join([*lines, *wrapped(one.note)]))
    return "\n\n".join(parts)
