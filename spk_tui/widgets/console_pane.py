"""What the worker printed, as far as it is of use: the end of console.log, followed while the pane is open."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from spk_tui.background import in_thread
from spk_tui.console_tail import ConsoleTail


class ConsolePane(VerticalScroll):
    """Seen only while it is open; it follows its end until one scrolls up."""

    DEFAULT_CSS = """
    ConsolePane {
        border: round $panel-lighten-1; border-title-color: $foreground; padding: 0 1; scrollbar-size-vertical: 1;
        & > Static { height: auto; }
        &:focus { border: round $primary; border-title-color: $primary; }
    }
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.border_title = "Console output"
        self._tail = ConsoleTail(path)
        self._reading = False
        self.copyable = ""

    def compose(self) -> ComposeResult:
        """All lines in one text."""
        yield Static(Content.styled("nothing was printed", "$foreground-muted"))

    async def follow(self) -> None:
        """Reads what is new, in a thread."""
        if self._reading:
            return
        self._reading = True
        try:
            lines = await in_thread(self._tail.read)
        except OSError as error:
            self._show(Content.styled(f"{self._tail.path}: {error.strerror}", "$error"))
        else:
            if lines is not None:
                self.copyable = "\n".join(lines)
                self._show(Content(self.copyable) if lines else Content.styled("empty", "$foreground-muted"))
                self.border_title = "Console output" + (", its end" if self._tail.skipped else "")
        finally:
            self._reading = False

    def _show(self, text: Content) -> None:
        if not self.is_mounted:
            return
        follows = self.scroll_offset.y >= self.max_scroll_y - 1
        self.query_one(Static).update(text)
        if follows:
            self.call_after_refresh(self.scroll_end, animate=False)
