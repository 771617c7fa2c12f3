"""The first screen: pick a preset, see what it costs, pick a corpus, change a number or two, start.

Counting, reading a corpus and starting a worker happen in threads; checking what is typed is the work of
`engine.preset_file`, and its message is shown as it is.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable, Iterator

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import Footer, Input, Select

from engine.cost import Cost
from engine.errors import InputError
from engine.preset import Data, Preset
from engine.preset_file import PresetError, with_overrides
from engine.preset_library import FoundPreset, list_presets
from spk_tui.run_index import RunRow, measured_rate, recent_corpora
from spk_tui.screens.download_dialog import DownloadDialog, downloaded_corpora
from spk_tui.screens.room import Room
from spk_tui.screens.trust_question import may_run
from spk_tui.widgets.column_list import ColumnList
from spk_tui.widgets.corpus_picker import DEMO, CorpusPicker
from spk_tui.widgets.preset_details import PresetDetails
from spk_tui.widgets.preset_rows import COLUMNS, preset_row
from spk_tui.widgets.start_form import FIELDS, StartForm
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import age, count, duration, rate

TYPING_PAUSE = 0.4


class PresetScreen(Room):
    """Presets, and what one needs to start one."""

    HELP_TEXT = (
        "The list shows the presets that come with the program and your own. A preset's encoder is held against its "
        "budget: it fits, is tight (nine tenths or more) or is over; front end, pooling and head are shown apart and "
        "don't count. Change a number and the meter and the estimate follow. Training runs in the background: it goes "
        "on when you leave this screen, and when you close the terminal."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("f5", "start", "Start", tooltip="Start the chosen preset", id="presets.start"),
        Binding("enter", "choose", "To the button", show=False, tooltip="To the start button", id="presets.choose"),
        # These two have priority so that the focus has moved before the next key is read: nothing typed gets lost.
        Binding("c", "corpus", "Corpus", tooltip="Choose what to train on", priority=True, id="presets.corpus"),
        Binding("i", "inspect", "Inspect", tooltip="What is in the chosen corpus", id="presets.inspect"),
        Binding("d", "download", "Speech", tooltip="Download public speech", id="presets.download"),
        Binding("e", "edit", "Edit", tooltip="Change steps, batch size, rate, seed", priority=True, id="presets.edit"),
        Binding("b", "fit", "Fit", tooltip="Sizes that use the budget up, and back", show=False, id="presets.fit"),
        Binding("escape", "to_list", "List", tooltip="Back to the list of presets", id="presets.list"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.presets: dict[str, FoundPreset] = {}
        self.costs: dict[str, Cost] = {}
        self.cost: Cost | None = None
        self._fitted: dict[str, Preset] = {}  # by the name of the preset whose sizes were changed
        self._rows: tuple[RunRow, ...] = ()
        self._data = Data()  # the section by which the chosen corpus was read
        self._speakers: int | None = None
        self._filled = ""
        self._corpus_problem = ""
        self._numbers_are_wrong = False
        self._starting = False

    def compose(self) -> ComposeResult:
        """List, details, form."""
        yield TitleBar("Presets")
        with Container(id="body"):
            presets = ColumnList(COLUMNS, id="presets")
            presets.border_title = "Presets"
            yield presets
            yield PresetDetails(id="details")
            form = StartForm(id="form")
            form.border_title = "Before the start"
            yield form
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """The presets are small files, read at once; all that takes longer waits for the first paint."""
        for entry in list_presets():
            self.presets[entry.name] = entry
        self._show_list()
        presets = self.query_one("#presets", ColumnList)
        usable = [name for name, entry in self.presets.items() if entry.preset is not None]
        if usable:
            presets.move_to(usable[0])
        presets.focus_rows()
        self.call_after_refresh(self._after_first_paint)

    def on_screen_resume(self) -> None:
        """Runs may have come or grown since one was here."""
        self._look_at_runs()

    def _after_first_paint(self) -> None:
        self._look_at_runs()
        self._count_list()

    # ------------------------------------------------------------------------------------------------ what is chosen

    @property
    def entry(self) -> FoundPreset | None:
        """The preset that the cursor is on."""
        return self.presets.get(self.query_one("#presets", ColumnList).key or "")

    def resolved(self) -> Preset:
        """The chosen preset with the numbers of the form. Raises `InputError`."""
        entry = self.entry
        if entry is None or entry.preset is None:
            raise InputError(entry.problem if entry else "there is no preset to start")
        preset = self._fitted.get(entry.name, entry.preset)
        return with_overrides(preset, self.query_one(StartForm).overrides, entry.name)

    @on(ColumnList.Highlighted)
    def _highlight(self, event: ColumnList.Highlighted) -> None:
        entry = self.presets.get(event.key)
        details, form = self.query_one(PresetDetails), self.query_one(StartForm)
        if entry is None or entry.name == self._filled:
            return  # the cursor is where it was: what has been typed since stays
        self._filled = entry.name
        details.problem = "" if entry.preset else f"This preset can't be used.\n\n{entry.problem}"
        form.disabled = entry.preset is None
        if entry.preset is None:
            details.border_title = entry.name
            return
        form.fill(entry.preset)
        if entry.preset.data != self._data:
            self._data = entry.preset.data
            self._pick_corpus()
        known = self.costs.get(entry.name) if self._speakers is None and entry.name not in self._fitted else None
        self._show(self.resolved(), known)
        self._count()

    @on(ColumnList.Chosen)
    def action_choose(self) -> None:
        """Enter on a preset goes on to the button; a second Enter starts."""
        if self.entry is not None and self.entry.preset is not None:
            self.query_one("#start").focus()

    @on(StartForm.Changed)
    def _edit(self) -> None:
        """A number was typed: checked at once, counted when the typing pauses."""
        try:
            preset = self.resolved()
        except PresetError as error:
            self._complain(error.problems)
            return
        except InputError:
            return
        self._show(preset, self.cost)
        self._count()

    def _complain(self, problems: list[str]) -> None:
        self._numbers_are_wrong = bool(problems)
        self.query_one(StartForm).complain(problems)
        self._allow_start()

    def _allow_start(self) -> None:
        """The button can be pressed while nothing stands in the way that is known already."""
        in_the_way = self._corpus_problem or self._numbers_are_wrong or self._starting
        self.query_one(StartForm).allow_start(not in_the_way)

    def _show(self, preset: Preset, cost: Cost | None) -> None:
        form, details = self.query_one(StartForm), self.query_one(PresetDetails)
        self._complain([])
        self.cost = cost
        details.cost = cost
        details.preset = preset
        form.estimate(self._estimate(preset))

    # ------------------------------------------------------------------------------------------------ what it costs

    @work(exclusive=True, group="count")
    async def _count(self) -> None:
        """Counts what is chosen now; a newer question replaces this one."""
        try:
            preset = self.resolved()
            cost = await self.in_thread(self.dashboard.meter.count, preset, self._speakers)
            if self.resolved() == preset:
                self._show(preset, cost)
        except PresetError:
            return  # shown beside the numbers already
        except InputError as error:
            self.query_one(StartForm).estimate(Content.styled(str(error), "$error"))

    @work(exclusive=True, group="count-list")
    async def _count_list(self) -> None:
        """Counts each preset of the list once, so that the list doesn't rest on what the files say."""
        for name, entry in self.presets.items():
            if entry.preset is not None:
                try:
                    self.costs[name] = await self.in_thread(self.dashboard.meter.count, entry.preset, None)
                except InputError:
                    continue  # the chosen preset's count says what is wrong
                self._show_list()

    @on(StartForm.Fit)
    def action_fit(self) -> None:
        """Other sizes for the chosen preset's encoder, which use its budget up; a second time its own again."""
        if self.entry is None:
            return
        if self._fitted.pop(self.entry.name, None) is None:
            self._fit(self.entry)
        else:
            self._edit()

    @work(exclusive=True, group="fit")
    async def _fit(self, entry: FoundPreset) -> None:
        assert entry.preset is not None
        budget = entry.preset.budget.encoder_parameters
        try:
            self._fitted[entry.name] = await self.in_thread(self.dashboard.meter.fit, entry.preset, budget)
        except InputError as error:
            self.notify(str(error), title="Not fitted", severity="warning", timeout=10, markup=False)
            return
        if self.entry == entry:
            self._edit()
        keep = f"'spk-tui fit --near {entry.name} --save NAME' keeps these sizes as a preset; b takes them back"
        self.notify(keep, title=f"{entry.name} fits its budget", timeout=8, markup=False)

    def _estimate(self, preset: Preset) -> Content:
        """How long the run will take, and how that is known."""
        measured = measured_rate(self._rows, preset)
        if measured is not None and measured.steps_per_second:
            seconds = preset.run.steps / measured.steps_per_second
            when = age(self.dashboard.clock() - measured.updated)
            known = f"at {rate(measured.steps_per_second)}, measured in your run of {when}"
        elif self.cost is not None and self.cost.seconds_per_step:
            seconds = preset.run.steps * self.cost.seconds_per_step
            known = "guessed from its arithmetic alone, may be far off"
        else:
            return Content.styled("time: not known yet", "$foreground-muted")
        return Content.assemble(
            ("about ", "$foreground-muted"), (duration(seconds), "bold"), (f", {known}", "$foreground-muted")
        )

    def _show_list(self) -> None:
        self.query_one("#presets", ColumnList).show(
            [preset_row(entry, self.costs.get(name)) for name, entry in self.presets.items()]
        )

    # ------------------------------------------------------------------------------------------------ what it trains on

    @work(exclusive=True, group="runs")
    async def _look_at_runs(self) -> None:
        """Recent corpora and measured step rates, from the runs that there are."""
        self._rows = await self.in_thread(self.dashboard.read_runs)
        downloaded = map(str, (await self.in_thread(downloaded_corpora)).values())
        self.query_one(CorpusPicker).offer(tuple(dict.fromkeys([*recent_corpora(self._rows), *downloaded])))
        active = sum(not row.is_over for row in self._rows)
        self.query_one(TitleBar).news = f"{active} run{'s' * (active > 1)} in progress, F3" if active else ""
        try:
            self.query_one(StartForm).estimate(self._estimate(self.resolved()))
        except InputError:
            pass  # shown beside the numbers already

    @on(CorpusPicker.Changed)
    def _pick_corpus(self) -> None:
        """Another corpus, or another part of it: what was known no longer counts."""
        picker = self.query_one(CorpusPicker)
        self._speakers, self._corpus_problem = None, "" if picker.corpus else "no corpus is chosen"
        picker.tell("")
        self._allow_start()
        self._check_corpus(picker.corpus)

    @work(exclusive=True, group="corpus")
    async def _check_corpus(self, corpus: str) -> None:
        """Reads the chosen corpus and says what is in it; the head is counted for its speakers."""
        picker = self.query_one(CorpusPicker)
        if corpus == DEMO:
            self._count()
        if corpus in (DEMO, ""):
            return
        await sleep(TYPING_PAUSE)
        picker.tell("being read…")
        try:
            speakers, utterances = await self.in_thread(_size_of_corpus, corpus, self._data)
        except InputError as error:
            self._corpus_problem = str(error)
            picker.tell(str(error), wrong=True)
            self._allow_start()
            return
        picker.tell(f"{count(speakers)} speakers, {count(utterances)} utterances")
        self._speakers = speakers
        self._count()

    # ------------------------------------------------------------------------------------------------ starting

    @on(StartForm.Start)
    def action_start(self) -> None:
        """Starts what is chosen, if it can be started."""
        if not self._starting:
            self._start()

    @work(group="start")
    async def _start(self) -> None:
        self._starting = True
        self._allow_start()
        try:
            preset, corpus = self.resolved(), self.query_one(CorpusPicker).corpus
            if not corpus:
                raise InputError("no corpus is chosen: type the path of a folder, or take the demo corpus")
            if corpus != DEMO:
                await self.in_thread(_size_of_corpus, corpus, preset.data)
            if not await may_run(self.app, preset):
                return
            run = await self.in_thread(self.dashboard.start_run, preset, corpus)
        except PresetError as error:
            self._complain(error.problems)
            return
        except InputError as error:
            self.notify(str(error), title="Not started", severity="error", timeout=10, markup=False)
            return
        finally:
            self._starting = False
            if self.is_here:  # it may have been left while a question stood open
                self._allow_start()
        self._count()  # what has just been trusted can be counted now
        self.dashboard.open_run(run)

    def action_to_list(self) -> None:
        """Puts the keyboard back on the list, where letters are keys again."""
        self.query_one("#presets", ColumnList).focus_rows()

    def action_corpus(self) -> None:
        """Opens the choice of corpora."""
        picker = self.query_one(CorpusPicker).query_one(Select)
        self.set_focus(picker)
        picker.action_show_overlay()

    def action_inspect(self) -> None:
        """Shows what is in the chosen corpus, read as the chosen preset says."""
        from spk_tui.screens.corpus_screen import CorpusScreen

        corpus, entry = self.query_one(CorpusPicker).corpus, self.entry
        if not corpus:
            self.notify("no corpus is chosen", severity="warning", timeout=4)
        elif entry is not None and entry.preset is not None:
            self.app.push_screen(CorpusScreen(corpus, entry.preset))

    @on(StartForm.GetSpeech)
    @work(exclusive=True, group="download")
    async def action_download(self) -> None:
        """Offers public speech; what is downloaded, or was already, becomes the chosen corpus."""
        folder = await self.app.push_screen_wait(DownloadDialog())
        if folder is not None:
            picker = self.query_one(CorpusPicker)
            picker.offer(tuple(dict.fromkeys([*recent_corpora(self._rows), str(folder)])))
            picker.choose(str(folder))

    def action_edit(self) -> None:
        """Puts the keyboard on the first number."""
        self.set_focus(self.query_one(f"#{FIELDS[0].name}", Input))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where one types, letters are letters; a preset that can't be used has nothing to edit."""
        if action in ("corpus", "inspect", "edit", "fit"):
            entry = self.entry if self.is_mounted else None
            return entry is not None and entry.preset is not None and not isinstance(self.focused, Input)
        if action == "to_list":
            return self.is_mounted and not self.query_one("#presets").has_focus_within
        return True

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Starting, and the numbers that can be changed."""
        if self.entry is not None and self.entry.preset is not None:
            yield f"Start {self.entry.name}", "Train this preset on the chosen corpus", self.action_start
            yield "Fit to the budget", "Sizes of the encoder that use the budget up, and back", self.action_fit
        yield "Choose a corpus", "Demo, an earlier one, or a folder", self.action_corpus
        yield "Get public speech", "Download a corpus by name", self.action_download
        if self.check_action("inspect", ()):
            yield "Inspect the corpus", "What is in it, and what is wrong with it", self.action_inspect
        for field in FIELDS:
            focus = self.query_one(f"#{field.name}", Input).focus
            yield f"Change the {field.label}", f"Type another {field.label} for this run", focus


def _size_of_corpus(corpus: str, data: Data) -> tuple[int, int]:
    """Speakers and utterances of a corpus, of the part that is asked for. Raises `InputError`. Blocks on the disk."""
    from engine.corpus.opening import open_corpus

    opened = open_corpus(corpus, data)
    return len(opened.speakers), len(opened.utterances)
