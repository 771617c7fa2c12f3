"""A `Verification` in words and tables, the same for the terminal and for a Markdown file."""

from __future__ import annotations

from pathlib import PurePath

from engine.errors import shown
from engine.use.evaluation_report import model_line
from engine.use.report_tables import Table, estimate, markdown
from engine.use.results import Estimate
from engine.use.verification_results import TrialFacts, Verification


def heading(verification: Verification) -> str:
    """Which model, on what."""
    corpus = shown(PurePath(verification.corpus).name or verification.corpus)
    return f"{verification.model.preset} at step {verification.model.step:,}, verification on {corpus}"


def facts(verification: Verification) -> list[str]:
    """What a reader must know of the numbers, a line each."""
    tried = verification.trials
    return [
        f"{tried.trials:,} trials: {tried.same:,} of one speaker, {tried.different:,} of two;"
        f" {tried.recordings:,} recordings of {tried.speakers:,} speakers",
        f"trials: {shown(tried.source, 200)}",
        _newness(tried),
        model_line(verification.model),
        *verification.notes,
    ]


def tables(verification: Verification) -> list[Table]:
    """Error rates and costs, then what other thresholds would do."""
    return [_errors(verification), _thresholds(verification)]


def as_markdown(verification: Verification, image: str) -> str:
    """The whole report; `image` is the name of the file with the DET curve, which lies beside it."""
    text = markdown(heading(verification), facts(verification), tables(verification))
    return f"{text}\n## DET curve\n\n![Misses against false alarms](<{image}>)\n"


def percent(value: Estimate) -> str:
    """A rate and its interval, such as 4.02 % (2.86–5.30)."""
    return f"{100 * value.value:.2f} % ({100 * value.low:.2f}–{100 * value.high:.2f})"


def _newness(tried: TrialFacts) -> str:
    line = f"speakers whose names the model doesn't know: {tried.new_speakers:,} of {tried.speakers:,}"
    if tried.trained_trials is None:
        return f"{line}; whether recordings of the others were trained on, nobody can tell here"
    return line


def _errors(verification: Verification) -> Table:
    scorings = verification.scorings
    rows = [
        ["equal error rate", *(percent(one.equal_error_rate) for one in scorings)],
        ["its threshold", *(f"{one.threshold:.4f}" for one in scorings)],
    ]
    for place, cost in enumerate(scorings[0].costs):
        rows.append([f"minDCF, p = {cost.prior:g}", *(estimate(one.costs[place].value) for one in scorings)])
    return Table(
        "Errors",
        ["", *(one.name for one in scorings)],
        rows,
        (),
        "In brackets 95 % intervals: a bootstrap over the speakers. minDCF is the lowest detection cost where a share p"
        " of trials is of one speaker; both errors cost 1, and 1 is as good as not listening.",
    )


def _thresholds(verification: Verification) -> Table:
    scorings = verification.scorings
    rows = []
    for place, point in enumerate(scorings[0].points):
        found = [one.points[place] for one in scorings]
        cells = [cell for one in found for cell in (f"{100 * one.misses:.2f} %", f"{one.threshold:.4f}")]
        rows.append([f"{100 * point.false_alarms:g} %", *cells])
    heads = ["false alarms", *(head for one in scorings for head in (f"misses, {one.name}", "threshold"))]
    return Table("Other thresholds", heads, rows, tuple(range(len(heads))), "With at most so many false alarms.")
