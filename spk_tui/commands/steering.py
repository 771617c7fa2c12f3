"""The commands that ask something of a run from any terminal: `pause`, `continue`, `stop`, `save`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from spk_tui.commands.options import AsJson, RunName, Runs
from spk_tui.exit_codes import LEFT, RUN_FAILED, WELL

if TYPE_CHECKING:
    from engine.runs.directory import RunDirectory
    from engine.runs.requests import Ask
    from engine.runs.state import RunState

NoWait = Annotated[
    bool, Parameter(name="--no-wait", negative=(), show_default=False, help="ask only; don't wait for the run's end")
]


def pause(run: RunName, /, *, runs: Runs = None, as_json: AsJson = False) -> int:
    """Makes a run wait, until 'continue' or 'stop'. It keeps its memory and gives the processor free.

    JSON: {"id", "run", "request": "pause", "ok", "message"}.
    """
    return _ask(run, runs, "pause", as_json=as_json)


def continue_run(run: RunName, /, *, runs: Runs = None, as_json: AsJson = False) -> int:
    """Lets a paused run go on. A run whose process has ended is continued with 'resume'.

    JSON: {"id", "run", "request": "continue", "ok", "message"}.
    """
    return _ask(run, runs, "continue", as_json=as_json)


def stop(run: RunName, /, *, no_wait: NoWait = False, runs: Runs = None, as_json: AsJson = False) -> int:
    """Stops a run after the step in hand, with its state saved, and waits until it has ended; one that waits, at once.

    JSON: {"id", "run", "state", "step", "steps", "best_accuracy", "best_step", "best_checkpoint", "last_checkpoint"};
    a checkpoint that there is none of is null. State is stopped, or finished or failed when the run was faster, or
    stopping with --no-wait.
    """
    from engine.runs import client
    from spk_tui.commands.answers import say, say_json
    from spk_tui.commands.following import Following, Interruptions
    from spk_tui.display.first_and_last import ending

    found = _running(run, runs, "stop")
    following = Following(found)
    client.ask(found, "stop")
    if not no_wait:
        if not as_json:
            say(f"{found.id}: stopping, the state is being saved")
        with Interruptions() as interruptions:
            for event in client.follow(found, reader=following.reader):
                if event is not None:
                    following.state.apply(event)
                if interruptions.count:
                    return LEFT
    state = following.state
    if as_json:
        say_json(_stopped(found, state))
    else:
        say("\n".join([f"{found.id}: asked to stop"] if no_wait else ending(found, state)))
    return WELL if no_wait or state.phase in ("stopped", "finished") else RUN_FAILED


def save(run: RunName, path: Path, /, *, runs: Runs = None, as_json: AsJson = False) -> int:
    """Copies a run's best checkpoint to a path, or into a folder; a run that has none yet validates first.

    JSON: {"id", "run", "saved"}: the file that was written.
    """
    from engine.runs.client import save_best
    from engine.runs.directory import find_run
    from spk_tui.commands.answers import say, say_json

    found = find_run(run, runs)
    written = save_best(found, path).resolve()
    if as_json:
        say_json({"id": found.id, "run": str(found.path), "saved": str(written)})
    else:
        say(f"{found.id}: best checkpoint saved to {written}")
    return WELL


def _ask(name: str, runs: Path | None, what: Ask, *, as_json: bool) -> int:
    """Asks, waits for the answer and tells it. Raises `InputError` when the run refuses."""
    from engine.errors import InputError
    from engine.runs.client import ask_and_wait
    from spk_tui.commands.answers import say, say_json

    run = _running(name, runs, what)
    answer = ask_and_wait(run, what)
    if as_json:
        message = answer.message
        say_json({"id": run.id, "run": str(run.path), "request": what, "ok": answer.ok, "message": message})
    if not answer.ok:
        raise InputError(f"{run.id}: {answer.message}")
    if not as_json:
        say(f"{run.id}: {answer.message}")
    return WELL


def _running(name: str, runs: Path | None, what: Ask) -> RunDirectory:
    """The run of that name; one that nobody trains is refused with what can be done instead. Raises `InputError`."""
    from engine.errors import InputError
    from engine.runs.directory import find_run

    run = find_run(name, runs)
    if run.alive:
        return run
    condition = run.condition(run.state())
    if condition == "starting":
        raise InputError(f"{run.id} is only just starting; try again in a moment")
    more = " --steps N trains it further" if condition == "finished" else " goes on from its last checkpoint"
    hint = f"; 'spk-tui resume {run.id}'{more}" if what in ("pause", "continue") else ""
    raise InputError(f"{run.id} is not running ({condition}), so there is nothing to {what}{hint}")


def _stopped(run: RunDirectory, state: RunState) -> dict[str, Any]:
    """What `stop --json` answers."""
    return {
        "id": run.id,
        "run": str(run.path),
        "state": run.condition(state) if state.ended else "stopping",
        "step": state.step,
        "steps": state.steps,
        "best_accuracy": state.best_accuracy,
        "best_step": state.best_step,
        "best_checkpoint": str(run.best_path) if run.best_path.is_file() else None,
        "last_checkpoint": str(run.last_path) if run.last_path.is_file() else None,
    }
