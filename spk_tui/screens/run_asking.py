"""What one can ask of a run that is watched: stop, pause, save, resume, a note; each after saying what it means.

The run's directory takes requests and a note, and nothing else is written there. Which run, and how it is shown, the
screen that is built on this says; how the questions are put, `run_questions.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual import work
from textual.binding import Binding
from textual.reactive import reactive

from engine.errors import InputError
from engine.runs import client
from engine.runs.directory import RunDirectory
from engine.runs.requests import Ask
from spk_tui.follower import Snapshot
from spk_tui.labelling import label, noted
from spk_tui.screens import run_questions
from spk_tui.screens.room import Room
from spk_tui.screens.save_dialog import SaveDialog
from spk_tui.wording import accuracy, count


class RunAsking(Room):
    """A screen on one run, with the keys by which it is asked something."""

    BINDINGS = [  # noqa: RUF012
        Binding("x", "stop", "Stop", tooltip="Stop training and save its state", id="training.stop"),
        Binding("x", "end", "End now", tooltip="Don't wait for it to stop: end its process", id="training.end"),
        Binding("space", "pause", "Pause", tooltip="Let the training wait", id="training.pause"),
        Binding("space", "continue", "Continue", tooltip="Let the training go on", id="training.continue"),
        Binding("s", "save", "Save best", tooltip="Copy the best checkpoint to a path", id="training.save"),
        Binding("r", "resume", "Resume", tooltip="Go on from the saved state", id="training.resume"),
        Binding("u", "use", "Use", show=False, tooltip="Evaluate the best checkpoint, or ask it who is speaking",
                id="training.use"),
        Binding("n", "note", "Note", show=False, tooltip="Write a note on this run", id="training.note"),
    ]  # fmt: skip

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        shown = self.snapshot
        if shown is None:
            return action not in ("stop", "end", "pause", "continue", "save", "resume", "use", "note")
        stopping = shown.condition == "stopping" or "stop" in shown.asked
        live = not shown.is_over and not stopping
        allowed = {
            "stop": live,
            "end": stopping and not shown.is_over,
            "pause": live and shown.condition in ("training", "validating") and "pause" not in shown.asked,
            "continue": live and shown.condition == "paused" and shown.activity.word != "waiting for room",
            "save": shown.has_best,
            "use": shown.has_best,
            "resume": shown.can_train_on,
        }
        return allowed.get(action, True)

    @work(group="ask")
    async def action_stop(self) -> None:
        """Stops the run, after saying what that means."""
        if self.snapshot is None:
            return
        if await self.app.push_screen_wait(run_questions.stop_question(self.snapshot)) == "stop":
            from engine.runs.ending import stop_somehow

            await self._do(stop_somehow, said="Asked to stop; the state is saved first.")

    @work(group="ask")
    async def action_end(self) -> None:
        """Ends a run that is stopping already, after saying what is lost."""
        if self.snapshot is None:
            return
        if await self.app.push_screen_wait(run_questions.end_question(self.snapshot)) == "end":
            from engine.runs.ending import end_now

            await self._do(end_now, said="Its process is gone; what was saved is kept.")

    @work(group="ask")
    async def action_pause(self) -> None:
        """Lets the run wait."""
        await self._ask("pause", "Asked to pause.")

    @work(group="ask")
    async def action_continue(self) -> None:
        """Lets a paused run go on."""
        await self._ask("continue", "Asked to go on.")

    async def _ask(self, what: Ask, said: str) -> None:
        await self._do(client.ask, what, said=said)

    async def _do(self, function: Callable[..., object], *arguments: object, said: str) -> None:
        """In a thread, with this run; says that it is done, or why not."""
        try:
            await self.in_thread(function, self.run, *arguments)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify(said, timeout=3)

    @work(group="ask")
    async def action_save(self) -> None:
        """Copies the best checkpoint to a path."""
        shown = self.snapshot
        if shown is None:
            return
        suggested = Path.cwd() / f"{shown.preset.name}-best.safetensors"
        chosen = await self.app.push_screen_wait(SaveDialog(suggested, await self.in_thread(_facts, shown)))
        if chosen is None:
            return
        try:
            written = await self.in_thread(client.save_best, self.run, chosen)
        except InputError as error:
            self.notify(str(error), title="Not saved", severity="error", timeout=10, markup=False)
        else:
            holds = await self.in_thread(_holds, written)
            self.notify(f"{written}{holds}", title="Best checkpoint saved", timeout=8, markup=False)

    @work(group="ask")
    async def action_resume(self) -> None:
        """Starts a new worker that goes on from the saved state, to as many steps as one says."""
        shown = self.snapshot
        if shown is None:
            return
        typed = await self.app.push_screen_wait(run_questions.steps_question(shown))
        if typed is not None:
            await self.dashboard.resume(self.run, None if int(typed) == shown.steps else int(typed))

    def action_use(self) -> None:
        """Opens the best checkpoint, to be evaluated and asked."""
        self.dashboard.use_model(self.run)

    @work(group="ask")
    async def action_note(self) -> None:
        """Writes a note on the run."""
        shown = self.snapshot
        if shown is None:
            return
        typed = await self.app.push_screen_wait(run_questions.note_question(shown))
        if typed is not None:
            try:
                await self.in_thread(label, self.run, noted(typed))
            except InputError as error:
                self.notify(str(error), title="Not kept", severity="error", markup=False)


def askable(shown: Snapshot) -> tuple[object, ...]:
    """What decides which keys can do something."""
    return shown.condition, shown.asked, shown.activity.word, shown.has_best, shown.has_last


def _facts(shown: Snapshot) -> list[tuple[str, str]]:
    """In a thread: what is in the best checkpoint, as it says itself; else what is known of it from the events."""
    from spk_tui.checkpoint_facts import facts_of

    encoder = shown.started.encoder_parameters if shown.started is not None else None
    counted = f"{count(encoder)} parameters" if encoder is not None else ""
    try:
        facts = facts_of(Path(shown.best_path))
    except InputError:
        known = f"accuracy {accuracy(shown.best_accuracy)} at step {count(shown.best_step or 0)}, a safetensors file"
        return [("", known)]
    return [(word, f"{said}, {counted}" if word == "encoder" and counted else said) for word, said in facts]


def _holds(written: Path) -> str:
    """In a thread: step and accuracy, since a better one may have come while the path was typed."""
    from spk_tui.checkpoint_facts import facts_of

    try:
        facts = dict(facts_of(written))
    except InputError:
        return ""
    return f"\nof step {facts['step']}, accuracy {facts['accuracy']}"
