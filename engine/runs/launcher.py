"""torchrun, and a word to the supervisor on how ranks ended: `python -m engine.runs.launcher TORCHRUN_ARGUMENTS`.

torchrun itself writes exit codes into a log for people; a supervisor needs them as numbers.
"""

from __future__ import annotations

import sys

from engine.runs.rank_link import Deaths, Link


def main() -> int:
    """Runs torchrun to the end of its ranks; returns 1 when one of them ended badly."""
    link = Link.from_environment()
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        torchrun.run(torchrun.parse_args(sys.argv[1:]))  # type: ignore[no-untyped-call]  # torch gives them no types
        return 0
    except ChildFailedError as error:
        if link is not None:
            link.say(Deaths({rank: failure.exitcode for rank, failure in error.failures.items()}))
        return 1


if __name__ == "__main__":
    sys.exit(main())
