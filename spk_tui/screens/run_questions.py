"""The questions about a run that is watched: how they are put, from what is known of it at that moment.

Whoever asks them does what is answered.
"""

from __future__ import annotations

from spk_tui.follower import Snapshot
from spk_tui.screens.line_dialog import LineDialog
from spk_tui.screens.note_dialog import NoteDialog
from spk_tui.screens.question import Answer, Question
from spk_tui.wording import accuracy, count


def stop_question(shown: Snapshot) -> Question:
    """Whether to stop, and what follows: "stop" or "cancel"."""
    if shown.condition in ("starting", "preparing"):
        text = "Training has not begun. What is prepared already is kept for the next run."
    else:
        lines = [f"1  the step in hand is finished (now {count(shown.step)} of {count(shown.steps)})"]
        if shown.best_accuracy is not None:
            lines.append(f"2  no further validation: the best so far, {accuracy(shown.best_accuracy)}, is kept")
        elif shown.step:
            lines.append("2  one validation, since there is no best model yet")
        lines.append(f"{len(lines) + 1}  the full state is saved, so that the run can be resumed from there")
        text = "\n".join(lines)
        if shown.validating is not None:
            text += "\n\nThe validation in hand is given up; a resumed run begins with it."
    answers = (Answer("stop", "Stop and save", "warning"), Answer("cancel", "Go on training"))
    return Question("Stop this run?", text, answers)


def end_question(shown: Snapshot) -> Question:
    """Whether to end a run that is stopping already, and what is lost by it: "end" or "cancel"."""
    if shown.last_saved_step is not None:
        lost = max(0, shown.step - shown.last_saved_step)
        back = f"It goes back to step {count(shown.last_saved_step)}, which is saved, when it is resumed"
        back += f": {count(lost)} steps are lost." if lost else "; nothing is lost."
    else:
        back = "Nothing of its state is saved yet: a resumed run begins again."
    best = " The best checkpoint is on the disk and stays." if shown.has_best else ""
    text = (
        f"It has been asked to stop and is at it: {shown.activity.word}, {shown.activity.detail or 'saving'}.\n\n"
        f"Ending it now kills its process, and those of its ranks, without waiting for that. {back}{best}"
    )
    answers = (Answer("cancel", "Wait for it", "primary"), Answer("end", "End it now", "error"))
    return Question("End this run now?", text, answers)


def steps_question(shown: Snapshot) -> LineDialog:
    """To how many steps in all a run should go on."""
    saved = shown.step if shown.last_saved_step is None else shown.last_saved_step
    text = f"It goes on from step {count(saved)}, which is saved. Steps in all:" if saved else "Steps in all:"
    if shown.condition == "finished":
        text = (
            f"All {count(shown.steps)} steps are done; with more, the learning rate takes a new cosine. Steps in all:"
        )
    suggested = 2 * shown.steps if shown.condition == "finished" else shown.steps

    def check(typed: str) -> str:
        if typed.isdigit() and int(typed) > shown.step:
            return ""
        return f"a whole number above {count(shown.step)}, the steps that are done"

    return LineDialog("Train on", text, str(suggested), "Resume", check=check, restrict=r"[0-9]*")


def note_question(shown: Snapshot) -> NoteDialog:
    """A note on the run."""
    text = "A note on this run, for you and whoever looks at it later. An empty one takes it away."
    return NoteDialog(text, shown.labels.notes)
