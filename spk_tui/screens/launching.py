"""What one can do with a preset that is ready: start it, put it in line, vary it in a sweep, try it for two seconds.

Which preset that is, what it is trained on and how it is shown meanwhile, the screens that are built on this say: the
first screen and the editor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual import work
from textual.binding import Binding

from engine.errors import InputError
from engine.preset import Preset
from spk_tui.screens.room import Room
from spk_tui.starting import start, try_out


class Launching(Room):
    """A screen with a preset that can be trained."""

    BINDINGS = [  # noqa: RUF012
        Binding("f5", "start", "Start", tooltip="Train it now, on the chosen corpus", id="launch.start"),
        Binding("f6", "queue_it", "Queue it", show=False, tooltip="Train it when its device is free",
                id="launch.queue"),
        Binding("f7", "sweep", "Sweep", show=False, tooltip="Train it with several values of some keys",
                id="launch.sweep"),
        Binding("t", "trial", "Trial", show=False, tooltip="Train two seconds, to know the time", id="launch.trial"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.is_launching = self.is_trying = False

    def to_launch(self) -> tuple[Preset, str, int | None]:
        """The preset, the corpus, and the corpus's speakers where they are known. Raises `InputError`."""
        raise NotImplementedError

    def show_launching(self) -> None:
        """A launch or a trial has begun or ended."""
        raise NotImplementedError

    def refuse(self, title: str, error: InputError) -> None:
        """Says why it can't be done."""
        self.notify(str(error), title=title, severity="error", timeout=10, markup=False)

    def launched(self) -> None:
        """A run was made: what has just been trusted can be counted now."""

    def action_start(self) -> None:
        """Starts what is chosen, if it can be started."""
        if not self.is_launching:
            self._launch(queued=False)

    def action_queue_it(self) -> None:
        """Puts what is chosen in line for its device."""
        if not self.is_launching:
            self._launch(queued=True)

    @work(group="launch")
    async def _launch(self, *, queued: bool) -> None:
        self.is_launching = True
        self.show_launching()
        try:
            preset, corpus, _ = self.to_launch()
            run = await start(self, preset, corpus, queued=queued)
        except InputError as error:
            self.refuse("Not queued" if queued else "Not started", error)
            return
        finally:
            self.is_launching = False
            if self.is_here:  # it may have been left while a question stood open
                self.show_launching()
        if run is None:
            return
        self.launched()
        if queued:
            self.dashboard.attention.watch(run)
            self.notify("F4 shows who waits, and in which order.", title=f"{run.id} is in line", timeout=6)
        else:
            self.dashboard.open_run(run)

    def action_sweep(self) -> None:
        """Opens the form that varies what is chosen."""
        try:
            preset, corpus, _ = self.to_launch()
        except InputError as error:
            self.refuse("No sweep", error)
        else:
            self.dashboard.sweep(preset, corpus)

    @work(exclusive=True, group="trial")
    async def action_trial(self) -> None:
        """Trains what is chosen for two seconds, to know how long a run would take."""
        if self.is_trying:
            return
        try:
            preset, _, speakers = self.to_launch()
            self.is_trying = True
            self.show_launching()
            await try_out(self, preset, speakers)
        except InputError as error:
            self.refuse("The trial failed", error)
        finally:
            self.is_trying = False
            if self.is_here:
                self.show_launching()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """The same by name."""
        try:
            preset = self.to_launch()[0]
        except InputError:
            return
        yield f"Start {preset.name}", "Train this preset on the chosen corpus", self.action_start
        yield f"Queue {preset.name}", "Train it when its device is free", self.action_queue_it
        yield f"Sweep {preset.name}", "Train it with several values of some keys", self.action_sweep
        yield "Try it for two seconds", "How long a run would take here", self.action_trial
