"""What goes on before the first step: the stage and how far it is. Seen only while something is being prepared."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.runs.events import Preparing
from spk_tui.follower import Snapshot
from spk_tui.widgets.pieces import bar
from spk_tui.wording import count, percent


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
        """The line; without a known total there is no bar."""
        shown = self.snapshot
        if shown is None or shown.preparing is None:
            return Content.styled("the worker is starting…", "$foreground-muted")
        stage = shown.preparing
        amount = self._amount(stage)
        if not stage.total:
            return Content.assemble((stage.stage, "bold"), "   ", (amount, "$foreground-muted"))
        share = stage.done / stage.total
        room = self.content_size.width - len(stage.stage) - len(amount) - 12
        meter = bar(share, max(0, min(60, room)), "$secondary")
        return Content.assemble(
            (stage.stage, "bold"), "   ", meter, f" {percent(share)}   ", (amount, "$foreground-muted")
        )

    def _amount(self, stage: Preparing) -> str:
        done = (
            f"{count(stage.done)} of {count(stage.total)}" if stage.total else count(stage.done) if stage.done else ""
        )
        return f"{done} {stage.unit}".strip()
