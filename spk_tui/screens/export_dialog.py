"""Asks where charts should be written, and writes them: the path's ending says as what.

What stands in an image is `curves_svg.py`'s business, and in a table `curves_csv.py`'s; events are copied as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from engine.errors import InputError
from engine.files import write_atomically
from spk_tui.background import in_thread
from spk_tui.charts import Chart, View
from spk_tui.widgets.path_input import PathInput

KINDS = {
    ".svg": "the charts that are seen, as a vector image",
    ".csv": "all curves, one row a step",
    ".jsonl": "everything the run has told, as it stands in its folder",
}


class ExportDialog(ModalScreen[Path | None]):
    """Returns the path, or None when nothing should be written."""

    BINDINGS = [Binding("escape", "cancel", "Cancel")]  # noqa: RUF012
    DEFAULT_CSS = """
    ExportDialog { align: center middle; background: $background 60%; }
    """

    def __init__(self, suggested: Path, endings: Mapping[str, str]) -> None:
        super().__init__()
        self._suggested, self._endings = suggested, endings

    def compose(self) -> ComposeResult:
        """Where to, what each ending means, and the two answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Export"
            yield Static("\n".join(f"{ending:8}{words}" for ending, words in self._endings.items()), markup=False)
            yield PathInput(str(self._suggested), files=True, placeholder="a file")
            yield Static("", classes="remark", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Write", variant="primary", id="write", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """One types at once, at the end of the suggestion."""
        path = self.query_one(PathInput)
        path.focus()
        path.cursor_position = len(path.value)

    @on(Input.Changed)
    def _remark(self) -> None:
        path = self.query_one(PathInput).path
        remark = self._objection(path) or ("there is a file already; it would be replaced" if path.is_file() else "")
        self.query_one(".remark", Static).update(remark)

    def _objection(self, path: Path) -> str:
        if path.suffix.lower() in self._endings:
            return ""
        return f"the name should end in {', '.join(self._endings)}"

    @on(Input.Submitted)
    @on(Button.Pressed, "#write")
    def _write(self) -> None:
        path = self.query_one(PathInput).path
        if not self._objection(path):
            self.dismiss(path)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Nothing is written."""
        self.dismiss(None)


async def export(
    app: App[Any], shown: Mapping[str, Chart], charts: Mapping[str, Chart], view: View, events: Path | None
) -> None:
    """Asks for a path and writes the file: `shown` into an image, all `charts` into a table, or a copy of `events`."""
    endings = {ending: words for ending, words in KINDS.items() if ending != ".jsonl" or events is not None}
    run = events.parent.name if events is not None else "charts"
    suggested = Path.cwd() / f"{run}{'-' + next(iter(shown)) if len(shown) == 1 else ''}.svg"
    chosen = await app.push_screen_wait(ExportDialog(suggested, endings))
    if chosen is None:
        return
    try:
        await in_thread(write, chosen, _maker(chosen.suffix.lower(), run, shown, charts, view, events))
    except InputError as error:
        app.notify(str(error), title="Not exported", severity="error", timeout=10, markup=False)
    else:
        app.notify(str(chosen), title="Exported", timeout=8, markup=False)


def write(path: Path, make: Callable[[], str | bytes]) -> None:
    """Makes a file's content and writes it. Blocks; raises `InputError`."""
    try:
        content = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror})") from None


def _maker(
    ending: str, title: str, shown: Mapping[str, Chart], charts: Mapping[str, Chart], view: View, events: Path | None
) -> Callable[[], str | bytes]:
    if ending == ".jsonl" and events is not None:
        return events.read_bytes
    if ending == ".csv":
        from spk_tui.curves_csv import curves_csv

        return lambda: curves_csv(charts)
    from spk_tui.curves_svg import curves_svg

    return lambda: curves_svg(shown, view, title=title)
