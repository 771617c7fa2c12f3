"""The command that tells how well a trained model says whether two recordings are of one speaker: `verify`.

A child process computes (`engine.use.client`); here is what is asked of it, and how the answer is shown and kept.
"""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from spk_tui.commands.evaluating import Device, ModelName
from spk_tui.commands.options import AsJson, LayoutName, Runs, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.use.finding import FoundCheckpoint
    from engine.use.verification_results import Verification
    from spk_tui.commands.model_corpus import ModelCorpus

EACH = 100
WIDEST, HIGHEST = 72, 24
"""Cells of the DET curve's picture: about as wide as it is high on most terminals."""


def verify(
    model: ModelName,
    /,
    *,
    trials: Path | None = None,
    data: Annotated[str | None, Parameter(help="the corpus, or the folder that a list's names begin in")] = None,
    layout: LayoutName = None,
    split: Literal["auto", "strangers", "validation", "train", "test", "all"] | None = None,
    trials_per_speaker: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    seed: Annotated[int | None, Parameter(validator=Number(gte=0, lt=2**63))] = None,
    as_norm: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    cohort: str | None = None,
    scores: Path | None = None,
    out: Path | None = None,
    device: Device = "auto",
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Tells how well a trained model says whether two recordings are of one speaker: error rates and a DET curve.

    The score of a trial is the cosine of the embeddings of two whole recordings. Trials come from a list, or are drawn:
    of speakers whom the model doesn't know where the corpus has any, else of what its run held out.

    JSON: {"model": {"path", "sha256", "preset", "encoder", "encoder_parameters", "speakers", "step"}, "corpus",
    "fingerprint", "notes", "trials": {"source", "trials", "same", "different", "recordings", "speakers",
    "new_speakers", "trained_trials"}, "scorings": [{"name", "equal_error_rate": {"value", "low", "high"}, "threshold",
    "costs": [{"prior", "value": {"value", "low", "high"}}], "points": [{"false_alarms", "misses", "threshold"}],
    "curve": {"false_alarms", "misses"}}]}; "trained_trials" is null where nobody can tell.

    Parameters
    ----------
    trials
        a list with a line such as "1 id10270/a/00001.wav id10270/b/00002.wav" for each trial, 0 for two speakers
    split
        whose trials are drawn: strangers to the model, a part of the corpus, or all (default: auto, as said above)
    trials_per_speaker
        trials of either kind that are drawn for each speaker, about as many of both (default: 100); 0: all pairs
    seed
        decides which trials are drawn (default: 0)
    as_norm
        adapt each score to so many of the training speakers who sound most alike (adaptive s-norm); 0: only cosines
    cohort
        the corpus with those training speakers (default: the one that the run was trained on)
    scores
        a file for a line with each trial's scores, with tabs: 1 or 0, both recordings, cosine, adapted score
    out
        a file for the report: .md for Markdown with the DET curve as .svg beside it, .json for JSON
    """
    from engine.errors import InputError
    from engine.saved_model import read_saved
    from engine.use.client import ask
    from engine.use.finding import find_checkpoint
    from engine.use.orders import Verify
    from engine.use.verification_results import Verification
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.evaluating import place_for
    from spk_tui.commands.model_corpus import corpus_of, demanded
    from spk_tui.commands.trusting import settle_trust

    if trials is not None and not (split is None and trials_per_speaker is None and seed is None):
        raise InputError("--trials FILE says which trials; --split, --trials-per-speaker and --seed are for drawn ones")
    if cohort is not None and not as_norm:
        raise InputError("--cohort PATH is for --as-norm N, which says how many of its speakers count")
    out, scores = place_for(out), _place_of_scores(scores)
    found = find_checkpoint(model, runs)
    saved = read_saved(found.path)
    settle_trust(saved.preset, trust)
    part = split or "auto"
    corpus = demanded(found, corpus_of(found, saved, data, layout, whole=part in ("test", "all")))
    order = Verify(
        checkpoint=str(found.path.absolute()),
        corpus=corpus.path,
        trials="" if trials is None else str(_list_at(trials)),
        part=part,
        data=corpus.data,
        each=EACH if trials_per_speaker is None else trials_per_speaker,
        seed=seed or 0,
        top=as_norm,
        trained_on=_trained_on(found, corpus, cohort),
        scores="" if scores is None else str(scores),
        device=device,
    )
    with progress() as show:
        verification = ask(order, Verification, show)
    written = [*_write(out, verification), *([scores] if scores is not None else [])]
    if as_json:
        say_json(verification)
    else:
        say(_report(verification, written))
    return WELL


def _trained_on(found: FoundCheckpoint, corpus: ModelCorpus, cohort: str | None) -> str:
    """The corpus that the model was trained on, as `corpus` writes it where it is the same; "" where nobody knows."""
    from engine.files import user_path

    if found.run is not None:
        return found.run.info().corpus if cohort is None else cohort
    if cohort is None:
        return ""
    return corpus.path if user_path(cohort).resolve() == user_path(corpus.path).resolve() else cohort


def _list_at(trials: Path) -> Path:
    """The list's absolute path. Raises `InputError`."""
    from engine.errors import InputError
    from engine.files import user_path

    path = user_path(trials).absolute()
    if not path.is_file():
        raise InputError(f"--trials {trials}: {'is no ordinary file' if path.exists() else 'there is no such file'}")
    return path


def _place_of_scores(scores: Path | None) -> Path | None:
    """Where scores go, looked at before anything is computed. Raises `InputError`."""
    from engine.errors import InputError
    from engine.files import user_path

    if scores is None:
        return None
    place = user_path(scores).absolute()
    if place.is_dir():
        raise InputError(f"--scores {scores}: is a folder; name a file")
    if not place.parent.is_dir():
        raise InputError(f"--scores {scores}: there is no folder {place.parent}")
    if place.exists() and not place.is_file():
        raise InputError(f"--scores {scores}: is no ordinary file; name one")
    return place


def _write(out: Path | None, verification: Verification) -> list[Path]:
    """Writes the report, and returns the paths of its files. Raises `InputError`."""
    import msgspec

    from engine.errors import InputError
    from engine.files import write_atomically
    from engine.use.det_curve import det_svg
    from engine.use.verification_report import as_markdown

    if out is None:
        return []
    if out.suffix == ".json":
        texts = {out: msgspec.json.format(msgspec.json.encode(verification)).decode()}
    else:
        image = out.with_suffix(".svg")
        texts = {image: det_svg(verification), out: as_markdown(verification, image.name)}
    for path, text in texts.items():
        try:
            write_atomically(path, text)
        except OSError as error:
            raise InputError(f"{path}: can't be written ({error.strerror})") from None
    return list(texts)


def _report(verification: Verification, written: list[Path]) -> str:
    """Tables and the DET curve for a terminal."""
    from engine.use.verification_report import facts, heading, tables
    from spk_tui.commands.report_text import report_text

    parts = [report_text(heading(verification), facts(verification), tables(verification)), _picture(verification)]
    parts += ["\n".join(f"written to {path}" for path in written)] if written else []
    return "\n\n".join(parts)


def _picture(verification: Verification) -> str:
    """The DET curve: misses against false alarms, on axes by which normally distributed scores make straight lines."""
    from engine.use.det_curve import deviate, span, ticks
    from spk_tui.plots import Axis, Group, colours_wanted, picture

    low, high = span(verification)
    ends, places = (deviate(low), deviate(high)), ticks(low, high)
    groups = [
        Group(
            one.name, [deviate(rate) for rate in one.curve.false_alarms], [deviate(rate) for rate in one.curve.misses]
        )
        for one in verification.scorings
    ]
    if not any(group.x for group in groups):
        return "DET curve\n  none: no threshold makes errors of both kinds"
    width = min(WIDEST, get_terminal_size().columns - 2)
    drawn = picture(
        groups, Axis("false alarms, %", *ends, places), Axis("misses, %", *ends, places), width, HIGHEST,
        colours=colours_wanted(),
    )  # fmt: skip
    return "\n".join(["DET curve", *(f"  {row}" for row in drawn.splitlines())])
