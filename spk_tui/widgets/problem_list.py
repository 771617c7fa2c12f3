"""What is wrong with a corpus: a line for each kind of problem with its number, which unfolds into what it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine.corpus.corpus import Problem
from engine.corpus.summary import KindOfProblem
from spk_tui.corpus_facts import LEFT_OUT, WORTH_KNOWING
from spk_tui.widgets.column_list import GAP, Column, ColumnList, Row, text_cell
from spk_tui.widgets.pieces import cell
from spk_tui.wording import count, one_line

COLUMNS = (Column("problem", 20, share=1),)
"""One, so that what a kind names has the whole width; what a kind means stands at its right end."""
MEANING_WIDTH = len(WORTH_KNOWING)
MOST_NAMED = 500
"""Problems of one kind that are listed; `spk-tui data --json` names them all."""


class ProblemList(Vertical):
    """Kinds of problem, folded at first."""

    HELP: ClassVar[str] = (
        "What is wrong with the corpus, a line for each kind of problem. Enter names what is of that kind."
    )

    DEFAULT_CSS = """
    ProblemList {
        height: 1fr; border: round $panel-lighten-1; border-title-color: $foreground;
        & .titles { display: none; }
        & > .none { padding: 0 1; color: $foreground-muted; display: none; }
        &.-none > .none { display: block; }
        &.-none > ColumnList { display: none; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = "Problems"
        self._kinds: Sequence[KindOfProblem] = ()
        self._named: dict[str, list[Problem]] = {}
        self._unfolded: set[str] = set()
        self._list = ColumnList(COLUMNS)

    def compose(self) -> ComposeResult:
        """The lines, and what is said when there are none."""
        yield self._list
        yield Static(classes="none")

    def show(self, kinds: Sequence[KindOfProblem], problems: Sequence[Problem], depth: str) -> None:
        """Other problems; kinds that were unfolded stay so. `depth` says how deep was looked."""
        self._kinds = kinds
        self._named = {kind.kind: [] for kind in kinds}
        for problem in problems:
            self._named[problem.kind].append(problem)
        self.border_title = f"Problems: {count(len(problems)) if problems else 'none found'}"
        self.set_class(not kinds, "-none")
        self.query_one(".none", Static).update(depth.capitalize())
        self._draw()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is wrong."""
        return not self._kinds

    @property
    def is_unfolded(self) -> bool:
        """Whether any kind names its problems now."""
        return bool(self._unfolded)

    def focus_rows(self) -> None:
        """Puts the keyboard on the lines."""
        self._list.focus_rows()

    def toggle(self) -> None:
        """Unfolds the kind that the cursor is on, or that what it is on belongs to, or folds it."""
        place = (self._list.key or "").partition(":")[0]
        if place:
            kind = self._kinds[int(place)].kind
            self._unfolded ^= {kind}
            self._draw()
            self._list.move_to(place)

    def _draw(self) -> None:
        rows = []
        for place, kind in enumerate(self._kinds):
            is_open = kind.kind in self._unfolded
            style, meaning = ("$error", LEFT_OUT) if kind.leaves_out else ("$warning", WORTH_KNOWING)
            head = Content.assemble(
                ("▾ " if is_open else "▸ ", "$foreground-muted"), (f"{count(kind.number)} × {kind.kind}", style)
            )
            rows.append(Row(str(place), (_head_cell(head, Content.styled(meaning, "$foreground-muted")),)))
            if is_open:
                rows += self._rows_of(place, self._named[kind.kind])
        self._list.show(rows)

    def _rows_of(self, place: int, named: list[Problem]) -> list[Row]:
        lines = [
            Content.assemble(
                f"    {one_line(problem.where)}",
                (f"  {one_line(problem.detail)}" if problem.detail else "", "$foreground-muted"),
            )
            for problem in named[:MOST_NAMED]
        ]
        if len(named) > MOST_NAMED:
            more = f"    and {count(len(named) - MOST_NAMED)} more; 'spk-tui data --json' names them all"
            lines.append(Content.styled(more, "$foreground-muted"))
        return [Row(f"{place}:{number}", (text_cell(line),)) for number, line in enumerate(lines)]


def _head_cell(head: Content, meaning: Content) -> Callable[[int], Content]:
    """A kind of problem, and what it means at the right end of the line."""
    return lambda width: Content(" " * GAP).join(
        (cell(head, width - GAP - MEANING_WIDTH), cell(meaning, MEANING_WIDTH))
    )
