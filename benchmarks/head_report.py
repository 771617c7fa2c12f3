"""What the runs of head_finding.py say together, as Markdown for docs/results.md.

A run that ends below an accuracy of 0.1 is called failing. A measure explains something only if it sets the failing
runs apart from the learning ones before their accuracies do; the last table says which does, and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from head_runs import PAIRS, Result

from spk_tui.chart_drawing import draw
from spk_tui.charts import Chart, Line
from spk_tui.series import Series

WIDTH, HEIGHT = 52, 11
FAILING_BELOW = 0.1
MEASURES = {
    "accuracy": "accuracy on the fixed batch",
    "loss": "loss on the fixed batch",
    "pooled_difference": "pooled: share in which utterances differ",
    "pooled_cosine": "pooled: mean cosine of two utterances",
    "pooled_mean": "pooled: size of the mean",
    "pooled_size": "pooled: size of the differences",
    "pooled_rank": "pooled: effective rank",
    "entering_difference": "given to the first linear layer: share in which utterances differ",
    "entering_size": "given to the first linear layer: size of the differences",
    "classifier_difference": "given to the classifier: share in which utterances differ",
    "classifier_rank": "given to the classifier: effective rank",
    "dropout_noise": "dropout's noise over the differences",
    "dead": "hidden units positive for no utterance",
    "always_on": "hidden units positive for every utterance",
    "logit_spread": "logits: size of the differences",
    "encoder_gradient": "length of the encoder's gradient",
    "head_gradient": "length of the head's gradient",
    "encoder_share": "encoder's share of the squared gradient",
    "pull": "mean cosine of two utterances' gradients of the encoder",
    "push": "share of the gradient at pooled vectors that moves all alike",
}
SHOWN = (
    "pooled_difference",
    "pooled_mean",
    "entering_difference",
    "dead",
    "dropout_noise",
    "logit_spread",
    "encoder_gradient",
    "pull",
)


def report(results: Sequence[Result]) -> str:
    """All tables and charts of the finished runs."""
    if not results:
        return "No run is finished yet."
    steps = sorted(set.intersection(*({seen.step for seen in result.looks} for result in results)))
    parts = [accuracies(results)]
    parts += [course(results, steps, name) for name in SHOWN]
    parts += [separations(results, steps), charts(results)]
    return "\n\n".join(parts)


def accuracies(results: Sequence[Result]) -> str:
    """The accuracy of each run at each validation."""
    steps = [validation[0] for validation in results[0].validations]
    rows = []
    for result in results:
        segments = [f"{segment:.3f}" for _, _, segment, _ in result.validations]
        rows.append([result.words, *segments, f"{result.validations[-1][3]:.3f}"])
    return table(["segment accuracy at step", *(f"{step:,}" for step in steps), "whole utterances"], rows)


def course(results: Sequence[Result], steps: Sequence[int], name: str) -> str:
    """One measure of each run over the steps."""
    rows = [[result.words, *(number(getattr(result.at(step), name)) for step in steps)] for result in results]
    return table([MEASURES[name], *(f"{step:,}" for step in steps)], rows)


def separations(results: Sequence[Result], steps: Sequence[int]) -> str:
    """How well each measure tells learning runs from failing ones at each step, as `order` says it."""
    learning = [result for result in results if result.accuracy >= FAILING_BELOW]
    failing = [result for result in results if result.accuracy < FAILING_BELOW]
    rows = []
    for name, words in MEASURES.items():
        sides = [(values(learning, step, name), values(failing, step, name)) for step in steps]
        rows.append([words, *(order(high, low) for high, low in sides)])
    counts = f"{len(learning)} learning runs, {len(failing)} failing ones"
    return f"{counts}:\n\n" + table(["pairs with more in the learning run", *(f"{step:,}" for step in steps)], rows)


def values(results: Iterable[Result], step: int, name: str) -> list[float]:
    """One measure at one step, of the runs that have it."""
    return [value for result in results if (value := getattr(result.at(step), name)) is not None]


def order(learning: Sequence[float], failing: Sequence[float]) -> str:
    """Share of pairs of a learning and a failing run in which the learning one has more; ties count as half.

    1 and 0 are full separations, 0.5 none. A dash where one side has no such measure.
    """
    pairs = [(high > low) + 0.5 * (high == low) for high, low in product(learning, failing)]
    return f"{sum(pairs) / len(pairs):.2f}" if pairs else "–"


def charts(results: Sequence[Result]) -> str:
    """Segment accuracy over steps: for each encoder that has both, the ReLU head left, the BatchNorm head right."""
    found = {result.name: result for result in results}
    parts = []
    for encoder, (relu, batchnorm) in PAIRS.items():
        if relu in found and batchnorm in found:
            title = f"{encoder}, ReLU head".ljust(WIDTH) + f"  {encoder}, BatchNorm, Linear"
            sides = [picture(found[name]).splitlines() for name in (relu, batchnorm)]
            rows = [f"{left.ljust(WIDTH)}  {right}".rstrip() for left, right in zip(*sides, strict=True)]
            parts.append("\n".join([title, *rows]))
    return "```text\n" + "\n\n".join(parts) + "\n```" if parts else ""


def picture(result: Result) -> str:
    """Segment accuracies of one run over its steps, on an axis from 0 to 1."""
    points = [(0.0, 1 / result.speakers), *((float(step), segment) for step, _, segment, _ in result.validations)]
    series = Series(tuple(step for step, _ in points), tuple(value for _, value in points))
    chart = Chart("", (Line("", "segments", series),), result.steps, lowest=0.0, highest=1.0)
    return draw(chart, WIDTH, HEIGHT).plain


def number(value: float | None) -> str:
    """Three digits that matter."""
    return "–" if value is None else f"{value:.2e}" if 0 < abs(value) < 1e-3 else f"{value:.3g}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
