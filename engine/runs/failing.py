"""What went wrong with a run, as the last event that a person can read; the traceback is in console.log."""

from __future__ import annotations

from engine.errors import InputError
from engine.files import NO_ROOM
from engine.model_settings import OwnEncoder
from engine.runs.directory import RunDirectory
from engine.runs.events import Failed


def failure(error: BaseException, run: RunDirectory) -> Failed:
    """The event for an error that ended the run. A user's own encoder may raise anything, and is blamed for it."""
    if isinstance(error, InputError):
        return Failed(cause="input", message=str(error))
    blamed = _blame_own_encoder(error, run)
    return Failed(cause="input" if blamed else "error", message=blamed or _in_words(error))


def exit_code(failed: Failed) -> int:
    """The exit code of a worker whose last word this is."""
    return 2 if failed.cause == "input" else 3


def _blame_own_encoder(error: BaseException, run: RunDirectory) -> str | None:
    """What a user's own encoder did wrong and in which line, when it was that; never when memory ran out."""
    encoder = run.preset().encoder
    if not isinstance(encoder, OwnEncoder) or type(error).__name__ == "OutOfMemoryError":
        return None
    from engine.models.own_encoder import blame

    return blame(error, encoder.file)


def _in_words(error: BaseException) -> str:
    if type(error).__name__ == "OutOfMemoryError":
        return "the device is out of memory; try a smaller segments.batch_size or segments.frames"
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"no space is left for {error.filename or 'the run directory'}; make room and resume the run"
    return f"{type(error).__name__}: {error} (console.log in the run directory has the details)"
