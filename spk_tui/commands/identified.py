"""An `Identification` for a person: each recording with its likeliest candidates, and who speaks when as a strip."""

from __future__ import annotations

from shutil import get_terminal_size

from rich.console import Console
from rich.text import Text

from engine.errors import shown
from engine.use.identification import UNKNOWN, Enrolment, Identification, Identified, Match, Threshold
from engine.use.report_tables import bar
from spk_tui.commands.answers import table
from spk_tui.commands.corpus_report import wrapped
from spk_tui.timeline_strip import clock, strip
from spk_tui.wording import count, one_line

BAR = 20
LONGEST_NAME = 24
LONGEST_PATH = 34
MOST_IN_FULL = 3
"""So many recordings are told one by one; more are a table."""


def show(answer: Identification) -> None:
    """Prints it on stdout, in colours where that is a terminal that has them."""
    console = Console(highlight=False, soft_wrap=True)
    for row in rows_of(answer, get_terminal_size().columns):
        console.print(row)


def rows_of(answer: Identification, width: int) -> list[Text]:
    """The whole answer, row by row."""
    rows: list[Text] = []
    in_full = len(answer.recordings) <= MOST_IN_FULL
    if not in_full:
        rows += [*map(Text, _table(answer).splitlines()), Text()]
    for recording in answer.recordings:
        if in_full:
            rows += [_heading(recording), *map(Text, _candidates(recording, answer.threshold).splitlines())]
        elif recording.timeline:
            rows.append(_heading(recording))
        if recording.timeline:
            rows += [Text(), *strip(recording.timeline, width)]
        if in_full or recording.timeline:
            rows.append(Text())
    facts = [_candidate_words(answer), _threshold_words(answer.threshold), *answer.notes]
    if any(recording.timeline for recording in answer.recordings) and answer.window_threshold != answer.threshold:
        facts.append(f"threshold of the timeline {answer.window_threshold.value:.3f}, chosen on stretches as short")
    return rows + [Text(line) for fact in facts for line in wrapped(fact, width)]


def enrolled_line(answer: Enrolment) -> str:
    """Who was enrolled, in a line."""
    new, model = len(answer.recordings), answer.model
    recordings = f"{new} recording{'' if new == 1 else 's'}"
    more = f", {answer.recordings_in_all} in all" if answer.recordings_in_all > new else ""
    others = len(answer.speakers) - 1
    beside = f"; {others} other{'' if others == 1 else 's'} enrolled" if others else ""
    return f"{answer.speaker} is enrolled with {model.preset} ({model.sha256[:12]}): {recordings}{more}{beside}"


def _heading(recording: Identified) -> Text:
    speaker = recording.speaker if recording.speaker is not None else UNKNOWN
    heading = Text(f"{one_line(recording.path)}  {clock(recording.seconds)}  ")
    return heading.append(shown(speaker), "bold")


def _candidates(recording: Identified, threshold: Threshold) -> str:
    rows = [
        [_name(match), bar(match.score, BAR), f"{match.score:.3f}", "" if match.score >= threshold.value else "below"]
        for match in recording.matches
    ]
    return "\n".join(f"  {line}" for line in table(["candidate", "", "score", ""], rows, (2,)).splitlines())


def _table(answer: Identification) -> str:
    rows = []
    for recording in answer.recordings:
        best, *others = recording.matches
        if recording.speaker is None:
            told, others = [UNKNOWN, ""], [best]
        else:
            told = [_name(best), f"{best.score:.3f}"]
        following = f"{_name(others[0])} {others[0].score:.3f}" if others else ""
        rows.append([_short(recording.path), clock(recording.seconds), *told, following])
    return table(["RECORDING", "LENGTH", "SPEAKER", "SCORE", "NEXT"], rows, (1, 3))


def _short(path: str) -> str:
    """A path by its end, where the file's name is."""
    plain = one_line(path)
    return plain if len(plain) <= LONGEST_PATH else f"…{plain[1 - LONGEST_PATH :]}"


def _name(match: Match) -> str:
    return shown(match.speaker, LONGEST_NAME) + ("" if match.enrolled else " (trained)")


def _candidate_words(answer: Identification) -> str:
    candidates = f"{count(answer.candidates)} candidate{'' if answer.candidates == 1 else 's'}"
    return f"{candidates}, with {shown(answer.model.preset)} ({answer.model.sha256[:12]})"


def _threshold_words(threshold: Threshold) -> str:
    words = f"threshold {threshold.value:.3f}: {threshold.basis}"
    if threshold.false_accepts is None or threshold.misses is None:
        return words
    return (
        f"{words}; of strangers {threshold.false_accepts:.1%} would be taken for a candidate, and of speakers' own"
        f" utterances {threshold.misses:.1%} for unknown"
    )
