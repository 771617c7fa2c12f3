"""Choosing what to train on: the demo corpus, a folder of an earlier run, or a path.

It holds the choice and shows what was found there; reading the corpus is the screen's business, in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Label, OptionList, Select, Static

from spk_tui.widgets.path_input import PathInput

DEMO = "demo"
ELSEWHERE = "\0elsewhere"
DEMO_LABEL = "Demo, synthetic voices"


class CorpusPicker(Vertical):
    """A choice of known corpora, and an input for a path when none of them is meant."""

    HELP: ClassVar[str] = (
        "The speech to train on: the demo corpus, one of an earlier run, or a folder. Enter opens the list; a "
        "folder's path is completed with the right arrow key."
    )

    DEFAULT_CSS = """
    CorpusPicker {
        height: auto;
        & .folder, & .finding { display: none; }
        & SelectCurrent Static, & SelectOverlay { text-wrap: nowrap; text-overflow: ellipsis; }
        &.-elsewhere .folder { display: block; }
    }
    """

    class Changed(Message):
        """Another corpus is chosen; empty when a path is asked for and none is there yet."""

        def __init__(self, corpus: str) -> None:
            super().__init__()
            self.corpus = corpus

    def __init__(self) -> None:
        super().__init__()
        self._recent: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """The choice, the path, and what is there."""
        with Vertical(classes="field"):
            yield Label("corpus")
            yield Select(self._options(), allow_blank=False, compact=True, id="corpus")
        with Vertical(classes="field folder"):
            yield Label("folder")
            yield PathInput(placeholder="a folder of speakers", id="folder")
        yield Static(classes="finding")

    @property
    def corpus(self) -> str:
        """ "demo", or the path of a corpus; empty when a path is asked for and none is typed."""
        value = self.query_one("#corpus", Select).value
        if value == ELSEWHERE:
            typed = self.query_one(PathInput)
            return str(typed.path) if typed.value.strip() else ""
        return str(value)

    def offer(self, recent: Sequence[str]) -> None:
        """Puts corpora that are known into the list; the choice stays, and the cursor of a list that is open."""
        if tuple(recent) == self._recent:
            return
        select = self.query_one("#corpus", Select)
        overlay = select.query_one(OptionList)
        pointed_at = None if overlay.highlighted is None else self._options()[overlay.highlighted][1]
        chosen = select.value
        self._recent = tuple(recent)
        values = [value for _label, value in self._options()]
        with self.prevent(Select.Changed):
            select.set_options(self._options())
            select.value = chosen if chosen in values else DEMO
        overlay.highlighted = values.index(pointed_at if pointed_at in values else select.value)

    def choose(self, corpus: str) -> None:
        """Chooses a corpus that is offered, as a person would."""
        self.query_one("#corpus", Select).value = corpus

    def tell(self, finding: str, *, wrong: bool = False) -> None:
        """Shows what was found in the chosen corpus, or what is wrong with it."""
        line = self.query_one(".finding", Static)
        line.update(finding)
        line.display = bool(finding)
        line.set_class(wrong, "-wrong")

    @on(Select.Changed, "#corpus")
    def _choose(self, event: Select.Changed) -> None:
        event.stop()
        elsewhere = event.value == ELSEWHERE
        self.set_class(elsewhere, "-elsewhere")
        if elsewhere:
            self.query_one(PathInput).focus()
        self.post_message(self.Changed(self.corpus))

    @on(Input.Changed, "#folder")
    def _type(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self.corpus))

    def _options(self) -> list[tuple[str, str]]:
        recent = [(_short(path), path) for path in self._recent]
        return [(DEMO_LABEL, DEMO), *recent, ("A folder…", ELSEWHERE)]


def _short(path: str) -> str:
    """A corpus in a list: its folder's name first, since that is what one knows it by."""
    if path.startswith(f"{DEMO}:"):
        return f"Demo corpus, {path.removeprefix(f'{DEMO}:').replace('x', ' voices of ')} utterances"
    folder = Path(path)
    return f"{folder.name or path}  ({folder.parent})"
