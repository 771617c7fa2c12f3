"""Who trains and who waits on which device, for lists: the queue's order joined with what is known of the runs.

The order itself is `engine.runs.queue`'s; lines are shown by the command `queue` and by the queue screen.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

from engine.runs.devices import devices_of
from engine.runs.directory import Condition, RunDirectory
from engine.runs.queue import Entry, Queue
from spk_tui.run_index import RunRow


@dataclass(frozen=True)
class QueueLine:
    """A run that trains (no place), waits (its place: 1 is next), or stands in line though its worker is gone (none).

    `entry` is what stands in queue.json of those that don't train; `since` is a Unix time in seconds.
    """

    row: RunRow
    host: str
    devices: tuple[str, ...]
    condition: Condition
    since: float
    place: int | None = None
    entry: Entry | None = None

    @property
    def run(self) -> RunDirectory:
        """The run."""
        return self.row.run


def queue_lines(queue: Queue, rows: Sequence[RunRow]) -> tuple[QueueLine, ...]:
    """Device by device: first who trains there, then who waits, in their order. Raises `InputError`; reads the disk."""
    entries = queue.read()
    waiting = _waiting(queue, entries, {row.run.id: row for row in rows})
    there = {line.run.id for line in waiting}
    active = [row for row in rows if not row.is_over and row.condition != "queued" and row.run.id not in there]
    lines = [*(line for row in active if (line := _training(row)) is not None), *waiting]
    return tuple(sorted(lines, key=lambda line: (line.host, line.devices)))


def _waiting(queue: Queue, entries: Sequence[Entry], rows: dict[str, RunRow]) -> list[QueueLine]:
    lines = []
    for entry in entries:
        row = rows.get(entry.run)
        if row is None:
            continue  # deleted since
        waits = queue.is_waiting(entry)
        lines.append(
            QueueLine(
                row=row,
                host=entry.host,
                devices=entry.devices,
                condition="queued" if waits else row.condition,
                since=entry.since,
                place=queue.place_of(entry.run, entries).number if waits else None,
                entry=entry,
            )
        )
    return lines


def _training(row: RunRow) -> QueueLine | None:
    """The line of a run that trains; of another machine's devices, run.json says which."""
    if row.preset is None:
        return None
    here = row.info.host == platform.node()
    devices = devices_of(row.preset.run) if here else (row.info.device or row.preset.run.device,)
    return QueueLine(row=row, host=row.info.host, devices=devices, condition=row.condition, since=row.info.created)
