"""The orders that runs are listed in, the same on the runs screen and for `runs --sort`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from spk_tui.run_rows import RunRow

STATES = (
    "training", "validating", "preparing", "starting", "stopping", "paused", "queued",
    "interrupted", "failed", "stopped", "finished",
)  # fmt: skip
"""What asks for attention first stands first."""


@dataclass(frozen=True)
class Order:
    """An order: how it is called, the column that it goes by, and whether the greatest comes first."""

    words: str
    column: str
    of: Callable[[RunRow], Any]
    greatest_first: bool = False


def _place(row: RunRow) -> int:
    return STATES.index(row.condition) if row.condition in STATES else len(STATES)


ORDERS = {
    "newest": Order("newest first", "begun", lambda row: row.info.created, greatest_first=True),
    "best": Order("best accuracy first", "best", lambda row: row.best_accuracy, greatest_first=True),
    "preset": Order("by preset", "preset", lambda row: row.info.preset.casefold()),
    "corpus": Order("by corpus", "corpus", lambda row: row.info.corpus.casefold()),
    "steps": Order("most steps first", "step", lambda row: row.step, greatest_first=True),
    "parameters": Order("fewest parameters first", "parameters", lambda row: row.encoder_parameters),
    "state": Order("by state", "state", _place),
}


def in_order(rows: Iterable[RunRow], order: str, *, reverse: bool = False) -> list[RunRow]:
    """The rows in one of the `ORDERS`, equal ones the newest first; those without a value always stand last."""
    chosen = ORDERS[order]
    newest = sorted(rows, key=lambda row: row.info.created, reverse=True)
    known = [row for row in newest if chosen.of(row) is not None]
    known.sort(key=chosen.of, reverse=chosen.greatest_first != reverse)
    return known + [row for row in newest if chosen.of(row) is None]
