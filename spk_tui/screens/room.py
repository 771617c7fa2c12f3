"""What the dashboard's full screens share: their way to the app, a help text, and entries of the command palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen

if TYPE_CHECKING:
    from spk_tui.app import Dashboard


class Room(Screen[None]):
    """A full screen of the dashboard."""

    HELP_TEXT: ClassVar[str] = ""

    @property
    def dashboard(self) -> Dashboard:
        """The app, as what it is."""
        return cast("Dashboard", self.app)

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done here now, for the command palette: name, explanation, action."""
        yield from ()
