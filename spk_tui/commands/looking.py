"""The commands that only look: `presets`, `budget`, `data`, `runs`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from spk_tui.commands.answers import say, say_json, table
from spk_tui.commands.options import (
    AsJson,
    Full,
    KeptRuns,
    LayoutName,
    MostUtterances,
    Overrides,
    PresetName,
    Reverse,
    RunOrder,
    Runs,
    Speakers,
    Trust,
)
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.cost import Cost, ModelSize
    from engine.preset_library import FoundPreset
    from spk_tui.run_index import RunRow


def presets(*, as_json: AsJson = False) -> int:
    """Lists the presets that come with the program and your own; a file that can't be used says why.

    JSON: a list of {"name", "summary", "encoder", "encoder_parameters", "budget", "steps", "own", "path", "problem"}; a
    preset with a problem has null for what can't be known, the others have an empty problem.
    """
    from engine.model_settings import kind_of
    from engine.preset_library import list_presets, own_folder
    from spk_tui.wording import count

    found = list_presets()
    if as_json:
        say_json([_preset(entry) for entry in found])
        return WELL
    rows = []
    for entry in found:
        if (preset := entry.preset) is not None:
            parameters = preset.preset.encoder_parameters
            rows.append([
                entry.name,
                kind_of(preset.encoder),
                count(parameters) if parameters is not None else "–",
                count(preset.budget.encoder_parameters),
                count(preset.run.steps),
                preset.preset.summary,
            ])  # fmt: skip
    heads = ["PRESET", "ENCODER", "PARAMETERS", "BUDGET", "STEPS", "WHAT IT IS FOR"]
    say(table(heads, rows, numbers=(2, 3, 4)))
    for entry in found:
        if entry.preset is None:
            say(f"\ncan't be used: {entry.problem}")
    say(f"\nParameters are those of the encoder as stated in the file; 'spk-tui budget PRESET' counts them.\n"
        f"Your own presets go to {own_folder()}")  # fmt: skip
    return WELL


def budget(preset: PresetName, /, *, overrides: Overrides = None, trust: Trust = False, as_json: AsJson = False) -> int:
    """Counts a preset's parameters, part by part, against its budget for the encoder.

    JSON: {"preset", "budget", "parts": {"front_end", "encoder", "pooling", "head"}, "encoder_layers": {kind of layer:
    parameters}, "unused", "total", "speakers", "multiply_adds_per_second_of_audio", "seconds_per_step", "size":
    {"float32", "float16", "int8"}, "size_without_head": the same, "step_memory": {"precision", "weights", "moments",
    "activations"}}. The budget is for parts.encoder alone; "unused" of them never take part in the forward pass. Sizes
    are bytes of a saved model: float16 halves all real numbers; int8 takes a byte for each weight of a matrix or kernel
    and four for each of its rows. Bytes of a step are those at its peak.
    """
    from engine.budget_client import BudgetMeter
    from spk_tui.commands.training import prepare_preset
    from spk_tui.commands.trusting import settle_trust

    settings = prepare_preset(preset, overrides or [])
    settle_trust(settings, trust)
    meter = BudgetMeter()
    try:
        cost = meter.count(settings)
    finally:
        meter.close()
    if as_json:
        say_json(cost)
    else:
        say(_cost(cost))
    return WELL


def data(
    path: str,
    /,
    *,
    layout: LayoutName = None,
    speakers: Speakers = None,
    max_utterances_per_speaker: MostUtterances = None,
    full: Full = False,
    as_json: AsJson = False,
) -> int:
    """Tells what is in a corpus, what would be held out, and what is wrong with it.

    PATH is a folder, a manifest, or 'demo'. Headers are read, or with --full everything is decoded and kept for the
    next training. What would be held out is told for the usual [validation] settings.

    JSON: {"name", "layout", "root", "speakers", "utterances", "hours", "sessions", "mel_bands", "sample_rates": {hertz:
    utterances}, "channels": {channels: utterances}, "seconds": {"min", "median", "max"} of an utterance,
    "utterances_per_speaker": {"min", "median", "max"}, "seconds_histogram": {"edges", "counts"},
    "utterances_per_speaker_histogram": {"edges", "counts"}, "split": {"way", "train", "validation", "test", "note"},
    "problem_kinds": [{"kind", "number", "leaves_out"}], "problems": [{"kind", "where", "detail"}], "fingerprint",
    "packed"}. "sessions" is 0 when none is known, "mel_bands" that of ready-made frames and else null; "split" is null
    when too little is left to train on; a bin goes from its edge up to the next; "packed" tells whether everything has
    been decoded.
    """
    from engine.corpus.summary import summarize
    from engine.preset import Data
    from spk_tui.commands.corpus_report import progress, report

    part = Data(
        layout=layout or "auto", speakers=speakers or 0, max_utterances_per_speaker=max_utterances_per_speaker or 0
    )
    with progress() as show:
        summary = summarize(path, show, part, full)
    if as_json:
        say_json(summary)
    else:
        say(report(summary))
    return WELL


def runs(
    *, runs: Runs = None, sort: RunOrder = "newest", reverse: Reverse = False, keep: KeptRuns = "",
    as_json: AsJson = False,
) -> int:  # fmt: skip
    """Lists all runs, the newest first, with their state and best accuracy.

    A filter is made of words, looked for in all that describes a run, and of key:value with the keys tag, state,
    preset, corpus, encoder, device, name, note and run; "quotes" hold words together, and all parts have to hold.

    States: starting, queued, preparing, training, validating, paused, stopping, finished, stopped, failed, interrupted.
    JSON: a list of {"id", "run", "preset", "corpus", "state", "step", "steps", "best_accuracy", "best_step",
    "best_checkpoint", "device", "created", "updated"}; times are Unix seconds, what isn't known yet is null.
    """
    from engine.files import runs_folder
    from spk_tui.run_filter import parse
    from spk_tui.run_index import RunIndex
    from spk_tui.run_order import in_order
    from spk_tui.wording import accuracy, age, count

    folder = runs or runs_folder()
    is_meant = parse(keep)
    known = RunIndex(folder).read()
    found = in_order(filter(is_meant, known), sort, reverse=reverse)
    if as_json:
        say_json([_run(row) for row in found])
        return WELL
    if known and not found:
        say(f"none of {count(len(known))} runs in {folder} is meant by '{keep}'")
        return WELL
    if not found:
        say(f"no runs in {folder} yet; 'spk-tui train quick-tour' makes one")
        return WELL
    now = time.time()
    rows = [
        [
            row.run.id + (f" ({row.labels.name})" if row.labels.name else ""),
            row.condition,
            f"{count(row.step)} / {count(row.steps)}",
            accuracy(row.best_accuracy),
            count(row.best_step) if row.best_step is not None else "–",
            row.info.corpus,
            age(now - row.updated),
        ]
        for row in found
    ]
    say(table(["RUN", "STATE", "STEP", "BEST", "AT STEP", "CORPUS", "LAST NEWS"], rows, numbers=(2, 3, 4)))
    return WELL


def _preset(entry: FoundPreset) -> dict[str, Any]:
    from engine.model_settings import kind_of

    preset = entry.preset
    return {
        "name": entry.name,
        "summary": preset.preset.summary if preset else None,
        "encoder": kind_of(preset.encoder) if preset else None,
        "encoder_parameters": preset.preset.encoder_parameters if preset else None,
        "budget": preset.budget.encoder_parameters if preset else None,
        "steps": preset.run.steps if preset else None,
        "own": entry.own,
        "path": entry.path,
        "problem": entry.problem,
    }


def _run(row: RunRow) -> dict[str, Any]:
    return {
        "id": row.run.id,
        "run": str(row.run.path),
        "preset": row.info.preset,
        "corpus": row.info.corpus,
        "state": row.condition,
        "step": row.step,
        "steps": row.steps,
        "best_accuracy": row.best_accuracy,
        "best_step": row.best_step,
        "best_checkpoint": str(row.run.best_path) if row.has_best else None,
        "device": row.info.device or None,
        "created": row.info.created,
        "updated": row.updated,
    }


def budget_line(cost: Cost) -> str:
    """The verdict: what the encoder has, and whether that is within its budget."""
    from spk_tui.wording import budget_verdict, count, percent

    used = cost.encoder
    words = {"fits": "within", "tight": "just within", "over": "OVER"}[budget_verdict(used, cost.budget)]
    return (
        f"{cost.preset}: the encoder has {count(used)} parameters, {words} the budget of {count(cost.budget)} "
        f"({percent(used / cost.budget)})"
    )


def _cost(cost: Cost) -> str:
    """The parts as a table, the encoder's layers under it, and the verdict on top."""
    from spk_tui.wording import count, small_size

    rows = []
    for part, parameters in cost.parts.items():
        rows.append([part.replace("_", " "), count(parameters)])
        if part == "encoder":
            rows += [[f"  {kind.replace('_', ' ')}", count(number)] for kind, number in cost.encoder_layers.items()]
    rows.append(["total", count(cost.total)])
    lines = [
        budget_line(cost),
        "",
        table(["PART", "PARAMETERS"], rows, numbers=(1,)),
        "",
        f"The head is counted for {count(cost.speakers)} speakers.",
        f"One second of audio takes {cost.multiply_adds_per_second_of_audio / 1e6:,.1f} million multiply-adds.",
        f"A checkpoint takes {_sizes(cost.size)}; without the head {_sizes(cost.size_without_head)}.",
        f"A training step takes about {small_size(cost.step_memory.total)} of memory ({cost.step_memory.precision}), "
        "beside PyTorch itself and the corpus.",
    ]
    if cost.unused:
        lines.append(f"{count(cost.unused)} of the encoder's parameters never take part in the forward pass.")
    if cost.seconds_per_step:
        milliseconds = f"{1000 * cost.seconds_per_step:.0f} ms"
        lines.append(f"By its arithmetic alone a training step takes about {milliseconds} on this machine's CPU.")
    return "\n".join(lines)


def _sizes(size: ModelSize) -> str:
    from spk_tui.wording import small_size

    return f"{small_size(size.float32)} ({small_size(size.float16)} as float16, {small_size(size.int8)} as int8)"
