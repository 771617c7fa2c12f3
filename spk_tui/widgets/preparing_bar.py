"""What goes on before the first step: the stage and how far it is. Seen only while something is being prepared."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from spk_tui.follower import Snapshot
from spk_tui.widgets.pieces import progress_line


class PreparingBar(Widget):
    """One line: the stage, a bar, done of total."""

    DEFAULT_CSS = """
    PreparingBar { height: 2; padding: 1 1 0 1; width: 1fr; text-wrap: nowrap; display: none; }
    PreparingBar.-shown { display: block; }
    """

    snapshot: reactive[Snapshot | None] = reactive(None)

    def watch_snapshot(self, shown: Snapshot | None) -> None:
        """Comes and goes with the work."""
        self.set_class(shown is not None and shown.condition in ("starting", "preparing"), "-shown")

    def render(self) -> Content:
        """The line, or that there is nothing to tell yet."""
        shown = self.snapshot
        if shown is None or shown.preparing is None:
            return Content.styled("the worker is starting…", "$foreground-muted")
        stage = shown.preparing
        return progress_line(stage.stage, stage.done, stage.total, stage.unit, self.content_size.width)
