"""The commands that tell people by their voices: `enroll` keeps a voice, `identify` says whose a recording is.

A child process computes (`engine.use.client`); here is what is asked of it, and how the answer is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from spk_tui.commands.evaluating import Device, ModelName
from spk_tui.commands.options import AsJson, LayoutName, Runs, Trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.use.enrolments import Enrolments
    from engine.use.finding import FoundCheckpoint
    from engine.use.identification import Unusable

Recordings: TypeAlias = Annotated[str, Parameter(help="recordings, of any length and kind of audio file")]
Microphone: TypeAlias = Annotated[
    float | None,
    Parameter(help="record so many seconds from the microphone (pip install 'spk-tui[microphone]')"),
]
Share: TypeAlias = Annotated[float, Parameter(validator=Number(gt=0, lt=1))]


def enroll(
    name: Annotated[str, Parameter(show_default=False, help="the person's name")] = "",
    /,
    *files: Recordings,
    model: ModelName | None = None,
    microphone: Microphone = None,
    show_list: Annotated[bool, Parameter(name="--list", negative=(), show_default=False)] = False,
    remove: str | None = None,
    device: Device = "auto",
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Remembers a person's voice, so that 'identify' tells it: a few recordings of some seconds each are enough.

    Voices are kept for one checkpoint, the one of --model (default: the last run's best): another one hears them
    otherwise. What is kept are embeddings, never recordings; with a name that is there already recordings are added.
    A recording that can't be used is named and the others go on; when none can, the exit code is 2.

    JSON: {"model", "speaker", "recordings", "recordings_in_all", "speakers", "problems": [{"path", "reason"}]}; with
    --list and --remove a list of {"sha256", "preset", "speakers": {name: [recording]}}, one for each model.

    Parameters
    ----------
    show_list
        say who is enrolled, with --model or with any, and end
    remove
        forget a person of this name, and end
    """
    from engine.errors import InputError
    from engine.use.enrolments import speaker_name

    if show_list or remove is not None:
        if name or files or microphone is not None:
            raise InputError("--list and --remove take no recordings")
        return _manage(model, runs, remove, as_json=as_json)
    if not name:
        raise InputError("whose voice is it? spk-tui enroll NAME FILES...")
    person = speaker_name(name)
    if not files and microphone is None:
        raise InputError(f"give recordings of {person}, or --microphone SECONDS")
    return _enroll(person, files, _trusted(model, runs, trust), microphone, device, as_json=as_json)


def identify(
    *files: Recordings,
    model: ModelName | None = None,
    trained: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    false_accepts: Share = 0.01,
    threshold: Annotated[float | None, Parameter(validator=Number(gte=-1, lte=1))] = None,
    data: str | None = None,
    layout: LayoutName = None,
    candidates: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    timeline: bool | None = None,
    microphone: Microphone = None,
    device: Device = "auto",
    runs: Runs = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> int:
    """Says who speaks in recordings: one of those enrolled, or unknown; and in long ones, who speaks in each second.

    A score is the cosine of two voices. Below the threshold a voice is unknown. It is chosen so that of a hundred
    strangers one is taken for any of the candidates (--false-accepts 0.01), by trials on the held-out utterances of
    the corpus that the run was trained on, or of --data; speakers of whom the model has never heard are better
    strangers than its own. Without such a corpus the threshold is 0.7, and that is said.

    A recording that can't be used is named and the others go on; when none can, the exit code is 2.

    JSON: {"model", "candidates", "threshold": {"value", "basis", "false_accepts", "misses"}, "window_threshold",
    "recordings": [{"path", "seconds", "speaker", "matches": [{"speaker", "score", "enrolled"}], "timeline": [{"start",
    "speaker", "score"}]}], "problems": [{"path", "reason"}], "notes"}; a speaker is null for unknown, and in a
    timeline the score, too, where nobody speaks.

    Parameters
    ----------
    model
        a run or a best.safetensors (default: the last run)
    trained
        look among the speakers that the model was trained on, too
    false_accepts
        the share of strangers who may be taken for somebody
    threshold
        the score from which on somebody is known, instead of one chosen by trials
    data
        a corpus for the trials (default: the one that the run was trained on)
    candidates
        how many are named for each recording
    timeline
        who speaks in each second; without a word, for recordings of 10 s and more
    """
    from engine.errors import InputError
    from engine.saved_model import read_saved
    from engine.use.client import ask
    from engine.use.identification import Identification
    from engine.use.orders import Identify
    from spk_tui.commands.answers import say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.identified import show
    from spk_tui.commands.model_corpus import corpus_of

    if not files and microphone is None:
        raise InputError("give recordings, or --microphone SECONDS")
    found = _trusted(model, runs, trust)
    corpus = corpus_of(found, read_saved(found.path), data, layout, whole=True)
    with _paths(files, microphone) as paths, progress() as report:
        order = Identify(
            checkpoint=str(found.path.absolute()),
            recordings=paths,
            names=[*files, *([] if microphone is None else ["microphone"])],
            corpus=corpus.path,
            data=corpus.data,
            trained=trained,
            false_accepts=false_accepts,
            threshold=threshold,
            most=candidates,
            timeline=timeline,
            device=device,
        )
        answer = ask(order, Identification, report)
    if as_json:
        say_json(answer)
    else:
        show(answer)
    warn(answer.problems)
    return WELL


def warn(problems: list[Unusable]) -> None:
    """One line on stderr for each recording that can't be used."""
    import sys

    from spk_tui.wording import one_line

    for problem in problems:
        sys.stderr.write(f"spk-tui: {one_line(problem.path)}: {one_line(problem.reason)}\n")


def _enroll(
    name: str,
    files: tuple[str, ...],
    found: FoundCheckpoint,
    microphone: float | None,
    device: str,
    *,
    as_json: bool,
) -> int:
    import time

    from engine.use.client import ask
    from engine.use.identification import Enrolment
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.corpus_report import progress
    from spk_tui.commands.identified import enrolled_line
    from spk_tui.model_orders import enrolment_order

    with _paths(files, microphone) as paths, progress() as report:
        spoken = [] if microphone is None else [time.strftime("microphone, %Y-%m-%d %H:%M:%S")]
        order = enrolment_order(found, name, paths, spoken, device)
        answer = ask(order, Enrolment, report)
    if as_json:
        say_json(answer)
    else:
        say(enrolled_line(answer))
    warn(answer.problems)
    return WELL


def _manage(model: str | None, runs: Runs, remove: str | None, *, as_json: bool) -> int:
    """Forgets somebody, or only says who is there."""
    from engine.use.enrolments import all_enrolments, changing, read_enrolments
    from spk_tui.commands.answers import say, say_json, table

    if remove is not None:
        sha256, preset = _hash_of(model, runs)
        with changing(sha256, preset) as changed:
            changed.remove(remove.strip())
        listed = [changed]
    else:
        listed = all_enrolments() if model is None else [read_enrolments(*_hash_of(model, runs))]
    if as_json:
        say_json([_as_json(enrolments) for enrolments in listed])
        return WELL
    rows = [
        [name, f"{len(voices)}", enrolments.preset, enrolments.sha256[:12]]
        for enrolments in listed
        for name, voices in sorted(enrolments.speakers.items())
    ]
    if remove is not None:
        say(f"{remove.strip()} is forgotten" + ("; still enrolled:" if rows else ""))
    if rows:
        say(table(["SPEAKER", "RECORDINGS", "MODEL", "CHECKPOINT"], rows, (1,)))
    elif remove is None:
        say("nobody is enrolled; 'spk-tui enroll NAME FILES...' does it")
    return WELL


def _as_json(enrolments: Enrolments) -> dict[str, object]:
    speakers = {name: [voice.recording for voice in voices] for name, voices in enrolments.speakers.items()}
    return {"sha256": enrolments.sha256, "preset": enrolments.preset, "speakers": speakers}


def _hash_of(model: str | None, runs: Runs) -> tuple[str, str]:
    """The hash of the checkpoint that is meant, and its preset's name. Raises `InputError`."""
    from engine.saved_model import read_saved
    from engine.use.finding import find_checkpoint
    from spk_tui.model_orders import sha256_of

    path = find_checkpoint(model or "last", runs).path
    saved = read_saved(path)
    return sha256_of(path), saved.preset.name


def _trusted(model: str | None, runs: Runs, trust: bool) -> FoundCheckpoint:
    """The checkpoint that is meant, when its code, if any, may run. Raises `InputError`."""
    from engine.saved_model import read_saved
    from engine.use.finding import find_checkpoint
    from spk_tui.commands.trusting import settle_trust

    found = find_checkpoint(model or "last", runs)
    settle_trust(read_saved(found.path).preset, trust)
    return found


@contextmanager
def _paths(files: tuple[str, ...], microphone: float | None) -> Iterator[list[str]]:
    """The files' paths, and at their end that of what is recorded now, if anything is."""
    from engine.files import user_path

    paths = [str(user_path(file)) for file in files]
    if microphone is None:
        yield paths
        return
    import sys

    from engine.use.microphone import recorded

    def please_speak() -> None:
        sys.stderr.write(f"recording for {microphone:g} s: please speak\n")
        sys.stderr.flush()

    with recorded(microphone, please_speak) as path:
        yield [*paths, str(path)]
