"""What the dashboard's full screens share: their way to the app, a help text, and entries of the command palette."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.screen import Screen

from spk_tui.background import in_thread

if TYPE_CHECKING:
    from spk_tui.app import Dashboard


Result = TypeVar("Result")


class Room(Screen[None]):
    """A full screen of the dashboard."""

    HELP_TEXT: ClassVar[str] = ""

    @property
    def dashboard(self) -> Dashboard:
        """The app, as what it is."""
        return cast("Dashboard", self.app)

    @property
    def is_here(self) -> bool:
        """Whether the screen still stands: an answer from a thread may come after it was closed."""
        return self.is_attached and self.app.is_running and not self._pruning

    @property
    def is_current(self) -> bool:
        """Whether anything of it can be seen: whatever lies over it lets it through.

        Textual itself takes every screen that is second from the top for seen, and paints the one over it anew with it.
        """
        stack = self.app.screen_stack
        above = stack[stack.index(self) + 1 :] if self in stack else None
        return above is not None and all(screen.styles.background.a < 1 for screen in above)

    async def in_thread(self, function: Callable[..., Result], *arguments: object) -> Result:
        """As `background.in_thread`; when the screen is closed by then, the work that asked is cancelled."""
        try:
            return await in_thread(function, *arguments)
        finally:
            if not self.is_here:
                raise CancelledError

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done here now, for the command palette: name, explanation, action."""
        yield from ()
