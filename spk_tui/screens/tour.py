"""The tour: five cards for somebody who opens the dashboard for the first time. It can be left at any card.

When it is shown is the app's decision, and in the palette it can always be had again.
"""

from __future__ import annotations

from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static


class Card(NamedTuple):
    """One card of the tour."""

    title: str
    text: str


CARDS = (
    Card(
        "A preset and its budget",
        "The first screen lists presets: an encoder with all that trains it. The bar says how much of the budget of "
        "parameters an encoder uses, and whether it fits. Type / to search, press e to change whatever you like: the "
        "meter follows. quick-tour is the one to begin with.",
    ),
    Card(
        "Speech to learn from",
        "A built-in demo corpus needs nothing from you. c chooses your own folder (a folder for each speaker), d "
        "fetches public speech, and i shows what is in a corpus and what is wrong with it. F5 starts the training.",
    ),
    Card(
        "Watching it learn",
        "Curves, log and state of a run, live. x stops it and saves its state, space lets it wait, s copies the best "
        "model to a path. When something goes wrong the log says what, and what to try.",
    ),
    Card(
        "A run is a process of its own",
        "Leave the screen, quit, close the laptop: it goes on training. F3 lists all runs, past and live; there they "
        "are opened, resumed and compared.",
    ),
    Card(
        "When you don't know a key",
        "F1 explains the place where you are and its keys. Ctrl+P finds everything by name, this tour and other "
        "colours too. Ctrl+C copies what you marked with the mouse, q leaves. 'spk-tui settings' tells which keys, "
        "colours and notifications can be changed.",
    ),
)


class Tour(ModalScreen[None]):
    """Five cards, one at a time."""

    DEFAULT_CSS = "Tour #card { min-height: 6; }"

    BINDINGS = [  # noqa: RUF012
        Binding("right", "turn(1)", "Next", tooltip="The next card", id="tour.next"),
        Binding("left", "turn(-1)", "Back", tooltip="The card before", id="tour.previous"),
        Binding("escape,q", "dismiss", "Skip", tooltip="Leave the tour", id="tour.skip"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.place = 0

    def compose(self) -> ComposeResult:
        """A card and its answers; Enter means the next one."""
        with Vertical(classes="dialog"):
            yield Static(id="card", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Skip the tour", id="skip", compact=True)
                yield Button("Next", id="next", compact=True)

    def on_mount(self) -> None:
        """The first card."""
        self.query_one("#next").focus()
        self._show()

    def _show(self) -> None:
        card = CARDS[self.place]
        dialog = self.query_one(".dialog")
        dialog.border_title = card.title
        dialog.border_subtitle = f"{self.place + 1} of {len(CARDS)}   ← →"
        self.query_one("#card", Static).update(card.text)
        is_last = self.place == len(CARDS) - 1
        self.query_one("#next", Button).label = "Begin" if is_last else "Next"
        self.query_one("#skip").display = not is_last

    def action_turn(self, by: int) -> None:
        """Another card; after the last one the tour is over."""
        if self.place + by == len(CARDS):
            self.dismiss()
        else:
            self.place = max(0, self.place + by)
            self._show()

    @on(Button.Pressed, "#next")
    def _next(self) -> None:
        self.action_turn(1)

    @on(Button.Pressed, "#skip")
    def _skip(self) -> None:
        self.dismiss()
