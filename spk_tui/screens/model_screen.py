"""The model screen: a run's best checkpoint in use. How good it is, and who is speaking in a recording.

All work is a child process's, asked for in a thread (`spk_tui/model_use.py`); one thing at a time, which ends with the
screen. How answers look is the business of the two parts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Footer, Static

from engine.corpus.reporting import Report
from engine.errors import InputError
from engine.runs.directory import RunDirectory
from engine.use.client import UseFailed
from engine.use.evaluation_report import facts, heading, tables
from engine.use.orders import Part
from engine.use.results import Evaluation
from spk_tui import model_use
from spk_tui.evaluation_file import KINDS, write_evaluation
from spk_tui.model_use import UsedModel
from spk_tui.progress import Cancelled, Progress, report_to
from spk_tui.screens.room import Room
from spk_tui.screens.trust_question import may_run
from spk_tui.typed_paths import paths_in
from spk_tui.widgets.chart_tabs import ChartTabs
from spk_tui.widgets.identify_view import IdentifyView
from spk_tui.widgets.pieces import cell, progress_line
from spk_tui.widgets.report_view import ReportView
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import corpus_words, one_line

Answer = TypeVar("Answer")
View: TypeAlias = Literal["evaluation", "identify"]
TITLES = {"evaluation": "How good it is", "identify": "Who is speaking"}
PARTS: tuple[Part, ...] = get_args(Part)
PART_WORDS: dict[Part, str] = {
    "validation": "the validation part", "train": "the training part", "test": "the corpus's test part",
    "all": "all utterances",
}  # fmt: skip
NOBODY = "Nobody is enrolled with this model: F7 enrols somebody, or tick the speakers of its training."


class ModelScreen(Room):
    """The best checkpoint of one run."""

    AUTO_FOCUS = ""
    HELP_TEXT = (
        "What the best checkpoint of a run is worth and what it can do. The evaluation looks at the same segments and "
        "whole utterances as the run's validations: accuracies with 95 % intervals, by length, who is taken for whom, "
        "and how sure the model may be; w writes it as Markdown or JSON.\n\n"
        "Who is speaking: below the threshold nobody is taken for anybody. It is chosen on the corpus that the run was "
        "trained on, so that of a hundred strangers one is let in. Voices are kept for this checkpoint alone; one that "
        "replaces it hears them otherwise. Escape ends what is going on, and then leaves."
    )
    BINDINGS = [  # noqa: RUF012
        # With priority, so that they work while one types.
        Binding("f5", "start", "Evaluate", tooltip="Evaluate it on this part of its corpus", priority=True,
                id="model.evaluate"),
        Binding("f5", "ask", "Identify", tooltip="Say who speaks in these recordings", priority=True,
                id="model.identify"),
        Binding("f6", "voices", "Voices", tooltip="Who is speaking, and who is enrolled", priority=True,
                id="model.voices"),
        Binding("f6", "evaluation", "Evaluation", tooltip="How good it is", priority=True, id="model.evaluation"),
        Binding("1", "evaluation", "Evaluation", show=False, tooltip="How good it is", id="model.first"),
        Binding("2", "voices", "Voices", show=False, tooltip="Who is speaking, and who is enrolled",
                id="model.second"),
        Binding("p", "part", "Part", tooltip="Evaluate it on another part of its corpus", id="model.part"),
        Binding("w", "write", "Write", tooltip="Write the evaluation to a file", id="model.write"),
        Binding("f7", "enrol", "Enrol", tooltip="Keep somebody's voice", priority=True, id="model.enrol"),
        Binding("d,delete", "forget", "Forget", tooltip="Take a person's voice away", id="model.forget"),
        Binding("escape", "cancel", "Cancel", tooltip="End what is going on", priority=True, id="model.cancel"),
        Binding("escape", "back", "Back", show=False, tooltip="Leave this screen", id="model.back"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    ModelScreen {
        & > #state { height: 1; padding: 0 1; color: $foreground-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        & > ReportView, & > IdentifyView { height: 1fr; }
        &.-identify > ReportView, &.-evaluation > IdentifyView { display: none; }
    }
    """

    shown: reactive[View] = reactive("evaluation")

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run
        self.model: UsedModel | None = None
        self.part: Part = "validation"
        self.evaluation: Evaluation | None = None
        self._is_busy = False
        self._cancel = threading.Event()

    def compose(self) -> ComposeResult:
        """The names of both pages, a line on what goes on, and the page that is shown."""
        yield TitleBar(f"Use  ›  {one_line(self.run.id)}")
        yield ChartTabs(TITLES)
        yield Static(id="state", markup=False)
        yield ReportView()
        yield IdentifyView()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """What the checkpoint says of itself is read at once; nothing is computed yet."""
        self.query_one(ReportView).border_title = "Evaluation"
        self._show_page()
        self._open()

    def on_unmount(self) -> None:
        """The child that still works for this screen ends."""
        self._cancel.set()

    @work(group="open")
    async def _open(self) -> None:
        try:
            self.model = await self.in_thread(model_use.open_model, self.run)
        except InputError as error:
            await self.query_one(ReportView).tell(Content.styled(str(error), "$error"))
        else:
            self.query_one(IdentifyView).trained = not self.model.voices
            await self._invite()
        self._show_model()

    async def _invite(self) -> None:
        """What is known of the checkpoint without any work, and how to know more."""
        if self.model is None:
            return
        width = max(len(word) for word, _ in self.model.facts) + 2
        lines = [
            Content.assemble(cell(Content.styled(word, "$foreground-muted"), width), said)
            for word, said in [*self.model.facts, ("corpus", corpus_words(self.model.corpus))]
        ]
        how = Content.assemble(("F5", "bold $primary"), f" evaluates it on {PART_WORDS[self.part]}; ",
                               ("p", "bold $primary"), " takes another part.")  # fmt: skip
        await self.query_one(ReportView).tell(Content("\n").join([*lines, Content(), how]))

    # ------------------------------------------------------------------------------------------------ pages

    def watch_shown(self) -> None:
        """One page is seen, and has the keyboard."""
        for name in TITLES:
            self.set_class(name == self.shown, f"-{name}")
        if self.is_mounted:
            self._show_page()

    def _show_page(self) -> None:
        self.query_one(ChartTabs).chosen = self.shown
        if self.shown == "evaluation":
            self.query_one(ReportView).focus()
        else:
            self.query_one(IdentifyView).focus_line()
        self.refresh_bindings()

    @on(ChartTabs.Chosen)
    def _clicked(self, event: ChartTabs.Chosen) -> None:
        self.shown = "evaluation" if event.chart == "evaluation" else "identify"

    def action_evaluation(self) -> None:
        """The page on how good it is."""
        self.shown = "evaluation"

    def action_voices(self) -> None:
        """The page on who is speaking."""
        self.shown = "identify"

    # ------------------------------------------------------------------------------------------------ working

    async def _do(self, ask: Callable[[UsedModel, Report], Answer]) -> Answer | None:
        """What a child answers about the checkpoint as it is now; None when nothing may run, or it was cancelled.

        Raises `InputError`, also where the fault is ours.
        """
        self._cancel = threading.Event()
        self._set_busy(True)
        try:
            self.model = await self.in_thread(model_use.open_model, self.run)
            if not await may_run(self.app, self.model.saved.preset):
                return None
            return await self.in_thread(ask, self.model, report_to(self, self._cancel))
        except UseFailed as failed:
            raise InputError(str(failed).strip().rpartition("\n")[2]) from None
        except Cancelled:
            self.notify("It was cancelled.", timeout=4)
            return None
        finally:
            if self.is_here:
                self._set_busy(False)

    def _set_busy(self, is_busy: bool) -> None:
        self._is_busy = is_busy
        self._show_model()

    def _show_model(self) -> None:
        """Who is enrolled, and the line above the pages when nothing goes on."""
        if self.model is not None:
            saved = self.model.saved
            facts = f"{one_line(saved.preset.name)} at step {saved.step:,}, {len(saved.speakers):,} speakers"
            self.query_one("#state", Static).update("starting…" if self._is_busy else facts)
            self.query_one(IdentifyView).show_voices(self.model.voices)
        self.refresh_bindings()

    @on(Progress)
    def _show_progress(self, event: Progress) -> None:
        if self._is_busy:
            self.query_one("#state", Static).update(progress_line(*event.said, max(20, self.size.width - 2)))

    # ------------------------------------------------------------------------------------------------ evaluating

    async def action_part(self) -> None:
        """The next part of the corpus; what was found on another one goes."""
        self.part = PARTS[(PARTS.index(self.part) + 1) % len(PARTS)]
        self.evaluation = None
        await self._invite()
        self.refresh_bindings()

    @work(group="use")
    async def action_start(self) -> None:
        """Evaluates the checkpoint."""
        report = self.query_one(ReportView)
        try:
            found = await self._do(lambda model, said: model_use.evaluate(model, self.part, said))
        except InputError as error:
            await report.tell(Content.styled(str(error), "$error"))
            return
        if found is not None:
            self.evaluation = found
            await report.show(heading(found), facts(found), tables(found))
            self.refresh_bindings()

    @work(group="write")
    async def action_write(self) -> None:
        """Writes the evaluation to a file."""
        from spk_tui.screens.export_dialog import ExportDialog

        if self.evaluation is None:
            return
        evaluation = self.evaluation
        chosen = await self.app.push_screen_wait(ExportDialog(Path.cwd() / f"{self.run.id}-{self.part}.md", KINDS))
        if chosen is None:
            return
        try:
            await self.in_thread(write_evaluation, chosen, evaluation)
        except InputError as error:
            self.notify(str(error), title="Not written", severity="error", timeout=10, markup=False)
        else:
            self.notify(str(chosen), title="Written", timeout=8, markup=False)

    # ------------------------------------------------------------------------------------------------ voices

    @on(IdentifyView.Asked)
    def action_ask(self) -> None:
        """Who speaks in the recordings of the line?"""
        if not self._is_busy and self.model is not None:
            self._identify(self.query_one(IdentifyView).line)

    @work(group="use")
    async def _identify(self, line: str) -> None:
        view = self.query_one(IdentifyView)
        trained = view.trained
        try:
            recordings = await self.in_thread(paths_in, line)
            if not recordings:
                raise InputError("a recording is missing")
            if self.model is not None and not (trained or self.model.voices):
                raise InputError(NOBODY)
            found = await self._do(lambda model, said: model_use.identify(model, recordings, trained, said))
        except InputError as error:
            view.add(str(error))
            return
        if found is not None:
            view.add(found)

    @work(group="use")
    async def action_enrol(self) -> None:
        """Asks for a name and recordings, and keeps the voice."""
        from spk_tui.commands.identified import enrolled_line
        from spk_tui.screens.enrol_dialog import EnrolDialog

        voice = await self.app.push_screen_wait(EnrolDialog(self.query_one(IdentifyView).line))
        if voice is None:
            return
        try:
            recordings = await self.in_thread(paths_in, voice.line)
            kept = await self._do(lambda model, said: model_use.enrol(model, voice.name, recordings, said))
            if kept is None:
                return
            await self._read_voices()
        except InputError as error:
            self.notify(str(error), title="Not enrolled", severity="error", timeout=15, markup=False)
            return
        self.notify(enrolled_line(kept), title="Enrolled", markup=False)
        for problem in kept.problems:
            self.notify(problem.reason, title=f"Not used: {one_line(problem.path)}", severity="warning", markup=False)

    @work(group="use")
    async def action_forget(self) -> None:
        """Takes the voice under the cursor away, after asking."""
        from spk_tui.screens.question import Answer as Choice
        from spk_tui.screens.question import Question

        name = self.query_one(IdentifyView).chosen
        if name is None or self.model is None:
            return
        text = f"{name} will be unknown to this model. The recordings themselves are not touched."
        choices = (Choice("keep", "Keep", "primary"), Choice("forget", "Forget", "error"))
        if await self.app.push_screen_wait(Question(f"Forget {name}?", text, choices)) != "forget":
            return
        try:
            await self.in_thread(partial(model_use.forget, self.model, name))
            await self._read_voices()
        except InputError as error:
            self.notify(str(error), title="Not forgotten", severity="error", timeout=10, markup=False)

    async def _read_voices(self) -> None:
        self.model = await self.in_thread(model_use.open_model, self.run)
        self._show_model()

    # ------------------------------------------------------------------------------------------------ keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        if not self.is_mounted:
            return action == "back"
        is_free = self.model is not None and not self._is_busy
        evaluating = self.shown == "evaluation"
        allowed = {
            "voices": evaluating,
            "evaluation": not evaluating,
            "start": is_free and evaluating,
            "part": is_free and evaluating,
            "write": is_free and evaluating and self.evaluation is not None,
            "ask": is_free and not evaluating,
            "enrol": is_free and not evaluating,
            "forget": is_free and not evaluating and self.query_one(IdentifyView).chosen is not None,
            "cancel": self._is_busy,
            "back": not self._is_busy,
        }
        return allowed.get(action, True)

    def action_cancel(self) -> None:
        """Ends the child; nothing half-made is left."""
        self._cancel.set()

    def action_back(self) -> None:
        """To where one came from."""
        self.app.pop_screen()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done here now."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.key not in "12" and self.check_action(binding.action, ()):
                yield binding.description, binding.tooltip, getattr(self, f"action_{binding.action}")
