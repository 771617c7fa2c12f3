"""The commands that train and follow: `train`, `resume`, `attach`. Each ends with the run's outcome as its exit code.

Preset and corpus are checked before a run directory is made, so that bad input leaves nothing behind.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from spk_tui.commands.options import (
    Detach,
    DisplayChoice,
    DisplayName,
    EventsAsJson,
    InQueue,
    LayoutName,
    MachineCount,
    MostUtterances,
    Overrides,
    PresetName,
    Rendezvous,
    RunName,
    Runs,
    Speakers,
    Trust,
)
from spk_tui.commands.trusting import settle_trust
from spk_tui.exit_codes import WELL

if TYPE_CHECKING:
    from engine.preset import Preset
    from engine.runs.directory import RunDirectory
    from engine.runs.machines import Machines
    from spk_tui.commands.following import Following

DEMO = "demo"


def train(
    preset: PresetName,
    /,
    *,
    data: str | None = None,
    layout: LayoutName = None,
    speakers: Speakers = None,
    max_utterances_per_speaker: MostUtterances = None,
    overrides: Overrides = None,
    steps: int | None = None,
    device: str | None = None,
    devices: int | None = None,
    machines: MachineCount = 1,
    rendezvous: Rendezvous = "",
    runs: Runs = None,
    trust: Trust = False,
    display: DisplayChoice = "auto",
    detach: Detach = False,
    queued: InQueue = False,
    as_json: EventsAsJson = False,
) -> int:
    """Trains a preset in a background process and follows it.

    Ctrl+C asks the run to stop and save, and waits; a second Ctrl+C leaves it to the background. With --display json
    every event is a line on stdout, as in the run's events.jsonl. With --detach --json the answer is
    {"id", "run", "preset", "corpus"}. --queue detaches, too: the run waits in the background until nobody trains on its
    device ('spk-tui queue' shows the line). --layout, --speakers and --max-utterances-per-speaker are the same as
    --set data.layout=NAME and so on.

    Parameters
    ----------
    data
        the corpus: a folder, a manifest, or 'demo' for the built-in synthetic voices (default: demo)
    steps
        optimizer steps of the whole run; the same as --set run.steps=N
    device
        auto (CUDA, then MPS, then the CPU), cpu, cuda, cuda:1 or mps; the same as --set run.device=D
    devices
        how many devices of a machine train together; the same as --set run.devices=N
    """
    together = _machines(machines, rendezvous)
    settings = prepare_preset(
        preset,
        overrides or [],
        steps,
        device,
        devices=devices,
        layout=layout,
        speakers=speakers,
        max_utterances_per_speaker=max_utterances_per_speaker,
    )
    settle_trust(settings, trust)
    corpus = check_corpus(data, settings)
    face = "json" if as_json else display
    return start_and_follow(settings, corpus, runs, face, detach=detach, machines=together, queued=queued)


def resume(
    run: RunName,
    /,
    *,
    steps: int | None = None,
    devices: int | None = None,
    machines: MachineCount = 1,
    rendezvous: Rendezvous = "",
    runs: Runs = None,
    trust: Trust = False,
    display: DisplayChoice = "auto",
    detach: Detach = False,
    queued: InQueue = False,
    as_json: EventsAsJson = False,
) -> int:
    """Goes on from a run's last checkpoint in a new process, and follows it.

    A run that has done all its steps needs --steps N with a greater N. With --detach --json, or --queue --json, the
    answer is {"id", "run", "preset", "corpus"}.

    Parameters
    ----------
    steps
        the new number of steps of the whole run
    devices
        how many devices of a machine train together from now on
    """
    from engine.runs.directory import find_run

    together = _machines(machines, rendezvous)
    found = find_run(run, runs)
    found.check_encoder()  # nobody is asked to trust a copy that can't go on
    settle_trust(found.preset(), trust)
    face = "json" if as_json else display
    return resume_and_follow(found, steps, face, detach=detach, devices=devices, machines=together, queued=queued)


def attach(
    run: RunName, /, *, runs: Runs = None, display: DisplayChoice = "auto", as_json: EventsAsJson = False
) -> int:
    """Watches a run until it ends; Ctrl+C leaves it running.

    With --json every event from the run's beginning on is a line on stdout. The exit code is that of the run: 0 when it
    finished or was stopped, 3 when it failed.
    """
    from engine.runs.directory import find_run
    from spk_tui.commands.following import Following, Interruptions
    from spk_tui.display.choose import choose

    face = choose("json" if as_json else display)
    following = Following(find_run(run, runs))
    with Interruptions() as interruptions:
        return following.follow(face, interruptions, on_interrupt="leave", launched=False, replay=True)


# ---------------------------------------------------------------------------- the same for commands and for notebooks


def prepare_preset(
    name: str,
    overrides: list[str],
    steps: int | None = None,
    device: str | None = None,
    *,
    devices: int | None = None,
    layout: str | None = None,
    speakers: int | None = None,
    max_utterances_per_speaker: int | None = None,
) -> Preset:
    """The preset with its overrides; messages name the option that brought a wrong value. Raises `InputError`."""
    from engine.preset_file import with_overrides
    from engine.preset_library import find_preset

    preset = with_overrides(find_preset(name), overrides, source="--set")
    shorthands = {
        "--steps": ("run.steps", steps),
        "--device": ("run.device", device),
        "--devices": ("run.devices", devices),
        "--layout": ("data.layout", layout),
        "--speakers": ("data.speakers", speakers),
        "--max-utterances-per-speaker": ("data.max_utterances_per_speaker", max_utterances_per_speaker),
    }
    for option, (key, value) in shorthands.items():
        if value is not None:
            preset = with_overrides(preset, [f"{key}={json.dumps(value)}"], source=option)
    return preset


def check_corpus(corpus: str | None, preset: Preset) -> str:
    """The corpus as the worker is to be told it, wherever that may be started. Raises `InputError`.

    The preset says how it is read and changed. The demo corpus is made by the worker, which shows how far that is.
    """
    from engine.corpus.copies import check_augmentation
    from engine.corpus.demo import parse_demo
    from engine.corpus.opening import open_corpus
    from engine.files import user_path

    corpus = DEMO if corpus is None else corpus
    check_augmentation(open_corpus(corpus, preset.data), preset.augment)
    return corpus if parse_demo(corpus) is not None else str(user_path(corpus).resolve())


def start_and_follow(
    preset: Preset,
    corpus: str,
    runs: Path | None,
    display: DisplayName,
    *,
    detach: bool = False,
    machines: Machines | None = None,
    queued: bool = False,
) -> int:
    """Starts the worker of a new run and follows it to its end; returns the exit code. Raises `InputError`."""
    from engine.runs.client import start_run
    from engine.runs.machines import ONE_MACHINE
    from spk_tui.commands.following import Following, Interruptions
    from spk_tui.display.choose import choose

    face = choose(display)
    with Interruptions() as interruptions:
        following = Following(start_run(preset, corpus, runs, machines or ONE_MACHINE, queued=queued), new=True)
        if detach or queued:
            return _leave(following, preset.name, corpus, as_json=display == "json", queued=queued)
        return following.follow(face, interruptions, on_interrupt="stop", launched=True)


def resume_and_follow(
    run: RunDirectory,
    steps: int | None,
    display: DisplayName,
    *,
    detach: bool = False,
    devices: int | None = None,
    machines: Machines | None = None,
    queued: bool = False,
) -> int:
    """Starts a new worker for a run and follows it to its end; returns the exit code. Raises `InputError`."""
    from engine.runs.client import resume_run
    from engine.runs.machines import ONE_MACHINE
    from spk_tui.commands.following import Following, Interruptions
    from spk_tui.display.choose import choose

    face = choose(display)
    with Interruptions() as interruptions:
        following = Following(run)
        resume_run(run, steps, devices, machines or ONE_MACHINE, queued=queued)
        if detach or queued:
            info = run.info()
            return _leave(following, info.preset, info.corpus, as_json=display == "json", queued=queued)
        return following.follow(face, interruptions, on_interrupt="stop", launched=True)


def _machines(number: int, rendezvous: str) -> Machines:
    """Who trains together, as two options say it. Raises `InputError`."""
    from engine.runs.machines import Machines

    return Machines.of(number, rendezvous)


def _leave(following: Following, preset: str, corpus: str, *, as_json: bool, queued: bool) -> int:
    """Says where a run that nobody follows can be found again, once its worker lives; returns the exit code."""
    from spk_tui.commands.answers import say, say_json

    run = following.run
    code = following.wait_for_worker()
    if as_json:
        say_json({"id": run.id, "run": str(run.path), "preset": preset, "corpus": corpus})
    elif code == WELL:
        say(f"run {run.id} {_where_it_stands(run) if queued else 'trains in the background'}, in {run.path}")
        say(f"'spk-tui attach {run.id}' shows it, 'spk-tui stop {run.id}' stops it")
    return code


def _where_it_stands(run: RunDirectory) -> str:
    """What a run does that was just put in line."""
    from engine.runs.queue import Queue
    from spk_tui.queue_words import waiting_words

    queue = Queue(run.path.parent)
    entries = queue.read()
    own = next((entry for entry in entries if entry.run == run.id), None)
    if own is None:
        return "trains in the background, since nobody else did"
    place = queue.place_of(run.id, entries)
    return f"is {waiting_words(place.number, own.devices, place.after)}"
