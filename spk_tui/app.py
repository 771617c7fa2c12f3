"""The dashboard: the app that holds the screens, the budget meter and the list of runs, and asks before it is left.

It shows runs and asks things of them. Training is a process of its own (`engine.runs.client`), so nothing here can lose
a run; torch is never loaded here.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from textual.app import SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from engine.cost import Cost
from engine.errors import InputError
from engine.preset import Preset
from engine.runs.directory import RunDirectory
from spk_tui.background import in_thread
from spk_tui.leaving import TerminalSettings, end_anyway, leave_on_signals
from spk_tui.palette import commands_of_keys
from spk_tui.personal import PersonalApp
from spk_tui.remembered import Remembered
from spk_tui.run_index import RunIndex, RunRow
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.room import Room
from spk_tui.settings import Settings
from spk_tui.trials import Trials

TERMINAL_CHECK_SECONDS = 1.0


class Meter(Protocol):
    """Who counts parameters: `engine.budget_client.BudgetMeter`, or another with fixed answers."""

    def count(self, preset: Preset, speakers: int | None = None) -> Cost:
        """The preset's cost. Blocks; raises `InputError`."""

    def fit(self, preset: Preset, budget: int, pinned: Collection[str] = ()) -> Preset:
        """The preset with sizes of its encoder that use a budget up. Blocks; raises `InputError`."""

    def close(self) -> None:
        """Gives back what counting needs."""


class Dashboard(PersonalApp):
    """The app. `runs` is the folder of runs (none: the user's); meter and clock can be given by tests.

    The rest is what `PersonalApp` takes: settings, what is remembered, and how to begin.
    """

    TITLE = "spk-tui"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    BINDINGS = [  # noqa: RUF012
        Binding("f1,question_mark", "show_help", "Help", key_display="F1", tooltip="What this screen shows", id="help"),
        Binding("f2", "presets", "Presets", tooltip="The first screen", id="presets"),
        Binding("f3", "runs", "Runs", tooltip="All runs", id="runs"),
        Binding("f4", "queue", "Queue", show=False, tooltip="Runs that wait for a device", id="queue"),
        Binding("q", "quit", "Quit", tooltip="Leave; asks when a run is training", id="quit"),
        Binding("ctrl+q", "quit", show=False, priority=True),  # where a terminal lets it through
    ]

    def __init__(
        self, runs: Path | None = None, *, meter: Meter | None = None, clock: Callable[[], float] = time.time,
        settings: Settings | None = None, problems: Sequence[str] = (), remembered: Remembered | None = None,
        frames_per_second: float | None = None, tour: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(settings, problems, remembered, frames_per_second, tour)
        self.runs = runs
        self.clock = clock
        self.left_running: list[str] = []
        self.trials = Trials()
        self._meter = meter
        self._index = RunIndex(runs)
        self._index_lock = threading.Lock()
        self._watched: dict[str, RunDirectory] = {}
        self._terminal = TerminalSettings()

    @property
    def meter(self) -> Meter:
        """The budget meter; its child process starts with the first question."""
        if self._meter is None:
            from engine.budget_client import BudgetMeter

            self._meter = BudgetMeter()
        return self._meter

    def get_default_screen(self) -> Screen[None]:
        """The presets, laid out for this size at once, where Textual would first do it for none."""
        screen = PresetScreen()
        width, height = self.size
        for extent, breakpoints in ((width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS)):
            screen.add_class(max(place for place in breakpoints if extent >= place[0])[1])
        return screen

    def on_mount(self) -> None:
        """The ways to be told to leave; the user's own ways once the first screen stands."""
        leave_on_signals(self.exit, self._terminal)
        self.call_after_refresh(self.begin)
        self.call_after_refresh(_collect_garbage)  # not until now, so that the first paint is sooner
        if not self.is_headless:
            self.set_interval(TERMINAL_CHECK_SECONDS, self._check_terminal)

    def on_unmount(self) -> None:
        """The meter's child is not left behind."""
        if self._meter is not None:
            self._meter.close()

    def _check_terminal(self) -> None:
        if self._terminal.is_gone:
            end_anyway(self._terminal)
            self.exit()

    # ------------------------------------------------------------------------------------------------ runs

    def read_runs(self) -> tuple[RunRow, ...]:
        """All runs, for lists. Blocks: call it in a thread."""
        with self._index_lock:
            return self._index.read()

    def start_run(self, preset: Preset, corpus: str) -> RunDirectory:
        """Starts a worker. Blocks: call it in a thread. Raises `InputError`."""
        from engine.runs import client

        return client.start_run(preset, corpus, self.runs)

    def queue_run(self, preset: Preset, corpus: str) -> RunDirectory:
        """Puts a run in line for its device. Blocks: call it in a thread. Raises `InputError`."""
        from engine.runs import client

        return client.start_run(preset, corpus, self.runs, queued=True)

    async def resume(self, run: RunDirectory, steps: int | None = None, *, queued: bool = False) -> bool:
        """Lets a run go on from its saved state, at once or when it is its turn; says why when it can't.

        `steps` is another total of steps, if one is wanted.
        """
        from engine.runs import client
        from spk_tui.screens.trust_question import may_run

        try:
            await in_thread(run.check_encoder)  # a changed copy is refused, and never asked about
            if not await may_run(self, await in_thread(run.preset)):
                return False
            await in_thread(partial(client.resume_run, run, steps, queued=queued))
            self.attention.watch(run)
        except InputError as error:
            self.notify(str(error), title="Not resumed", severity="error", timeout=10, markup=False)
            return False
        self.notify("It waits for its turn." if queued else "A new worker goes on from the saved state.", timeout=4)
        return True

    def open_run(self, run: RunDirectory) -> None:
        """Shows a run, over whatever is shown now."""
        from spk_tui.screens.training_screen import TrainingScreen

        self._watched[run.id] = run
        self.attention.watch(run)
        self.push_screen(TrainingScreen(run))

    def use_model(self, run: RunDirectory) -> None:
        """Opens the best checkpoint of a run, to be evaluated and asked."""
        from spk_tui.screens.model_screen import ModelScreen

        self.push_screen(ModelScreen(run))

    def sweep(self, preset: Preset, corpus: str) -> None:
        """Opens the form that varies a preset."""
        from spk_tui.screens.sweep_screen import SweepScreen

        self.push_screen(SweepScreen(preset, corpus))

    async def compare(self, runs: Sequence[RunDirectory], title: str) -> None:
        """Shows runs side by side, in the place of the form that made them."""
        from spk_tui.screens.compare_screen import CompareScreen

        await self.switch_screen(CompareScreen(runs, title))

    def edit_preset(self, preset: Preset, corpus: str | None = None) -> None:
        """Opens the editor on a preset, over whatever is shown now; corpus: what it would be trained on (the demo)."""
        from spk_tui.screens.editor_screen import EditorScreen

        self.push_screen(EditorScreen(preset, corpus or "demo"))

    # ------------------------------------------------------------------------------------------------ going about

    async def action_presets(self) -> None:
        """To the first screen."""
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    async def action_runs(self) -> None:
        """To the list of runs."""
        from spk_tui.screens.runs_screen import RunsScreen

        while len(self.screen_stack) > 1 and not isinstance(self.screen, RunsScreen):
            await self.pop_screen()
        if not isinstance(self.screen, RunsScreen):
            await self.push_screen(RunsScreen())

    async def action_queue(self) -> None:
        """To the runs that wait."""
        from spk_tui.screens.queue_screen import QueueScreen

        while len(self.screen_stack) > 1 and not isinstance(self.screen, QueueScreen):
            await self.pop_screen()
        if not isinstance(self.screen, QueueScreen):
            await self.push_screen(QueueScreen())

    def action_show_help(self) -> None:
        """What can be said of where one is, and the keys that work there."""
        from spk_tui.screens.help_screen import HelpScreen, help_on

        if isinstance(self.screen, Room):
            self.push_screen(HelpScreen(help_on(self.screen)))

    def get_key_display(self, binding: Binding) -> str:
        """Function keys as they stand on the keyboard."""
        shown = super().get_key_display(binding)
        return shown.upper() if shown[:1] == "f" and shown[1:].isdigit() else shown

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Behind a question, only its answers count."""
        if action in ("presets", "runs", "queue", "show_help") and self._screen_stack_ready():
            return isinstance(self.screen, Room)
        return True

    def _screen_stack_ready(self) -> bool:
        return bool(self._screen_stacks.get(self._current_mode))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What can be done on this screen now, then what can be done everywhere."""
        if isinstance(screen, Room):
            named = list(screen.commands())
            for name, explanation, action in named:
                yield SystemCommand(name, explanation, action)
            yield from commands_of_keys(screen, [action for *_, action in named])
        yield SystemCommand("Presets", "Go to the first screen", self.action_presets)
        yield SystemCommand("Runs", "Go to the list of runs", self.action_runs)
        yield SystemCommand("Queue", "Go to the runs that wait for a device", self.action_queue)
        yield SystemCommand("Help", "What this screen shows, and its keys", self.action_show_help)
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("Colour-blind palette", "Colours that all can tell apart, and back", self.action_palette)
        yield SystemCommand("Tour", "Five cards about the dashboard", self.action_tour)
        yield SystemCommand("Quit", "Leave; asks when a run is training", self.action_quit)

    # ------------------------------------------------------------------------------------------------ leaving

    async def action_quit(self) -> None:
        """Leaves; asks first while a run that was started or shown here is training."""
        self._quit()

    def _quit(self) -> None:
        self.run_worker(self._ask_and_quit(), group="quit", exclusive=True)

    async def _ask_and_quit(self) -> None:
        from spk_tui.screens.question import Answer, Question

        if isinstance(self.screen, Question):
            return
        alive = await in_thread(lambda: [run for run in self._watched.values() if run.alive])
        if alive:
            names = "\n".join(f"  {run.id}" for run in alive)
            text = f"Still training:\n{names}\n\nIt goes on in the background when you leave; 'spk-tui' shows it again."
            answers = (
                Answer("keep", "Keep training", "primary"),
                Answer("stop", "Stop and save", "warning"),
                Answer("cancel", "Cancel"),
            )
            answer = await self.push_screen_wait(Question("Leave spk-tui?", text, answers))
            if answer == "cancel":
                return
            if answer == "stop":
                await in_thread(_stop_all, alive)
            else:
                self.left_running = [run.id for run in alive]
        self.exit()


def _collect_garbage() -> None:
    """From now on, and never what stands already: looking through that would hold up a key by a tenth of a second."""
    gc.freeze()
    gc.enable()


def _stop_all(runs: list[RunDirectory]) -> None:
    """Asks each run to stop and save; one that has just ended needs no asking."""
    from engine.runs import client

    for run in runs:
        try:
            client.ask(run, "stop")
        except InputError:
            continue
