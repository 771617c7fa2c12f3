"""The first screen: pick a preset, see what it costs, pick a corpus, change a number or two, start.

Counting, trying, reading a corpus and starting a worker happen in threads; checking what is typed is the work of
`engine.preset_file`, and its message is shown as it is. Every other key of a preset is changed in the editor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

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
from spk_tui.corpus_check import CorpusCheck
from spk_tui.drafts import Draft
from spk_tui.estimating import Estimate, estimate, in_words, plans
from spk_tui.live_meter import LiveMeter
from spk_tui.run_index import RunRow, recent_corpora
from spk_tui.screens.download_dialog import DownloadDialog, downloaded_corpora
from spk_tui.screens.launching import Launching
from spk_tui.widgets.column_list import ColumnList
from spk_tui.widgets.corpus_picker import DEMO, CorpusPicker
from spk_tui.widgets.preset_details import PresetDetails
from spk_tui.widgets.preset_list import PresetList
from spk_tui.widgets.start_form import FIELDS, StartForm
from spk_tui.widgets.title_bar import TitleBar

TRYING = "being tried: two seconds of training, and a few to load PyTorch…"


class PresetScreen(Launching):
    """Presets, and what one needs to start one."""

    HELP_TEXT = (
        "The list shows the presets that come with the program and your own, by encoder. A preset's encoder is held "
        "against its budget: it fits, is tight (nine tenths or more) or is over; front end, pooling and head are shown "
        "apart and don't count. 'best' is the highest accuracy of your own runs of it on the chosen corpus. Change a "
        "number here, or any key in the editor (e), and meter and estimate follow. The time is what your runs of the "
        "preset have measured; t measures it in two seconds. Training runs in the background: it goes on when you "
        "leave this screen, and when you close the terminal."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "choose", "To the button", show=False, tooltip="To the start button", id="presets.choose"),
        # These have priority so that the focus has moved before the next key is read: nothing typed gets lost.
        Binding("c", "corpus", "Corpus", tooltip="Choose what to train on", priority=True, id="presets.corpus"),
        Binding("i", "inspect", "Inspect", tooltip="What is in the chosen corpus", show=False, id="presets.inspect"),
        Binding("d", "download", "Speech", tooltip="Download public speech", show=False, id="presets.download"),
        Binding("e", "edit", "Edit", tooltip="Change any key of the preset", id="presets.edit"),
        Binding("n", "numbers", "Numbers", tooltip="Change steps, batch size, rate, seed, device", show=False,
                priority=True, id="presets.numbers"),
        Binding("b", "fit", "Fit", tooltip="Sizes that use the budget up, and back", show=False, id="presets.fit"),
        Binding("slash", "search", "Search", tooltip="Find a preset by name or encoder", priority=True,
                id="presets.search"),
        Binding("escape", "to_list", "List", tooltip="Back to the list of presets, and to all of them", show=False,
                id="presets.list"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.cost: Cost | None = None
        self._changed: dict[str, Preset] = {}  # by the name of the preset of which it was made
        self._kept = ""  # the one that the editor was left with, until the list is read anew
        self._rows: tuple[RunRow, ...] = ()
        self._data = Data()  # the section by which the chosen corpus was read
        self._filled = ""
        self._numbers_are_wrong = False
        self._meter = LiveMeter(self, self._counted)
        self._corpus = CorpusCheck(self, self._corpus_found)

    def compose(self) -> ComposeResult:
        """List, details, form."""
        yield TitleBar("Presets")
        with Container(id="body"):
            presets = PresetList(id="presets")
            presets.border_title = "Presets"
            yield presets
            yield PresetDetails(id="details")
            form = StartForm(id="form")
            form.border_title = "Before the start"
            yield form
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """The presets are small files, read at once; all that takes longer waits for the first paint."""
        presets = self.presets
        presets.fill(list_presets())
        usable = [name for name, entry in presets.entries.items() if entry.preset is not None]
        if usable:
            presets.move_to(usable[0])
        presets.focus_rows()
        self.call_after_refresh(self._after_first_paint)

    def on_screen_resume(self) -> None:
        """Runs and presets of one's own may have come since one was here."""
        self._look_at_runs()
        if self._filled:
            self._look_at_presets()

    def _after_first_paint(self) -> None:
        self._look_at_runs()
        self._count_list()

    # ------------------------------------------------------------------------------------------------ what is chosen

    @property
    def presets(self) -> PresetList:
        """The list."""
        return self.query_one(PresetList)

    @property
    def entry(self) -> FoundPreset | None:
        """The preset that the cursor is on."""
        return self.presets.entries.get(self.presets.key or "")

    @property
    def corpus(self) -> str:
        """What is chosen to train on; empty when a path is asked for and none is typed."""
        return self.query_one(CorpusPicker).corpus

    def resolved(self) -> Preset:
        """The chosen preset with its changes and the numbers of the form. Raises `InputError`."""
        entry = self.entry
        if entry is None or entry.preset is None:
            raise InputError(entry.problem if entry else "there is no preset to start")
        preset = self._changed.get(entry.name, entry.preset)
        return with_overrides(preset, self.query_one(StartForm).overrides, entry.name)

    @on(ColumnList.Highlighted)
    def _highlight(self, event: ColumnList.Highlighted) -> None:
        if event.key != self._filled:  # else the cursor is where it was: what has been typed since stays
            self._fill(event.key)

    def _fill(self, name: str) -> None:
        """Shows a preset, with the changes that were made to it in the editor."""
        entry = self.presets.entries.get(name)
        details, form = self.query_one(PresetDetails), self.query_one(StartForm)
        if entry is None:
            return
        self._filled = name
        details.problem = "" if entry.preset else f"This preset can't be used.\n\n{entry.problem}"
        form.disabled = entry.preset is None
        self.refresh_bindings()
        if entry.preset is None:
            details.border_title = name
            return
        preset = self._changed.get(name, entry.preset)
        form.fill(preset)
        if preset.data != self._data:
            self._data = preset.data
            self._pick_corpus()
        self._show(
            preset, self.presets.costs.get(name) if preset == entry.preset and not self._corpus.speakers else None
        )
        self._meter.ask(preset, self._corpus.speakers)

    @on(ColumnList.Chosen)
    def action_choose(self) -> None:
        """Enter on a preset goes on to the button; a second Enter starts."""
        if self.entry is not None and self.entry.preset is not None:
            self.query_one("#start").focus()

    @on(StartForm.Changed)
    def _type(self) -> None:
        """A number was typed: checked and counted at once."""
        try:
            preset = self.resolved()
        except PresetError as error:
            self._complain(error.problems)
            return
        except InputError:
            return
        self._show(preset, self.cost)
        self._meter.ask(preset, self._corpus.speakers)

    def _complain(self, problems: list[str]) -> None:
        self._numbers_are_wrong = bool(problems)
        self.query_one(StartForm).complain(problems)
        self._allow_start()

    def _allow_start(self) -> None:
        """The button can be pressed while nothing stands in the way that is known already."""
        in_the_way = self._corpus.problem or self._numbers_are_wrong or self.is_launching
        self.query_one(StartForm).allow_start(not in_the_way)

    def _show(self, preset: Preset, cost: Cost | None) -> None:
        details, entry = self.query_one(PresetDetails), self.entry
        self._complain([])
        self.cost = cost
        details.cost = cost
        details.preset = preset
        if entry is not None and entry.preset is not None and (changes := len(Draft(entry.preset, preset).changes())):
            details.border_title = f"{preset.name}, {changes} change{'s' * (changes > 1)}"
        self._show_plan(preset)

    def _show_plan(self, preset: Preset) -> None:
        """How long it would take, and what the button would do."""
        form, known = self.query_one(StartForm), self._estimate(preset)
        form.estimate(Content.styled(TRYING, "$foreground-muted") if self.is_trying else in_words(known))
        form.announce(plans(preset, self.corpus, known))

    def _estimate(self, preset: Preset) -> Estimate | None:
        return estimate(preset, self._rows, self.dashboard.trials.find(preset), self.cost, self.dashboard.clock())

    # ------------------------------------------------------------------------------------------------ what it costs

    def _counted(self, preset: Preset, answer: Cost | InputError) -> None:
        """The meter's answer. It may be to what is no longer chosen."""
        try:
            if self.resolved() != preset:
                return
        except InputError:
            return  # shown beside the numbers already
        if isinstance(answer, InputError):
            self.query_one(StartForm).estimate(Content.styled(str(answer), "$error"))
        else:
            self._show(preset, answer)

    def _count(self) -> None:
        """Counts what is chosen now."""
        try:
            self._meter.ask(self.resolved(), self._corpus.speakers)
        except InputError:
            return  # shown beside the numbers already

    @work(exclusive=True, group="count-list")
    async def _count_list(self) -> None:
        """Counts each preset of the list once, so that the list doesn't rest on what the files say."""
        presets = self.presets
        for name, entry in list(presets.entries.items()):
            if entry.preset is not None and name not in presets.costs:
                try:
                    presets.costs[name] = await self.in_thread(self.dashboard.meter.count, entry.preset, None)
                except InputError:
                    continue  # the chosen preset's count says what is wrong
                presets.show()

    @on(StartForm.Fit)
    def action_fit(self) -> None:
        """Other sizes for the chosen preset's encoder, which use its budget up; a second time its own again."""
        entry = self.entry
        if entry is None or entry.preset is None:
            return
        changed = self._changed.get(entry.name)
        if changed is not None and changed.encoder != entry.preset.encoder:
            del self._changed[entry.name]
            self._show_changes()
        else:
            self._fit(entry)

    @work(exclusive=True, group="fit")
    async def _fit(self, entry: FoundPreset) -> None:
        try:
            preset = self.resolved()
            budget = preset.budget.encoder_parameters
            self._changed[entry.name] = await self.in_thread(self.dashboard.meter.fit, preset, budget)
        except InputError as error:
            self.notify(str(error), title="Not fitted", severity="warning", timeout=10, markup=False)
            return
        if self.entry == entry:
            self._show_changes()
        keep = "e shows the sizes, and saves them as a preset of your own; b takes them back"
        self.notify(keep, title=f"{entry.name} fits its budget", timeout=8, markup=False)

    def _show_plan_now(self) -> None:
        try:
            self._show_plan(self.resolved())
        except InputError:
            return  # shown beside the numbers already

    # ------------------------------------------------------------------------------------------------ editing

    def action_edit(self) -> None:
        """Opens the editor on what is chosen; what is changed there is kept here until it is started or saved."""
        from spk_tui.screens.editor_screen import EditorScreen

        entry = self.entry
        if entry is None or entry.preset is None:
            return
        name = entry.name
        try:
            edited = self.resolved()
        except InputError:
            edited = self._changed.get(name, entry.preset)
        corpus, speakers = self.corpus, self._corpus.speakers
        self.app.push_screen(EditorScreen(entry.preset, corpus, edited, speakers, lambda made: self._keep(name, made)))

    def _keep(self, name: str, edited: Preset) -> None:
        """What the editor made of a preset. Saved under another name there, it is that one's; this one is as it was."""
        self._changed.pop(name, None)
        self._changed[edited.name] = edited
        self._kept = edited.name
        self._show_changes()

    def _show_changes(self) -> None:
        files = {name: entry.preset for name, entry in self.presets.entries.items()}
        self._changed = {name: preset for name, preset in self._changed.items() if files.get(name) != preset}
        self.presets.changed = set(self._changed)
        self.presets.show()
        self._fill(self._filled)

    @work(exclusive=True, group="presets")
    async def _look_at_presets(self) -> None:
        """A preset may have been saved in the editor, or by hand."""
        if self.presets.refill(await self.in_thread(list_presets)):
            self._count_list()
        if self._kept:  # it may be in the list only now
            self._show_changes()
            self.presets.move_to(self._kept)
            self._kept = ""

    # ------------------------------------------------------------------------------------------------ what it trains on

    @work(exclusive=True, group="runs")
    async def _look_at_runs(self) -> None:
        """Recent corpora, best accuracies and measured step rates, from the runs that there are."""
        self._rows = await self.in_thread(self.dashboard.read_runs)
        downloaded = map(str, (await self.in_thread(downloaded_corpora)).values())
        self.query_one(CorpusPicker).offer(tuple(dict.fromkeys([*recent_corpora(self._rows), *downloaded])))
        self.query_one(TitleBar).news = _under_way(self._rows)
        self.presets.tell_best(self._rows, self.corpus)
        self._show_plan_now()

    @on(CorpusPicker.Changed)
    def _pick_corpus(self) -> None:
        """Another corpus, or another part of it."""
        self._corpus.look(self._data)

    def _corpus_found(self) -> None:
        """What is known of the corpus decides the head, whether one can start, and which runs count."""
        self._allow_start()
        self.presets.tell_best(self._rows, self.corpus)
        self._show_plan_now()
        self._count()

    # ------------------------------------------------------------------------------------------------ starting

    def to_launch(self) -> tuple[Preset, str, int | None]:
        """What is chosen now."""
        preset = self.resolved()
        if not self.corpus:
            raise InputError("no corpus is chosen: type the path of a folder, or take the demo corpus")
        return preset, self.corpus, self._corpus.speakers

    def refuse(self, title: str, error: InputError) -> None:
        """What is wrong with a number is said beside it, and the keyboard is put there."""
        if isinstance(error, PresetError):
            self._complain(error.problems)
            self.query_one(StartForm).to_the_wrong_number()
        else:
            super().refuse(title, error)

    def show_launching(self) -> None:
        """The button waits, and the estimate says what is measured."""
        self._allow_start()
        self._show_plan_now()

    def launched(self) -> None:
        """What has just been trusted can be counted now."""
        self._count()

    @on(StartForm.Start)
    def _press_start(self) -> None:
        self.action_start()

    # ------------------------------------------------------------------------------------------------ going about

    def action_to_list(self) -> None:
        """Puts the keyboard back on the list, where letters are keys again; there it ends a search.

        A path that was asked for and not given gives way to the demo corpus.
        """
        if self.query_one(StartForm).has_focus_within and not self.corpus:
            self.query_one(CorpusPicker).choose(DEMO)
        if not self.presets.has_focus_within or not self.presets.show_all():
            self.presets.focus_rows()

    def action_search(self) -> None:
        """Opens the line in which one types what to look for."""
        self.presets.search()

    def action_corpus(self) -> None:
        """Opens the choice of corpora."""
        picker = self.query_one(CorpusPicker).query_one(Select)
        self.set_focus(picker)
        picker.action_show_overlay()

    def action_inspect(self) -> None:
        """Shows what is in the chosen corpus, read as the chosen preset says."""
        from spk_tui.screens.corpus_screen import CorpusScreen

        if self.entry is not None and self.entry.preset is not None:
            self.app.push_screen(CorpusScreen(self.corpus, self.entry.preset))

    @on(StartForm.GetSpeech)
    @work(exclusive=True, group="download")
    async def action_download(self) -> None:
        """Offers public speech; what is downloaded, or was already, becomes the chosen corpus."""
        folder = await self.app.push_screen_wait(DownloadDialog())
        if folder is not None:
            picker = self.query_one(CorpusPicker)
            picker.offer(tuple(dict.fromkeys([*recent_corpora(self._rows), str(folder)])))
            picker.choose(str(folder))

    def action_numbers(self) -> None:
        """Puts the keyboard on the first number."""
        self.set_focus(self.query_one(f"#{FIELDS[0].name}", Input))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where one types, letters are letters; a preset that can't be used has nothing to edit."""
        if action in ("corpus", "inspect", "edit", "numbers", "fit", "trial"):
            entry = self.entry if self.is_mounted else None
            return entry is not None and entry.preset is not None and not isinstance(self.focused, Input)
        if action == "search":
            return not isinstance(self.focused, Input)
        return True

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Starting, and the numbers that can be changed."""
        yield from super().commands()
        if self.entry is not None and self.entry.preset is not None:
            yield f"Edit {self.entry.name}", "Every key of it, with what it costs", self.action_edit
            yield "Fit to the budget", "Sizes of the encoder that use the budget up, and back", self.action_fit
        yield "Find a preset", "By its name or encoder", self.action_search
        yield "Choose a corpus", "Demo, an earlier one, or a folder", self.action_corpus
        yield "Get public speech", "Download a corpus by name", self.action_download
        if self.check_action("inspect", ()):
            yield "Inspect the corpus", "What is in it, and what is wrong with it", self.action_inspect
        for field in FIELDS:
            focus = self.query_one(f"#{field.name}", Input).focus
            yield f"Change the {field.label}", f"Type another {field.label} for this run", focus


def _under_way(rows: Sequence[RunRow]) -> str:
    """How many runs train and how many wait, with the keys that show them."""
    waiting = sum(row.condition == "queued" for row in rows)
    active = sum(not row.is_over for row in rows) - waiting
    told = [f"{active} run{'s' * (active > 1)} in progress, F3"] if active else []
    return "; ".join([*told, *([f"{waiting} waiting, F4"] if waiting else [])])
