"""The command `report`: what runs were, what they reached and what each change did, complete enough to hand in.

What stands in it is made in `spk_tui/report/`; here runs are found, measured one after another, and files written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from spk_tui.commands.options import AsJson, Runs, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.corpus.reporting import Report as Progress
    from engine.cost import Cost
    from engine.runs.directory import RunDirectory
    from spk_tui.report.facts import Report
    from spk_tui.report.measuring import Evaluator
    from spk_tui.report.reading import ReadRun
    from spk_tui.report.words import Words

RunNames = Annotated[str, Parameter(help="runs: each a name, the beginning of one, its folder, or 'last'")]


def report(
    *run: RunNames,
    out: Path | None = None,
    language: Literal["en", "zh-TW"] = "en",
    data: str | None = None,
    logged: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    device: Annotated[str, Parameter(help="auto, cpu, cuda, cuda:1 or mps")] = "auto",
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Writes a report on runs, complete enough to hand in: results, data, model, settings, log, changes, speed.

    The best checkpoint of each run is evaluated on what the run held out, and compared with the earlier run from which
    it differs least, on the same utterances and with intervals. A run that can't be evaluated any more keeps the
    accuracy of its log, with a binomial interval, and the report says so. Curves are SVG files beside the report.

    JSON: {"version", "runs": [{"run": {"letter", "id", "name", "notes", "tags", "condition", "preset", "code",
    "corpus", "fingerprint", "speakers", "train_utterances", "validation_utterances", "machine", "step", "steps",
    "best", "validations": [{"step", "loss", "segment_accuracy", "utterance_accuracy", "utterances",
    "utterances_per_second"}], "began", "ended", "seconds_trained", "steps_per_second", "utterances_per_second",
    "rollbacks", "findings", "unreadable_lines"}, "cost": as of budget, "accuracy": {"segments", "whole",
    "utterances", "evaluated", "corpus", "notes", "why_logged"}}], "changes": [{"before", "after", "settings": {key:
    [before, after]}, "ground", "difference": {"segments", "whole", "utterances"}}]}; an accuracy is {"value", "low",
    "high"}, and "difference" is null where accuracies can't be compared.

    Parameters
    ----------
    out
        a file for the report: .md for Markdown, .json for JSON (default: Markdown on stdout, without curves)
    language
        en, or zh-TW for Traditional Chinese
    data
        a corpus to evaluate on, instead of each run's own
    logged
        evaluate nothing: take the accuracies that the runs' own logs have
    """
    from engine.errors import InputError
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.evaluating import place_for
    from spk_tui.commands.trusting import settle_trust
    from spk_tui.report.measuring import Evaluator
    from spk_tui.report.reading import read_run
    from spk_tui.report.words import Words

    if logged and data is not None:
        raise InputError("--logged evaluates nothing, so --data means nothing; leave one of them out")
    place = place_for(out)
    read = [read_run(each, letter) for letter, each in _lettered(run, runs)]
    for each in read:
        settle_trust(each.facts.preset, trust)
    with progress() as show:
        found = _measured(read, Evaluator(data, device, logged=logged, progress=show), show)
    words = Words(language)
    written = _write(place, found, read, words) if place is not None else []
    if as_json:
        say_json(found)
    elif written:
        say("\n".join([*_not_evaluated(found), *(f"written to {path}" for path in written)]))
    else:
        from spk_tui.report.document import as_markdown

        say(as_markdown(found, words).rstrip())
    return WELL


def _not_evaluated(found: Report) -> list[str]:
    """Which runs' accuracies are those of their logs against expectation, and why."""
    from spk_tui.commands.corpus_report import wrapped

    lines = []
    for each in found.runs:
        if each.accuracy.why_logged:
            lines.append(f"{each.run.letter} {each.run.id}: can't be evaluated, so its log's accuracies stand")
            lines += wrapped(each.accuracy.why_logged)
    return lines


def _lettered(names: Sequence[str], runs: Path | None) -> list[tuple[str, RunDirectory]]:
    """The runs, each once, with the letter that stands for it. Raises `InputError`."""
    from engine.errors import InputError
    from engine.runs.directory import find_run
    from spk_tui.comparison import LETTERS

    found = list({each.path: each for each in (find_run(name, runs) for name in names)}.values())
    if not found:
        raise InputError("name one or more runs; 'spk-tui runs' lists them")
    if len(found) > len(LETTERS):
        raise InputError(f"{len(found)} runs are more than a report has letters for; name at most {len(LETTERS)}")
    return list(zip(LETTERS, found, strict=False))


def _measured(read: Sequence[ReadRun], evaluator: Evaluator, show: Progress) -> Report:
    """Everything that a report says, in numbers."""
    from spk_tui.cli import installed_version
    from spk_tui.report.facts import MeasuredRun, Report
    from spk_tui.report.measuring import changed_settings, nearest_before

    costs = _costs(read, show)
    measured: list[MeasuredRun] = []
    changes = []
    for place, (run, cost) in enumerate(zip(read, costs, strict=True)):
        if place == 0:
            accuracy = evaluator.measure(run)
        else:
            base = nearest_before(place, [len(changed_settings(earlier, run)) for earlier in read[:place]])
            accuracy, change = evaluator.compare(run, read[base], measured[base].accuracy)
            changes.append(change)
        measured.append(MeasuredRun(run.facts, cost, accuracy))
    return Report(installed_version(), measured, changes)


def _costs(read: Sequence[ReadRun], show: Progress) -> list[Cost]:
    """What each model costs, counted for as many speakers as the run had. Raises `InputError`."""
    from engine.budget_client import BudgetMeter

    meter = BudgetMeter()
    try:
        costs = []
        for done, run in enumerate(read):
            show("counting parameters", done, len(read), "runs")
            costs.append(meter.count(run.facts.preset, run.facts.speakers))
        return costs
    finally:
        meter.close()


def _write(place: Path, report: Report, read: Sequence[ReadRun], words: Words) -> list[Path]:
    """Writes the report, its pictures first, so that it names none that isn't there; returns all files."""
    import msgspec

    from engine.errors import InputError
    from engine.files import write_atomically
    from spk_tui.report.document import as_markdown
    from spk_tui.report.figures import curves_of, curves_of_all

    texts: dict[Path, str | bytes] = {}
    if place.suffix == ".json":
        texts[place] = msgspec.json.format(msgspec.json.encode(report))
    else:
        pictures = {"": curves_of_all(read, words)} if len(read) > 1 else {}
        pictures |= {each.facts.letter: curves_of(each, words) for each in read}
        names = {letter: f"{place.stem}-{letter or 'curves'}.svg" for letter in pictures}
        texts = {place.with_name(names[letter]): picture for letter, picture in pictures.items()}
        texts[place] = as_markdown(report, words, names)
    for path, text in texts.items():
        try:
            write_atomically(path, text)
        except OSError as error:
            raise InputError(f"{path}: can't be written ({error.strerror})") from None
    return [place, *(path for path in texts if path != place)]
