"""A corpus in words: the numbers of `engine.corpus.summary` for a person, and a bar while they are gathered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING

from spk_tui.corpus_facts import LABEL_WIDTH, LEFT_OUT, WORTH_KNOWING, depth, fact_lines, problem_count
from spk_tui.histograms import lying
from spk_tui.wording import count, one_line

if TYPE_CHECKING:
    from engine.corpus.corpus import Problem
    from engine.corpus.reporting import Report
    from engine.corpus.summary import CorpusSummary

INDENT = "  "
MOST_EXAMPLES = 3
"""Problems of one kind that are named one by one; --json names them all."""


def report(summary: CorpusSummary, width: int | None = None) -> str:
    """What is in the corpus, how it is distributed, and what is wrong with it; as wide as the terminal."""
    width = width or get_terminal_size().columns
    parts = ["\n".join([one_line(summary.name), *_facts(summary, width)])]
    for title, values, unit in (
        ("Length of an utterance", summary.seconds_histogram, "s"),
        ("Utterances a speaker", summary.utterances_per_speaker_histogram, ""),
    ):
        if values is not None:
            bars = lying(values, width - len(INDENT), unit, whole=not unit)
            parts.append("\n".join([title, *(f"{INDENT}{line}" for line in bars)]))
    parts.append(_problems(summary, width))
    return "\n\n".join(parts)


@contextmanager
def progress() -> Iterator[Report]:
    """A report that draws a bar for each stage on stderr where that is a terminal, gone when the stage is done."""
    from tqdm import tqdm

    bar = tqdm(disable=True)
    shown = ""

    def show(stage: str, done: int, total: int, unit: str) -> None:
        nonlocal bar, shown
        if stage != shown:
            bar.close()
            shown = stage
            # What was done before, such as the first half of a download, tells nothing about the speed.
            bar = tqdm(desc=stage, total=total or None, initial=done, unit=f" {unit}", leave=False, disable=None)
        bar.update(done - bar.n)

    try:
        yield show
    finally:
        bar.close()


def wrapped(text: str, width: int | None = None) -> list[str]:
    """A line of a report as lines that fit the width, or else the terminal, indented."""
    width = width or get_terminal_size().columns
    return [f"{INDENT}{line}" for line in wrap(one_line(text), max(20, width - len(INDENT)))]


def _facts(summary: CorpusSummary, width: int) -> list[str]:
    return [f"{label:<{LABEL_WIDTH}}{value}" for label, value in fact_lines(summary, width - LABEL_WIDTH)]


def _problems(summary: CorpusSummary, width: int) -> str:
    """Each kind of problem with its number and its first examples: what is left out, then what is worth knowing."""
    hint = "" if summary.packed else " (--full)"
    depth_lines = wrap(f"{depth(summary)}{hint}".capitalize(), max(20, width - 2))
    if not summary.problems:
        return "\n".join(["No problems found.", *depth_lines])
    lines = [f"{problem_count(len(summary.problems))} found."]
    for leaves_out, heading in ((True, LEFT_OUT), (False, f"{WORTH_KNOWING}, not left out")):
        kinds = [kind for kind in summary.problem_kinds if kind.leaves_out == leaves_out]
        if kinds:
            lines.append(f"{heading.capitalize()}:")
        for kind in kinds:
            lines += _examples(kind.kind, [problem for problem in summary.problems if problem.kind == kind.kind])
    return "\n".join([*lines, *depth_lines])


def _examples(kind: str, found: list[Problem]) -> list[str]:
    lines = [f"{INDENT}{count(len(found))} × {kind}"]
    for problem in found[:MOST_EXAMPLES]:
        lines.append(
            f"{3 * INDENT}{one_line(f'{problem.where}: {problem.detail}' if problem.detail else problem.where)}"
        )
    if len(found) > MOST_EXAMPLES:
        lines.append(f"{3 * INDENT}and {count(len(found) - MOST_EXAMPLES)} more (--json names them all)")
    return lines
