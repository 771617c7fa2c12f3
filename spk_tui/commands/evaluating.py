"""The commands that tell how good a trained model is: `evaluate`.

A child process computes (`engine.use.client`); here is what is asked of it, and how the answer is shown and kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from spk_tui.commands.options import AsJson, LayoutName, Runs, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.use.results import Evaluation

ModelName: TypeAlias = Annotated[
    str, Parameter(help="a run (its name, the beginning of one, its folder, or 'last'), or a best.safetensors")
]
CorpusPath: TypeAlias = Annotated[
    str | None, Parameter(help="the corpus to look at (default: the one that the run was trained on)")
]
Device: TypeAlias = Annotated[str, Parameter(help="auto, cpu, cuda, cuda:1 or mps")]


def evaluate(
    model: ModelName,
    /,
    *,
    data: CorpusPath = None,
    layout: LayoutName = None,
    split: Literal["validation", "train", "test", "all"] = "validation",
    against: str | None = None,
    out: Path | None = None,
    device: Device = "auto",
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Tells how good a trained model is: accuracies with intervals, whom it confuses, and how sure it may be.

    The same segments and whole utterances are looked at as in the run's validations. With --against another model is
    tried on the same utterances, and the difference has an interval of its own.

    JSON: {"model": {"path", "sha256", "preset", "encoder", "encoder_parameters", "speakers", "step"}, "corpus",
    "fingerprint", "part", "corpus_utterances", "notes", "segment_seconds", "segments": {"utterances", "loss", "top1",
    "top5", "balanced"}, "whole": the same, "by_length": [{"shortest", "longest", "utterances", "top1"}], "confusions":
    [{"speaker", "taken_for", "times", "utterances"}], "matrix": {"speakers", "counts", "others"}, "calibration":
    {"expected_error", "mean_confidence", "accuracy", "temperature", "bins"}, "against"}; "top1" and its like are
    {"value", "low", "high"}, and "against" is null without another model, else {"other", "other_segments",
    "other_whole", "segments", "whole"}, the last two the differences.

    Parameters
    ----------
    split
        which part of the corpus: what the run held out, what it was trained on, the corpus's own test part, or all
    against
        another run or best.safetensors
    out
        a file for the report: .md for Markdown, .json for JSON
    """
    from engine.saved_model import read_saved
    from engine.use.client import ask
    from engine.use.finding import find_checkpoint
    from engine.use.results import Evaluation
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.trusting import settle_trust
    from spk_tui.evaluation_file import write_evaluation
    from spk_tui.model_orders import evaluation_order

    out = place_for(out)
    found = find_checkpoint(model, runs)
    saved = read_saved(found.path)
    settle_trust(saved.preset, trust)
    other = find_checkpoint(against, runs).path if against else None
    if other is not None:
        settle_trust(read_saved(other).preset, trust)
    order = evaluation_order(found, saved, data, layout, split, "" if other is None else str(other.absolute()), device)
    with progress() as show:
        evaluation = ask(order, Evaluation, show)
    if out is not None:
        write_evaluation(out, evaluation)
    if as_json:
        say_json(evaluation)
    else:
        say(_report(evaluation, out))
    return WELL


def place_for(out: Path | None) -> Path | None:
    """Where the report goes, looked at before anything is computed. Raises `InputError`."""
    from engine.errors import InputError
    from engine.files import user_path

    if out is None:
        return None
    place = user_path(out)
    if place.suffix not in (".md", ".json"):
        raise InputError(f"--out {out}: its ending says what is written; take .md for Markdown or .json for JSON")
    if not place.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {place.parent}")
    return place


def _report(evaluation: Evaluation, out: Path | None) -> str:
    """The report's tables for a terminal."""
    from engine.use.evaluation_report import facts, heading, tables
    from spk_tui.commands.report_text import report_text

    text = report_text(heading(evaluation), facts(evaluation), tables(evaluation))
    return text if out is None else f"{text}\n\nwritten to {out}"
