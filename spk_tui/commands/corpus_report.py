"""A corpus in words: the numbers of `engine.corpus.summary` for a person, and a bar while they are gathered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spk_tui.commands.answers import table
from spk_tui.wording import count

if TYPE_CHECKING:
    from engine.corpus.reporting import Report
    from engine.corpus.summary import CorpusSummary, Spread

MOST_EXAMPLES = 3
"""Problems of one kind that are named one by one; --json names them all."""


def report(summary: CorpusSummary) -> str:
    """What is in the corpus, and under it what is wrong with it, by kind of problem."""
    rows = [
        ["layout", summary.layout.replace("_", " ")],
        ["folder", summary.root],
        ["speakers", count(summary.speakers)],
        ["utterances", f"{count(summary.utterances)}{_spread(summary.utterances_per_speaker, ' a speaker')}"],
        ["speech", f"{summary.hours:,.1f} hours{_spread(summary.seconds, ' s an utterance', decimals=1)}"],
        ["sample rates", _counted(summary.sample_rates, "Hz")],
        ["channels", _counted(summary.channels, "")],
    ]
    text = table([summary.name, ""], rows)
    found = _problems(summary) if summary.problems else "no problems found"
    if not summary.packed:
        found += (
            "\n(from the files' headers; what is silent or damaged inside shows once the corpus has been trained on)"
        )
    return f"{text}\n\n{found}"


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


def _problems(summary: CorpusSummary) -> str:
    """Each kind of problem with its number and its first examples."""
    number = len(summary.problems)
    lines = [f"{count(number)} problem{'' if number == 1 else 's'}; what can't be used is left out:"]
    for kind, found in Counter(problem.kind for problem in summary.problems).most_common():
        lines.append(f"  {count(found)} × {kind}")
        examples = [problem for problem in summary.problems if problem.kind == kind][:MOST_EXAMPLES]
        lines += [f"      {problem.where}{f': {problem.detail}' if problem.detail else ''}" for problem in examples]
        if found > len(examples):
            lines.append(f"      and {count(found - len(examples))} more (--json names them all)")
    return "\n".join(lines)


def _spread(spread: Spread | None, unit: str, decimals: int = 0) -> str:
    if spread is None:
        return ""
    if spread.min == spread.max:
        return f" ({spread.min:,.{decimals}f}{unit})"
    small, middle, great = (f"{value:,.{decimals}f}" for value in (spread.min, spread.median, spread.max))
    return f" ({small} to {great}{unit}, median {middle})"


def _counted(counts: dict[int, int], unit: str) -> str:
    """One value alone, or each with the utterances that have it: "16000 Hz (90), 8000 Hz (10)"."""
    if len(counts) == 1:
        return f"{next(iter(counts))} {unit}".strip()
    return ", ".join(f"{f'{value} {unit}'.strip()} ({count(number)})" for value, number in counts.items()) or "–"
