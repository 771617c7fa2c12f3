"""One of several ranks of a run: `torchrun ... -m engine.runs.rank RUN_DIRECTORY`.

All ranks do the same; rank 0 tells its supervisor what happens and receives from it what is asked. The supervisor
starts the ranks of its own machine; on further machines a person or a scheduler does (docs/distributed.md).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.failing import exit_code, failure
from engine.runs.preparing import Prepared, prepare
from engine.runs.rank_link import Joined, Link, failing, told
from engine.runs.requests import Request

if TYPE_CHECKING:
    from engine.training.distributed import Place


def work(run: RunDirectory, place: Place, link: Link | None, *, resumed: bool) -> int:
    """Trains as this rank; returns the exit code."""
    from engine.training.distributed import lost_another

    try:
        for event in _events(run, place, link, resumed=resumed):
            if isinstance(event, e.Failed):
                return _fail(place, link, event)
            if link is not None and place.rank == 0:
                link.say(told(event))
        return 0
    except BaseException as error:  # a user's own encoder may raise anything
        if not isinstance(error, InputError):
            traceback.print_exc()  # into console.log, for those who mend it
        return _fail(place, link, failure(error, run), lost=lost_another(error))


def _events(run: RunDirectory, place: Place, link: Link | None, *, resumed: bool) -> Iterator[e.AnyEvent]:
    if place.rank == 0 and link is None:
        raise InputError(
            "rank 0 has nobody to tell its events to: start the first machine's ranks with 'spk-tui train' or 'spk-tui"
            " resume' and --machines, and torchrun with --node-rank 1 or more on the others"
        )
    from engine.training.life import train_as_rank

    run.check_encoder()
    prepared = _prepared(run)
    yield from train_as_rank(run, prepared, link or _Nobody(), place, resumed=resumed)


def _prepared(run: RunDirectory) -> Prepared:
    """What the supervisor has prepared already; on another machine with a cache of its own it is made now."""
    steps = prepare(run.info(), run.preset(), silently, refitted=lambda _: iter(()))
    while True:
        try:
            next(steps)  # the supervisor has told what there is to tell
        except StopIteration as ended:
            prepared: Prepared = ended.value
            return prepared


class _Nobody:
    """The inbox of a rank to which nobody writes."""

    def read(self) -> list[Request]:
        return []


def _fail(place: Place, link: Link | None, failed: e.Failed, lost: bool = False) -> int:
    """Tells the last word of this rank; all ranks have it when the run itself has failed."""
    if link is not None:
        link.say(failing(place.rank, failed, lost))
    else:
        sys.stderr.write(f"rank {place.rank}: {failed.message}\n")
    return exit_code(failed)


def main() -> int:
    """Runs one rank of the run directory named on the command line."""
    parser = argparse.ArgumentParser(prog="torchrun ... -m engine.runs.rank", description="one of a run's ranks")
    parser.add_argument("run", type=Path)
    parser.add_argument("--resumed", action="store_true", help="the run has had a life before; rank 0 is told so")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # torchrun ends ranks with it, for good
    link = None
    try:
        link = Link.from_environment()
        from engine.training.distributed import Place

        place = Place.from_environment()
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if link is not None:
        link.say(Joined(place.rank, os.getpid()))
        link.watch()
    return work(RunDirectory(arguments.run), place, link, resumed=arguments.resumed)


if __name__ == "__main__":
    sys.exit(main())
