"""The part of the model screen that tells people by their voices: a line for recordings, who speaks, who is enrolled.

It asks nothing of a model: the line that was entered, and what is to be done, go to its screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Checkbox, Input, Static

from spk_tui.widgets.column_list import Column, ColumnList, Row, text_cell
from spk_tui.widgets.path_input import PathsInput
from spk_tui.wording import count, one_line

if TYPE_CHECKING:
    from engine.use.identification import Identification

MOST_ANSWERS = 50
COLUMNS = (Column("name", 10, share=1), Column("recordings", 10, right=True))
NOBODY = "Nobody is enrolled with this model. F7 keeps somebody's voice."
HOW = (
    "Name one recording or several, as in a shell: blanks part them, ~ and wildcards work, and files that are dropped "
    "on the terminal stand here at once. Long ones get a strip that says who speaks when."
)


class Results(VerticalScroll):
    """The answers, the newest first; laid out anew when the room changes."""

    HELP = "Who speaks in each recording, with the likeliest candidates; the newest answer stands first."

    def __init__(self) -> None:
        super().__init__(id="results")
        self.border_title = "Who speaks"
        self._answers: list[Identification | str] = []
        self._text = Static()

    def compose(self) -> ComposeResult:
        """All answers as one text."""
        yield self._text

    def add(self, answer: Identification | str) -> None:
        """One more answer, or why there is none."""
        self._answers = [answer, *self._answers][:MOST_ANSWERS]
        self._lay_out()
        self.scroll_home(animate=False)

    def on_mount(self) -> None:
        """What one can type, as long as nothing was asked."""
        self._lay_out()

    def on_resize(self) -> None:
        """Strips and sentences take the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = max(40, self.scrollable_content_region.width)
        shown = [_lines(answer, width) for answer in self._answers] or [Content.styled(HOW, "$foreground-muted")]
        rule = Content.styled(f"\n{'─' * width}\n", "$panel-lighten-1")
        self._text.update(rule.join(shown))


class Tick(Checkbox):
    """A box that is empty where it isn't ticked, so that it is told without colours too."""

    def render(self) -> Content:
        """The box and its words."""
        return Content.assemble(("[x] " if self.value else "[ ] ", "$primary" if self.value else ""), self.label)


class IdentifyView(Vertical):
    """Recordings in, names out."""

    DEFAULT_CSS = """
    IdentifyView {
        & > #ask { height: 4; }
        & > #ask, & #results, & #voices {
            border: round $panel-lighten-1; border-title-color: $foreground; padding: 0 1; scrollbar-size-vertical: 1;
        }
        & #voices { padding: 0; height: 5; border-subtitle-color: $foreground-muted; }
        & > #ask:focus-within, & #results:focus, & #voices:focus-within {
            border: round $primary; border-title-color: $primary;
        }
        & > #ask > Input { background: $surface; }
        & > #ask > Input:focus { background: $panel; }
        & > #ask > Checkbox { background: transparent; padding: 0; width: auto; }
        & > #found { layout: vertical; height: 1fr; }
        & #results { height: 1fr; scrollbar-gutter: stable; }
        & #results > Static { height: auto; }
    }
    """

    @dataclass
    class Asked(Message):
        """Who speaks in the recordings of this line?"""

        line: str

    def compose(self) -> ComposeResult:
        """The line above; answers and voices below it."""
        with Container(id="ask") as ask:
            ask.border_title = "Recordings"
            ask.border_subtitle = "Enter asks, → completes"
            yield PathsInput(placeholder="meeting.flac ~/voices/*.wav", id="recordings")
            yield Tick("the speakers of its training may speak, too", id="trained", compact=True)
        with Container(id="found"):
            yield Results()
            voices = ColumnList(COLUMNS, NOBODY, id="voices")
            voices.border_title, voices.border_subtitle = "Enrolled", "F7 enrol   d forget"
            yield voices

    @property
    def line(self) -> str:
        """What stands in the line."""
        return self.query_one(PathsInput).value

    @property
    def trained(self) -> bool:
        """Whether the speakers that the model was trained on may be speaking."""
        return self.query_one(Checkbox).value

    @trained.setter
    def trained(self, may_speak: bool) -> None:
        self.query_one(Checkbox).value = may_speak

    @property
    def chosen(self) -> str | None:
        """The enrolled person under the cursor."""
        return self.query_one("#voices", ColumnList).key

    def show_voices(self, voices: Mapping[str, Sequence[str]]) -> None:
        """Who is enrolled, and with which recordings."""
        rows = [Row(name, (text_cell(name), text_cell(count(len(kept))))) for name, kept in voices.items()]
        self.query_one("#voices", ColumnList).show(rows)

    def add(self, answer: Identification | str) -> None:
        """One more answer, or why there is none."""
        self.query_one(Results).add(answer)

    def focus_line(self) -> None:
        """Puts the keyboard where one types."""
        self.query_one(PathsInput).focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Asked(event.value))


def _lines(answer: Identification | str, width: int) -> Content:
    """An answer with the recordings that couldn't be used."""
    if isinstance(answer, str):
        return Content.styled("\n".join(map(one_line, answer.splitlines())), "$error")
    from spk_tui.commands.identified import rows_of

    lines = [Content.from_rich_text(row) for row in rows_of(answer, width)]
    problems = [f"not used: {one_line(problem.path)}: {one_line(problem.reason)}" for problem in answer.problems]
    return Content("\n").join([*lines, *(Content.styled(problem, "$error") for problem in problems)])
