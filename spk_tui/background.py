"""Blocking work off the event loop, in daemon threads: a slow disk or a silent worker never holds up a key or quitting.

Python's own thread pool is joined at exit, which would keep a closed terminal's process alive; these threads are not.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """Runs the function in a thread of its own and returns its result, or raises what it raised."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def deliver(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # no error: it is the function's result

    def work() -> None:
        result: Result | None = None
        error: BaseException | None = None
        try:
            result = function(*arguments)
        except BaseException as caught:
            error = caught
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            pass  # the loop is closed: nobody waits for this any more

    threading.Thread(target=work, name=getattr(function, "__name__", "background"), daemon=True).start()
    return await future
