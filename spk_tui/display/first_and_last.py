"""The first and last words on a run, the same for bars and plain lines: which it is, how it ended, and its files."""

from __future__ import annotations

from bisect import bisect_left

from engine.runs.client import why_no_best
from engine.runs.directory import RunDirectory
from engine.runs.state import RunState
from spk_tui.activity import activity_of
from spk_tui.queue_words import waiting_words
from spk_tui.wording import accuracy, count, duration, percent


def beginning(run: RunDirectory, state: RunState) -> list[str]:
    """The lines that a display begins with: which run this is, and where it stands when it has begun before."""
    lines = [f"run {run.id} in {run.path}"]
    if state.step:
        best = f", best accuracy {accuracy(state.best_accuracy)} at step {state.best_step}" if state.best_step else ""
        lines.append(f"so far {count(state.step)} of {count(state.steps)} steps{best}")
    if state.phase == "queued" and state.waiting is not None:
        lines.append(waiting_words(state.waiting.place, state.waiting.devices, state.waiting.after))
    return lines


def standing(run: RunDirectory, state: RunState) -> list[str]:
    """What a run that was followed from elsewhere before does at this moment: one line, or two when a disk is full."""
    condition = run.condition(state)
    if not state.events or state.ended or condition in ("queued", "interrupted"):
        return []
    now = activity_of(state, run.preset(), condition)
    said = f"now {now.word}" + (f": {now.detail}" if now.detail else "")
    if now.total:
        said += f", {percent(now.done / now.total)} ({count(now.done)} of {count(now.total)} {now.unit})"
    if now.word == "paused":
        said += f"; 'spk-tui continue {run.id}' lets it go on"
    if now.word == "waiting for room" and state.diagnoses:
        return [said, f"  {state.diagnoses[-1].finding}; {state.diagnoses[-1].advice}"]
    return [said]


def what_next(run: RunDirectory, state: RunState) -> list[str]:
    """Beside the last words: how long it took, and the commands that go on from here."""
    lines = []
    if state.began is not None and state.updated is not None:
        lines.append(f"it took {duration(state.updated - state.began)}")
    if run.best_path.is_file():
        lines += [
            f"'spk-tui evaluate {run.id}' tests the best checkpoint",
            f"'spk-tui identify --model {run.id} FILE' tells who speaks",
            f"'spk-tui export {run.id} --to onnx' takes it elsewhere",
        ]
    if state.phase in ("finished", "stopped") and run.last_path.is_file():
        more = f" --steps {2 * state.steps}" if state.phase == "finished" else ""
        lines.append(f"'spk-tui resume {run.id}{more}' trains it further")
    return lines


_WORDS = {"finished": "finished", "stopped": "stopped, its state is saved", "failed": "failed"}


def ending(run: RunDirectory, state: RunState) -> list[str]:
    """The lines that a display ends with."""
    word = _WORDS.get(state.phase, "interrupted: its worker is gone without a last word")
    if state.phase == "stopped" and state.step == 0:
        word = "stopped before its first step"
    lines = [f"{run.id}: {word}, {count(state.step)} of {count(state.steps)} steps"]
    if state.best_step is not None:
        other = _other_accuracy(state, state.best_step)
        lines.append(f"best accuracy {accuracy(state.best_accuracy)}{other} at step {state.best_step}")
    if run.best_path.is_file():
        lines.append(f"best checkpoint {run.best_path}")
    else:
        lines.append(f"no best checkpoint: {why_no_best(state)}")
    if state.failed is not None and state.failed.cause == "diverged":
        lines.append("a resumed run would meet the same end; start another with what the lines above advise")
    elif state.phase not in ("finished", "stopped") and run.last_path.is_file():
        lines.append(f"'spk-tui resume {run.id}' goes on from its last checkpoint")
    return lines


def _other_accuracy(state: RunState, step: int) -> str:
    """The other accuracy of the best step, so that both are always told."""
    steps = state.utterance_accuracy.steps
    place = bisect_left(steps, step)
    if place == len(steps) or steps[place] != step:
        return ""
    segment, utterance = state.segment_accuracy.values[place], state.utterance_accuracy.values[place]
    if segment == state.best_accuracy:
        return f" by segment, {accuracy(utterance)} on whole utterances,"
    return f" on whole utterances, {accuracy(segment)} by segment,"
