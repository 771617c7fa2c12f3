"""The lines of the list of runs: which columns there are, and how each cell says what is known of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from textual.content import Content

from spk_tui.run_rows import RunRow
from spk_tui.widgets.column_list import Column, Row
from spk_tui.widgets.pieces import CONDITIONS, bar, condition
from spk_tui.wording import accuracy, corpus_words, count, rate, sparkline

MUTED = "$foreground-muted"
MARK = "◆"


@dataclass(frozen=True)
class ShownRun:
    """What a line is made of; two that are equal look the same."""

    row: RunRow
    marked: bool
    age: str


def run_line(shown: ShownRun) -> Row:
    """A run's line; its cells are put together when it is seen."""
    return Row(shown.row.run.id, tuple(partial(make, shown) for make in CELLS.values()))


def _mark(shown: ShownRun, width: int) -> Content:
    return Content.styled(MARK if shown.marked else " ", "$accent bold")


def _state(shown: ShownRun, width: int) -> Content:
    return condition(shown.row.condition)


def _preset(shown: ShownRun, width: int) -> Content:
    """The name that it was given, with the preset's behind it where there is room; else the preset's."""
    row = shown.row
    if not row.labels.name:
        return Content(row.info.preset)
    both = Content.assemble((row.labels.name, "bold"), (f"  {row.info.preset}", MUTED))
    return both if both.cell_length <= width else Content.styled(row.labels.name, "bold")


def _corpus(shown: ShownRun, width: int) -> Content:
    return Content(corpus_words(shown.row.info.corpus))


def _step(shown: ShownRun, width: int) -> Content:
    """Steps done of all, behind a bar where there is room."""
    row = shown.row
    steps = Content.assemble(count(row.step), (f" / {count(row.steps)}", MUTED))
    room = width - steps.cell_length - 2
    if room < 8 or not row.steps:
        return steps
    return Content.assemble(bar(row.step / row.steps, min(room, 24), CONDITIONS[row.condition][1]), "  ", steps)


def _curve(shown: ShownRun, width: int) -> Content:
    return Content.styled(sparkline(shown.row.figures.accuracies, width), "$secondary")


def _best(shown: ShownRun, width: int) -> Content:
    best = shown.row.best_accuracy
    return Content.styled(accuracy(best), "bold" if best else MUTED)


def _best_step(shown: ShownRun, width: int) -> Content:
    step = shown.row.best_step
    return Content.styled(count(step) if step is not None else "–", MUTED)


def _parameters(shown: ShownRun, width: int) -> Content:
    parameters = shown.row.encoder_parameters
    return Content.styled(count(parameters) if parameters is not None else "–", "" if parameters else MUTED)


def _tags(shown: ShownRun, width: int) -> Content:
    return Content.styled(" ".join(f"#{tag}" for tag in shown.row.labels.tags), "$accent")


def _rate(shown: ShownRun, width: int) -> Content:
    row = shown.row
    return Content(rate(row.steps_per_second) if row.steps_per_second and not row.is_over else "")


def _device(shown: ShownRun, width: int) -> Content:
    return Content.styled(shown.row.info.device, MUTED)


def _begun(shown: ShownRun, width: int) -> Content:
    return Content.styled(shown.age, MUTED)


def _run(shown: ShownRun, width: int) -> Content:
    return Content.styled(shown.row.run.id, MUTED)


CELLS: dict[Column, Callable[[ShownRun, int], Content]] = {
    Column("", 1): _mark,
    Column("state", 13): _state,
    Column("preset", 16, share=1): _preset,
    Column("corpus", 14, share=1, dispensable=2): _corpus,
    Column("step", 17, share=2, right=True): _step,
    Column("accuracy", 10, share=1, dispensable=3): _curve,
    Column("best", 6, right=True): _best,
    Column("at step", 7, right=True, dispensable=7): _best_step,
    Column("parameters", 10, right=True, dispensable=4): _parameters,
    Column("tags", 12, share=1, dispensable=5): _tags,
    Column("rate", 12, right=True, dispensable=6): _rate,
    Column("device", 6, dispensable=8): _device,
    Column("begun", 11, right=True, dispensable=1): _begun,
    Column("run", 32, share=1, dispensable=9): _run,
}
COLUMNS = tuple(CELLS)
