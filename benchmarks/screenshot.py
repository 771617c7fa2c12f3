"""A picture of the training screen of a run, as SVG: the one in the README is made with it.

python benchmarks/screenshot.py RUN docs/training-screen.svg [COLUMNSxROWS]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from engine.runs.directory import RunDirectory, find_run
from spk_tui.app import Dashboard
from spk_tui.widgets.curve_chart import CurveChart


async def picture(run: RunDirectory, columns: int, rows: int) -> str:
    """Opens the run in a dashboard without a terminal, waits until every chart is drawn, and exports the screen."""
    dashboard = Dashboard(run.path.parent)
    async with dashboard.run_test(size=(columns, rows)) as pilot:
        dashboard.open_run(run)
        await pilot.pause()
        while any(chart.drawings == 0 for chart in dashboard.screen.query(CurveChart) if chart.display):
            await pilot.pause(0.1)
        return dashboard.export_screenshot(title=f"spk-tui: {run.preset().name}")


def main() -> None:
    """Writes the file named on the command line."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    columns, rows = (int(part) for part in (sys.argv[3] if len(sys.argv) == 4 else "120x40").split("x"))
    Path(sys.argv[2]).write_text(asyncio.run(picture(find_run(sys.argv[1]), columns, rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
