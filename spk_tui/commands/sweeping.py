"""The command `sweep`: puts one run for each combination of values in the queue, and shows what came of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from spk_tui.commands.answers import say, say_json, table
from spk_tui.commands.options import AsJson, Runs, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.cost import Cost
    from engine.preset import Preset
    from engine.sweep import Variant
    from spk_tui.sweep_results import Mean, Trial

Preset_: TypeAlias = Annotated[str | None, Parameter(help="the preset that is varied")]
Values: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--set", negative=(), help="the values of one key, such as encoder.ffn=100,250; may be given again"),
]
Seeds: TypeAlias = Annotated[str, Parameter(show_default=False, help="train each variant with these seeds: 1,2,3")]
Name: TypeAlias = Annotated[str | None, Parameter(help="what the sweep is called (default: preset and time)")]
Show: TypeAlias = Annotated[str | None, Parameter(help="show the sweep of this name instead of starting one")]
DryRun: TypeAlias = Annotated[bool, Parameter(negative=(), show_default=False, help="show the variants, start nothing")]


def sweep(
    preset: Preset_ = None,
    /,
    *,
    data: str | None = None,
    values: Values = None,
    seeds: Seeds = "",
    name: Name = None,
    show: Show = None,
    dry_run: DryRun = False,
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Queues one run for each combination of values, or shows the runs of a sweep as one table.

    Each --set gives one key its values, with commas between them; a key with one value has it in all variants. A comma
    within brackets or quotes belongs to the value: --set 'augment.speeds=[0.9,1.1],[1.0]' are two lists, and
    --set 'preset.summary="one, two"' is one text. All variants are checked and counted before the first is queued, and
    an invalid one stops the whole sweep.

    'sweep --show NAME' tells each run's values, state, encoder parameters and the accuracies of its best step, and with
    several seeds the mean and the standard deviation over them.

    JSON: {"name", "budget", "variants": [{"id", "values", "encoder_parameters"}]}, the id null with --dry-run; with
    --show {"name", "runs": [{"id", "values", "seed", "state", "step", "steps", "encoder_parameters",
    "segment_accuracy", "utterance_accuracy"}], "means": [{"values", "seeds", "segment": [mean, deviation], "utterance":
    the same}]}.

    Parameters
    ----------
    data
        the corpus: a folder, a manifest, or 'demo' for the built-in synthetic voices (default: demo)
    """
    from engine.errors import InputError
    from engine.preset_library import find_preset

    if (preset is None) == (show is None):
        raise InputError(
            "give the preset to vary, with --set key=value,value; or --show NAME for a sweep that there is"
        )
    if show is not None:
        return _show(show, runs, as_json=as_json)
    assert preset is not None
    return _start(find_preset(preset), values or [], seeds, data, name, runs, trust, dry_run=dry_run, as_json=as_json)


def _start(
    preset: Preset,
    settings: list[str],
    seeds: str,
    data: str | None,
    name: str | None,
    runs: Path | None,
    trust: bool,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Checks and counts every variant, then queues them all. Raises `InputError`."""
    from engine.sweep import check_name, queue_sweep, variants_of
    from spk_tui.commands.training import check_corpus
    from spk_tui.commands.trusting import settle_trust

    called = name or f"{preset.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    check_name(called, runs)
    variants = variants_of(preset, settings, seeds)
    for variant in variants:
        settle_trust(variant.preset, trust)
    checked = {(variant.preset.data, variant.preset.augment): variant.preset for variant in variants}
    corpora = [check_corpus(data, each) for each in checked.values()]  # one corpus, but read in each of these ways
    costs = _count(variants)
    if not as_json:
        say(_plan(variants, costs))
    queued = [] if dry_run else queue_sweep(variants, costs, corpora[0], called, runs)
    if as_json:
        rows: list[dict[str, Any]] = [
            {"id": None, "values": variant.values, "encoder_parameters": cost.encoder}
            for variant, cost in zip(variants, costs, strict=True)
        ]
        for row, run in zip(rows, queued, strict=False):
            row["id"] = run.id
        say_json({"name": called, "budget": preset.budget.encoder_parameters, "variants": rows})
    elif not dry_run:
        say(f"\nqueued as sweep {called}: 'spk-tui sweep --show {called}' shows how they do, 'spk-tui queue' the line")
    return WELL


def _count(variants: Sequence[Variant]) -> list[Cost]:
    from engine.budget_client import BudgetMeter
    from engine.sweep import counted

    meter = BudgetMeter()
    try:
        return counted(variants, meter.count)
    finally:
        meter.close()


def _plan(variants: Sequence[Variant], costs: Sequence[Cost]) -> str:
    """The variants with their sizes against the budget, as a table."""
    from spk_tui.wording import budget_verdict, count, percent

    keys = list(variants[0].values)
    rows = [
        [
            *(variant.values[key] for key in keys),
            count(variant.preset.run.steps),
            count(cost.encoder),
            percent(cost.encoder / cost.budget),
            budget_verdict(cost.encoder, cost.budget),
        ]
        for variant, cost in zip(variants, costs, strict=True)
    ]
    over = sum(cost.encoder > cost.budget for cost in costs)
    verdict = f"{over} of them over the budget" if over else "all within the budget"
    number = f"{len(variants)} variants" if len(variants) > 1 else "1 variant"
    heads = [*keys, "STEPS", "PARAMETERS", "OF BUDGET", ""]
    return f"{table(heads, rows, numbers=range(len(heads) - 1))}\n\n{number}, {verdict}"


def _show(name: str, runs: Path | None, *, as_json: bool) -> int:
    from engine.sweep import find_sweep
    from spk_tui.sweep_results import means_of, trials_of

    trials = trials_of(find_sweep(name, runs))
    means = means_of(trials) if any(trial.seed for trial in trials) else []
    if as_json:
        say_json({"name": name, "runs": [_answer(trial) for trial in trials], "means": means})
        return WELL
    say(_trials(trials))
    if means:
        say(f"\nOver seeds, mean ± standard deviation:\n\n{_means(means)}")
    return WELL


def _trials(trials: Sequence[Trial]) -> str:
    from spk_tui.wording import accuracy, count

    keys = list(trials[0].values)
    seeds = any(trial.seed for trial in trials)
    rows = [
        [
            *trial.values.values(),
            *([trial.seed] if seeds else []),
            trial.condition,
            f"{count(trial.step)} / {count(trial.steps)}",
            "–" if trial.parameters is None else count(trial.parameters),
            accuracy(trial.segment_accuracy),
            accuracy(trial.utterance_accuracy),
            trial.run.id,
        ]
        for trial in trials
    ]
    heads = [*keys, *(["SEED"] if seeds else []), "STATE", "STEP", "PARAMETERS", "SEGMENT", "UTTERANCE", "RUN"]
    flush_right = [place for place, head in enumerate(heads) if head not in ("STATE", "RUN")]
    return table(heads, rows, numbers=flush_right)


def _means(means: Sequence[Mean]) -> str:
    heads = [*means[0].values, "SEEDS", "SEGMENT", "UTTERANCE"]
    rows = [[*mean.values.values(), str(mean.seeds), _spread(mean.segment), _spread(mean.utterance)] for mean in means]
    return table(heads, rows, numbers=range(len(heads)))


def _spread(mean: tuple[float, float | None] | None) -> str:
    from spk_tui.wording import accuracy

    if mean is None:
        return "–"
    return accuracy(mean[0]) if mean[1] is None else f"{accuracy(mean[0])} ± {accuracy(mean[1])}"


def _answer(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.run.id,
        "values": trial.values,
        "seed": int(trial.seed) if trial.seed else None,
        "state": trial.condition,
        "step": trial.step,
        "steps": trial.steps,
        "encoder_parameters": trial.parameters,
        "segment_accuracy": trial.segment_accuracy,
        "utterance_accuracy": trial.utterance_accuracy,
    }
