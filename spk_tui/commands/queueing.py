"""The command `queue`: who waits for which device, in which order, and how to change that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from spk_tui.commands.answers import say, say_json, table
from spk_tui.commands.options import AsJson, Runs
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from pathlib import Path

    from engine.runs.queue import Queue
    from spk_tui.queue_lines import QueueLine

Action: TypeAlias = Annotated[Literal["list", "move", "remove"], Parameter(help="list (the default), move or remove")]
Waiting: TypeAlias = Annotated[str | None, Parameter(help="the run to move or remove")]
First: TypeAlias = Annotated[
    bool, Parameter(negative=(), show_default=False, help="move it to the beginning of the line")
]
Last: TypeAlias = Annotated[bool, Parameter(negative=(), show_default=False, help="move it to the end of the line")]
Before: TypeAlias = Annotated[str | None, Parameter(help="move it to the place before this run")]


def queue(
    action: Action = "list",
    run: Waiting = None,
    /,
    *,
    first: First = False,
    last: Last = False,
    before: Before = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Lists who trains and who waits on which device; moves a run in the line, or takes it out.

    'spk-tui train PRESET --queue' puts a run in line. 'queue move RUN' takes one of --first, --last and --before OTHER.
    'queue remove RUN' stops a run that waits; 'spk-tui resume RUN --queue' puts it in line again. An interrupted run is
    one whose worker is gone: it keeps its place, and blocks nobody.

    JSON, also after a change: a list of {"id", "run", "preset", "corpus", "host", "devices", "state", "place",
    "since"}; "place" is 1 for who is next, null for who trains or is interrupted; "since" is a Unix time.
    """
    from engine.errors import InputError
    from engine.runs.queue import Queue

    if (run is None) != (action == "list"):
        raise InputError("say what to do: queue, queue move RUN (--first, --last, --before OTHER), queue remove RUN")
    if (first, last, before is not None).count(True) != (action == "move"):
        raise InputError("'queue move RUN' takes one of --first, --last and --before OTHER; nothing else does")
    line = Queue(runs)
    if run is not None:
        name = _in_line(run, runs)
        if action == "remove":
            _remove(line, name, as_json=as_json)
        else:
            target = None if last else _in_line(before, runs) if before is not None else _head(line)
            line.move(name, target)
    _tell(line, runs, as_json=as_json)
    return WELL


def _in_line(name: str, runs: Path | None) -> str:
    from engine.runs.directory import find_run

    return find_run(name, runs).id


def _head(line: Queue) -> str | None:
    return next((entry.run for entry in line.read()), None)


def _remove(line: Queue, run: str, *, as_json: bool) -> None:
    """Stops a run that waits, or takes the entry away of one whose worker is gone. Raises `InputError`."""
    from engine.runs.client import take_out_of_line

    message = take_out_of_line(line, run)
    if not as_json:
        say(f"{run}: {message}\n")


def _tell(line: Queue, runs: Path | None, *, as_json: bool) -> None:
    from spk_tui.queue_lines import queue_lines
    from spk_tui.run_index import RunIndex

    lines = queue_lines(line, RunIndex(line.folder).read())
    if as_json:
        say_json([_answer(each) for each in lines])
    elif not lines:
        say("nobody trains and nobody waits; 'spk-tui train PRESET --queue' puts a run in line")
    else:
        say(_table(lines))


def _table(lines: tuple[QueueLine, ...]) -> str:
    from spk_tui.queue_words import place_word
    from spk_tui.wording import age, corpus_words

    now = time.time()
    rows = [
        [
            " ".join(line.devices),
            place_word(line.place) if line.place else "now" if line.entry is None else "–",
            line.condition,
            line.run.id,
            corpus_words(line.row.info.corpus),
            age(now - line.since),
        ]
        for line in lines
    ]
    text = table(["DEVICE", "PLACE", "STATE", "RUN", "CORPUS", "SINCE"], rows)
    gone = [line.run.id for line in lines if line.entry is not None and line.place is None]
    hints = [f"\n\n'spk-tui resume {run} --queue' lets {run} wait again" for run in gone[:1]]
    return text + "".join(hints)


def _answer(line: QueueLine) -> dict[str, Any]:
    return {
        "id": line.run.id,
        "run": str(line.run.path),
        "preset": line.row.info.preset,
        "corpus": line.row.info.corpus,
        "host": line.host,
        "devices": line.devices,
        "state": line.condition,
        "place": line.place,
        "since": line.since,
    }
