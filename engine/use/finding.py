"""Which checkpoint is meant: a file, or the best one of a run. Loads no torch."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from engine.errors import InputError
from engine.files import user_path
from engine.runs.client import why_no_best
from engine.runs.directory import RunDirectory, find_run


class FoundCheckpoint(Struct, frozen=True):
    """The file, and the run that it lies in; none for a copy that lies elsewhere."""

    path: Path
    run: RunDirectory | None


def find_checkpoint(name: str | Path, runs: Path | None = None) -> FoundCheckpoint:
    """The checkpoint at a path, or the best of a run: its name, the beginning of one, its folder, or "last".

    runs: the folder of run directories. Raises `InputError`.
    """
    path = user_path(name)
    if path.is_file():
        folder = path.resolve().parent.parent
        return FoundCheckpoint(path, RunDirectory(folder) if (folder / "run.json").is_file() else None)
    if path.suffix == ".safetensors":
        raise InputError(f"{path}: there is no such file")
    run = find_run(str(name), runs)
    if not run.best_path.is_file():
        state = run.state()
        why = why_no_best(state) if state.ended else "'spk-tui save' has it validated now"
        raise InputError(f"{run.id}: has no best checkpoint yet; {why}")
    return FoundCheckpoint(run.best_path, run)
