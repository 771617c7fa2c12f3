"""The child's side of a contender: reads "NAME SECONDS" from its parent, answers "COUNT SECONDS"."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator


def asked(said_to: int) -> Iterator[tuple[str, float, Callable[[int], None]]]:
    """Yields each task with its deadline and the function that answers it with a count. Ends with the parent's pipe.

    said_to: the file descriptor that answers go to.
    """
    os.write(said_to, b"ready\n")
    for line in sys.stdin:
        task, seconds = line.split()
        began = time.perf_counter()

        def answer(count: int, began: float = began) -> None:
            os.write(said_to, f"{count} {time.perf_counter() - began}\n".encode())

        yield task, began + float(seconds), answer


def own_stdout() -> int:
    """The pipe to the parent; what libraries print goes elsewhere from now on."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    return pipe
