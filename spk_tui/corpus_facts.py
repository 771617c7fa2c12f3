"""What is in a corpus, in words: the same lines for `spk-tui data` and for the corpus screen."""

from __future__ import annotations

from collections.abc import Collection
from textwrap import wrap
from typing import TYPE_CHECKING

from spk_tui.wording import count, duration, one_line

if TYPE_CHECKING:
    from engine.corpus.summary import CorpusSummary, SplitSummary, Spread

HELD_OUT = {
    "official": "the corpus's own split",
    "sessions": "whole sessions",
    "utterances": "single utterances",
}
LABEL_WIDTH = 12
LEFT_OUT, WORTH_KNOWING = "left out", "worth knowing"


def facts(summary: CorpusSummary) -> list[tuple[str, str]]:
    """Labels and values, from the corpus as a whole to its parts."""
    held_out = [("held out", _split(summary.split)), ("", summary.split.note)] if summary.split else []
    return [
        ("layout", summary.layout.replace("_", " ")),
        ("folder", summary.root),
        ("speakers", _joined(count(summary.speakers), _spread(summary.utterances_per_speaker, "utterances each"))),
        ("utterances", _joined(count(summary.utterances), _lengths(summary))),
        ("sessions", count(summary.sessions) if summary.sessions else "none known"),
        ("recordings", _recordings(summary)),
        *held_out,
    ]


def fact_lines(summary: CorpusSummary, width: int, without: Collection[str] = ()) -> list[tuple[str, str]]:
    """The facts with their values cut into lines of `width` columns; the lines after a value's first have no label."""
    lines = []
    for label, value in facts(summary):
        if label in without:
            continue
        first, *more = wrap(one_line(value), max(10, width), break_on_hyphens=False)
        lines += [(label, first), *(("", line) for line in more)]
    return lines


def depth(summary: CorpusSummary) -> str:
    """How deep was looked for problems, and so how far a good report can be trusted."""
    if summary.packed:
        return "everything has been decoded"
    if summary.mel_bands is not None:
        return "no file has been opened: what is damaged or there twice shows when all are read"
    return "from headers alone: what is silent, damaged or there twice shows when everything is decoded"


def problem_count(number: int) -> str:
    """ "1 problem", "1,200 problems"."""
    return f"{count(number)} problem{'' if number == 1 else 's'}"


def _split(split: SplitSummary) -> str:
    total = split.train + split.validation + split.test
    tested = f"; {count(split.test)} for tests are not looked at" if split.test else ""
    return f"{count(split.validation)} of {count(total)} utterances, {HELD_OUT[split.way]}{tested}"


def _lengths(summary: CorpusSummary) -> str:
    if summary.seconds is None:
        return "no length is known"
    total = f"{summary.hours:,.1f} hours" if summary.hours >= 1 else duration(3600 * summary.hours)
    return f"{_spread(summary.seconds, 's', decimals=1)}; {total} in all"


def _recordings(summary: CorpusSummary) -> str:
    if summary.mel_bands is not None:
        return f"ready-made frames of {summary.mel_bands} mel bands"
    if not summary.sample_rates:
        return "none can be read"
    channels = {number: "1 channel" if number == 1 else f"{number} channels" for number in summary.channels}
    return "; ".join((
        _counted({f"{count(rate)} Hz": number for rate, number in summary.sample_rates.items()}),
        _counted({channels[number]: utterances for number, utterances in summary.channels.items()}),
    ))  # fmt: skip


def _counted(counts: dict[str, int]) -> str:
    """One value alone, or each with the utterances that have it: "16,000 Hz (90), 8,000 Hz (10)"."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} ({count(number)})" for value, number in counts.items())


def _spread(spread: Spread | None, unit: str, decimals: int = 0) -> str:
    if spread is None:
        return ""
    if spread.min == spread.max:
        return f"{spread.min:,.{decimals}f} {unit}"
    small, middle, great = (f"{value:,.{decimals}f}" for value in (spread.min, spread.median, spread.max))
    return f"{small} to {great} {unit}, median {middle}"


def _joined(number: str, more: str) -> str:
    return f"{number}; {more}" if more else number
