"""An `Evaluation` in words and tables, the same for the terminal and for a Markdown file."""

from __future__ import annotations

from pathlib import PurePath
from string import ascii_lowercase

from engine.errors import shown
from engine.use.report_tables import Table, bar, difference, estimate, markdown, shade
from engine.use.results import Accuracies, Comparison, Difference, Estimate, Evaluation, LengthBin, ModelFacts

LONGEST_NAME, LONGEST_IN_MATRIX = 24, 14
BAR = 20
MOST_CONFUSIONS = 10


def heading(evaluation: Evaluation) -> str:
    """Which model, on what."""
    corpus = shown(PurePath(evaluation.corpus).name or evaluation.corpus)
    return f"{evaluation.model.preset} at step {evaluation.model.step:,} on {corpus}"


def facts(evaluation: Evaluation) -> list[str]:
    """What a reader must know of the numbers, a line each."""
    whole, model = evaluation.whole.utterances, evaluation.model
    part = {"all": "all utterances", "train": "the training part"}.get(evaluation.part, f"the {evaluation.part} part")
    lines = [
        f"{part}: {whole:,} of {evaluation.corpus_utterances:,} utterances, {model.speakers:,} speakers to choose from",
        model_line(model),
        *evaluation.notes,
    ]
    return [*lines, f"against {model_line(evaluation.against.other)}"] if evaluation.against else lines


def tables(evaluation: Evaluation) -> list[Table]:
    """From the accuracies to what is behind them."""
    compared = [_comparison(evaluation.against)] if evaluation.against else []
    return [_accuracies(evaluation), *compared, _lengths(evaluation.by_length), _pairs(evaluation),
            _matrix(evaluation), _calibration(evaluation)]  # fmt: skip


def as_markdown(evaluation: Evaluation) -> str:
    """The whole report."""
    return markdown(heading(evaluation), facts(evaluation), tables(evaluation))


def model_line(model: ModelFacts) -> str:
    """A model in a line, for any report."""
    return (
        f"{shown(model.preset)}, {shown(model.encoder)} with {model.encoder_parameters:,} encoder parameters,"
        f" step {model.step:,}, sha256 {model.sha256[:12]}"
    )


def _accuracies(evaluation: Evaluation) -> Table:
    segments, whole = evaluation.segments, evaluation.whole
    rows = [[name, estimate(one), estimate(other)] for name, one, other in _measures(segments, whole)]
    return Table(
        "Accuracy",
        ["", f"segments of {evaluation.segment_seconds:.2f} s", "whole utterances"],
        [*rows, ["loss", f"{segments.loss:.4f}", f"{whole.loss:.4f}"]],
        (),
        "In brackets 95 % intervals: a bootstrap over the speakers. Balanced counts every speaker the same.",
    )


def _comparison(against: Comparison) -> Table:
    rows = []
    for name, other, gap in (
        ("segments", against.other_segments, against.segments),
        ("whole", against.other_whole, against.whole),
    ):
        rows += [[f"{name}, {what}", estimate(one), difference(by)] for what, one, by in _measures(other, gap)]
    return Table(
        "Against the other model",
        ["", "the other", "this one, compared"],
        rows,
        (),
        f"Above zero this model is better. On the same {against.whole.utterances:,} utterances; an interval that holds"
        " zero decides nothing.",
    )


def _measures(one: Accuracies, other: Accuracies | Difference) -> list[tuple[str, Estimate, Estimate]]:
    return [
        ("top 1", one.top1, other.top1),
        ("top 5", one.top5, other.top5),
        ("balanced", one.balanced, other.balanced),
    ]


def _lengths(bins: list[LengthBin]) -> Table:
    rows = [
        [f"{one.shortest:.1f}–{one.longest:.1f} s", bar(one.top1.value, BAR), estimate(one.top1), f"{one.utterances:,}"]
        for one in bins
    ]
    return Table("Accuracy by length", ["length", "", "top 1", "utterances"], rows, (0, 3), "Whole utterances.")


def _pairs(evaluation: Evaluation) -> Table:
    found = evaluation.confusions
    rows = [
        [shown(one.speaker, LONGEST_NAME), shown(one.taken_for, LONGEST_NAME), f"{one.times} of {one.utterances}"]
        for one in found[:MOST_CONFUSIONS]
    ]
    more = f"And {len(found) - len(rows)} more pairs in the JSON." if len(found) > len(rows) else ""
    return Table("Who is taken for whom", ["speaker", "taken for", "times"], rows, (2,), more)


def _matrix(evaluation: Evaluation) -> Table:
    matrix = evaluation.matrix
    letters = ascii_lowercase[: len(matrix.speakers)]
    rows = []
    for place, (name, counts, others) in enumerate(zip(matrix.speakers, matrix.counts, matrix.others, strict=True)):
        of = sum(counts) + others
        cells = [shade(number, of) for number in counts]
        rows.append([f"{letters[place]}  {shown(name, LONGEST_IN_MATRIX)}", *cells, shade(others, of)])
    return Table(
        "The speakers confused most",
        ["speaker", *letters, "others"],
        rows,
        (),
        "A row is a speaker, a column whom the model said; shades are shares of the row: ░ up to a quarter, ▒ half,"
        " ▓ three quarters, █ more.",
    )


def _calibration(evaluation: Evaluation) -> Table:
    found = evaluation.calibration
    rows = [
        [f"{one.low:.1f}–{one.high:.1f}", bar(one.accuracy, BAR), f"{one.accuracy:.3f}", f"{one.confidence:.3f}",
         f"{one.utterances:,}"]
        for one in found.bins
    ]  # fmt: skip
    side = "too sure" if found.mean_confidence > found.accuracy else "not sure enough"
    return Table(
        "Calibration",
        ["confidence", "", "accuracy", "mean confidence", "utterances"],
        rows,
        (0, 2, 3, 4),
        f"Expected calibration error {found.expected_error:.3f}: confidence is {found.mean_confidence:.3f} on average"
        f" and accuracy {found.accuracy:.3f}, so the model is {side}; dividing its logits by {found.temperature:.2f}"
        " would serve these utterances best.",
    )
