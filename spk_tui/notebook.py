"""Training from a notebook's cell (Jupyter, Colab, Kaggle), with bars as widgets: the same runs as the commands make.

A run is a process of its own in a run directory, so a cell that is interrupted loses nothing, and a directory on a
mounted drive outlives the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.errors import InputError
from engine.files import user_path
from engine.runs.directory import RunDirectory, find_run, list_runs
from spk_tui.commands.following import Following, Interruptions
from spk_tui.commands.training import check_corpus, prepare_preset, resume_and_follow, start_and_follow
from spk_tui.commands.trusting import settle_trust
from spk_tui.display.choose import choose


def train(
    preset: str,
    data: str | None = None,
    *,
    overrides: Sequence[str] = (),
    steps: int | None = None,
    device: str | None = None,
    runs: str | Path | None = None,
    go_on: bool = False,
    trust: bool = False,
) -> RunDirectory:
    """Trains a preset and shows bars until it ends; interrupting the cell stops the run with its state saved.

    `data` is a corpus folder (default: the built-in demo corpus), `overrides` are such as "encoder.layers=4", `runs` is
    the folder of run directories. With `go_on` the newest run of this preset in that folder is taken up where it was
    left: watched when it is still training, resumed when it was stopped or cut off, and only returned when it is
    finished; a new one starts when there is none. So the same cell can be run again after a disconnect. `trust` lets
    the Python file of an encoder of your own run.

    Returns the run; its `best_path` is the best checkpoint. Raises `InputError`.
    """
    folder = user_path(runs) if runs is not None else None
    earlier = _newest(preset, folder) if go_on else None
    if earlier is not None:
        return _take_up(earlier, trust)
    settings = prepare_preset(preset, list(overrides), steps, device)
    settle_trust(settings, trust)
    start_and_follow(settings, check_corpus(data, settings), folder, "auto")
    return list_runs(folder)[0]


def resume(
    run: str = "last", *, steps: int | None = None, runs: str | Path | None = None, trust: bool = False
) -> RunDirectory:
    """Goes on from a run's last checkpoint and shows bars until it ends. Raises `InputError`."""
    found = find_run(run, user_path(runs) if runs is not None else None)
    found.check_encoder()  # nobody is asked to trust a copy that can't go on
    settle_trust(found.preset(), trust)
    resume_and_follow(found, steps, "auto")
    return found


def attach(run: str = "last", *, runs: str | Path | None = None) -> RunDirectory:
    """Shows a run until it ends; interrupting the cell leaves it running. Raises `InputError`."""
    found = find_run(run, user_path(runs) if runs is not None else None)
    with Interruptions() as interruptions:
        Following(found).follow(choose("auto"), interruptions, on_interrupt="leave", launched=False)
    return found


def _newest(preset: str, folder: Path | None) -> RunDirectory | None:
    """The newest run of a preset, that of a file by the name in it."""
    name = prepare_preset(preset, []).name
    for run in list_runs(folder):
        try:
            if run.info().preset == name:
                return run
        except InputError:
            continue
    return None


def _take_up(run: RunDirectory, trust: bool) -> RunDirectory:
    condition = run.condition(run.state())
    if run.alive or condition == "finished":
        return attach(str(run.path))
    return resume(str(run.path), trust=trust)
