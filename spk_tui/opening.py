"""Opening the dashboard on a terminal: what is read before the first paint, and what is said after the last.

Small files only are read here: settings, and what the dashboard remembers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine.errors import InputError
from engine.files import runs_folder
from spk_tui import terminal
from spk_tui.app import Dashboard
from spk_tui.remembered import recall
from spk_tui.settings import read_settings


def run_dashboard(runs: Path | None = None, *, frames_per_second: float | None = None, tour: bool = False) -> int:
    """Opens the dashboard and returns the exit code. Raises `InputError` where no dashboard can be shown.

    runs: the folder of runs; none: the user's own. frames_per_second: counts before the settings.
    tour: begin with the tour, which a first opening does anyway.
    """
    if terminal.is_dumb():
        raise InputError(
            f"this terminal (TERM={os.environ['TERM']}) can't show a dashboard; 'spk-tui train PRESET' and"
            " 'spk-tui attach RUN --display plain' show a run line by line"
        )
    if terminal.has_no_colour():
        os.environ.setdefault("NO_COLOR", "1")
    settings, problems = read_settings()
    remembered = recall()
    dashboard = Dashboard(
        runs,
        settings=settings,
        problems=problems,
        remembered=remembered,
        frames_per_second=frames_per_second,
        tour=tour or not (remembered.tour_seen or _has_runs(runs)),
    )
    dashboard.run()
    for name in dashboard.left_running:
        sys.stdout.write(f"{name} goes on training; 'spk-tui attach {name}' shows it, 'spk-tui stop {name}' ends it.\n")
    return dashboard.return_code or 0


def _has_runs(runs: Path | None) -> bool:
    """Whether anybody has trained here before: then they need no tour."""
    try:
        return any((runs or runs_folder()).iterdir())
    except OSError:
        return False
