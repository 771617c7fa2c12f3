"""The corpus screen: what is in a corpus, how it is distributed, what is wrong with it, and how its voices look.

Headers are read in a thread; whatever decodes audio (the full check, the picture of an utterance) is a child process.
"""

from __future__ import annotations

import threading
from asyncio import sleep
from collections.abc import Callable, Iterator

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.widgets import Footer, Static

from engine.corpus.features import band_edges
from engine.corpus.frames_client import FrameReader, Superseded
from engine.corpus.packing_client import PackingFailed
from engine.corpus.summary import Survey, survey
from engine.errors import InputError
from engine.preset import Preset
from spk_tui.corpus_facts import depth, problem_count
from spk_tui.progress import Cancelled, Progress, report_to
from spk_tui.screens.room import Room
from spk_tui.widgets.column_list import ColumnList
from spk_tui.widgets.corpus_facts_panel import CorpusFacts
from spk_tui.widgets.histogram_plot import HistogramPlot
from spk_tui.widgets.pieces import progress_line
from spk_tui.widgets.problem_list import ProblemList
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.widgets.utterance_view import UtteranceView
from spk_tui.widgets.voice_browser import VoiceBrowser
from spk_tui.wording import corpus_words, one_line

LOOK_PAUSE = 0.15  # seconds that the cursor rests before an utterance is decoded
WIDE, TALL = 100, 32


class CorpusScreen(Room):
    """One corpus, read as a preset's [data] section says."""

    AUTO_FOCUS = ""
    HELP_TEXT = (
        "What a corpus holds: its speakers and utterances, how long they are, what would be held out, and what is "
        "wrong with it. At first only headers are read; the full check decodes everything once, names what is silent, "
        "damaged or there twice, and keeps the frames for the next training. The picture shows an utterance as the "
        "network sees it: log-mel frames, low bands at the bottom, loud ones bright, long silence cut out."
    )
    BINDINGS = [  # noqa: RUF012
        Binding("v", "voices", "Voices", tooltip="Speakers, utterances and how they look", id="corpus.voices"),
        Binding("v", "overview", "Overview", tooltip="Numbers and problems", id="corpus.overview"),
        Binding("enter", "unfold", "Unfold", tooltip="Name the problems of this kind", id="corpus.unfold"),
        Binding("enter", "utterances", "Utterances", tooltip="To this speaker's utterances", id="corpus.utterances"),
        Binding("f", "full_check", "Full check", tooltip="Decode everything and name all problems", id="corpus.full"),
        Binding("x", "cancel", "Cancel", tooltip="End the full check", id="corpus.cancel"),
        Binding("escape", "back", "Back", tooltip="Leave this screen", id="corpus.back"),
    ]

    def __init__(self, corpus: str, preset: Preset) -> None:
        super().__init__()
        self.corpus = corpus
        self.preset = preset
        self.survey: Survey | None = None
        self._looked_at = ""
        self._checking = False
        self._cancel = threading.Event()
        self._reader = FrameReader()

    def compose(self) -> ComposeResult:
        """Overview above, voices below; where both don't fit, one at a time."""
        yield TitleBar(f"Corpus  ›  {one_line(corpus_words(self.corpus))}")
        yield Static(id="reading")
        yield Static(id="trouble", markup=False)
        with Container(id="overview"):
            with Container(id="facts-and-plots"):
                yield CorpusFacts(id="facts")
                with Container(id="plots"):
                    yield HistogramPlot("Utterance lengths", "s", id="lengths")
                    yield HistogramPlot("Utterances a speaker", id="counts")
            yield ProblemList(id="problems")
        yield VoiceBrowser(id="voices")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Reading begins at once."""
        self._lay_out()
        self._read(full=False)

    def on_unmount(self) -> None:
        """What still reads for this screen ends."""
        self._cancel.set()
        threading.Thread(target=self._reader.close, daemon=True).start()

    def on_resize(self) -> None:
        """Few columns or few rows: overview or voices."""
        self._lay_out()
        self.refresh_bindings()
        self._look()

    def _lay_out(self) -> None:
        self.set_class(self.app.size.width < WIDE or self.app.size.height < TALL, "-one")

    # ------------------------------------------------------------------------------------------------ reading

    @work(exclusive=True, group="survey")
    async def _read(self, *, full: bool) -> None:
        """Surveys the corpus; a full check that fails or is cancelled leaves what was known."""
        self._checking, self._cancel = full, threading.Event()
        self.add_class("-reading")
        self.refresh_bindings()
        preset = self.preset
        try:
            found = await self.in_thread(
                survey,
                self.corpus,
                report_to(self, self._cancel),
                preset.data,
                full,
                preset.features,
                preset.validation,
            )
        except InputError as error:
            self._complain(str(error), full=full)
        except PackingFailed as error:
            self._complain(str(error).strip().rpartition("\n")[2], full=full)
        except Cancelled:
            self.notify("The full check was cancelled.", timeout=4)
        else:
            self._show(found)
            if full:
                number = len(found.summary.problems)
                self.notify(f"Everything has been decoded: {problem_count(number) if number else 'no problems'}.")
        finally:
            self._checking = False
            if self.is_here:
                self.remove_class("-reading")
                self.refresh_bindings()

    @on(Progress)
    def _show_progress(self, event: Progress) -> None:
        line = self.query_one("#reading", Static)
        line.update(progress_line(*event.said, max(20, self.size.width - 2)))

    def _complain(self, problem: str, *, full: bool) -> None:
        if full:
            self.notify(problem, title="The full check failed", severity="error", timeout=15, markup=False)
            return
        said = "\n".join(one_line(line) for line in problem.split("\n"))
        self.query_one("#trouble", Static).update(f"This corpus can't be read.\n\n{said}")
        self.add_class("-trouble")

    def _show(self, found: Survey) -> None:
        first = self.survey is None
        self.survey = found
        summary = found.summary
        self.query_one(CorpusFacts).summary = summary
        self.query_one("#lengths", HistogramPlot).histogram = summary.seconds_histogram
        self.query_one("#counts", HistogramPlot).histogram = summary.utterances_per_speaker_histogram
        self.query_one(ProblemList).show(summary.problem_kinds, summary.problems, depth(summary))
        self.query_one(VoiceBrowser).show(found)
        self.query_one(TitleBar).news = "fully checked" if summary.packed else "not fully checked yet"
        self.add_class("-known")
        if first:
            self._put_keyboard()

    # ------------------------------------------------------------------------------------------------ looking

    @on(VoiceBrowser.Pointed)
    def _look_again(self) -> None:
        self._look()

    @work(exclusive=True, group="look")
    async def _look(self) -> None:
        """Decodes and shows the utterance that the cursor rests on, where its picture can be seen."""
        await sleep(LOOK_PAUSE)
        voices, found = self.query_one(VoiceBrowser), self.survey
        utterance = voices.pointed_at
        if found is None or utterance is None or not voices.display or utterance.id == self._looked_at:
            return
        view, self._looked_at = voices.query_one(UtteranceView), ""
        view.announce(utterance, voices.seconds_of(utterance))
        try:
            glimpse = await self.in_thread(self._reader.read, utterance, found.corpus, self.preset.features)
        except Superseded:
            return
        except InputError as error:
            view.tell(one_line(str(error)))
            return
        self._looked_at = utterance.id
        of_audio = found.corpus.mel_bands is None
        view.show(glimpse, band_edges(self.preset.features)[1:-1].tolist() if of_audio else ())

    # ------------------------------------------------------------------------------------------------ keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys stand in the footer only while they can do something."""
        if not self.is_mounted:
            return action == "back"
        known = self.survey is not None
        allowed = {
            "voices": known and self.has_class("-one") and not self.has_class("-voices"),
            "overview": known and self.has_class("-one") and self.has_class("-voices"),
            "unfold": known and self.query_one(ProblemList).has_focus_within,
            "utterances": known and self.query_one("#speakers").has_focus_within,
            "full_check": self.survey is not None and not self.survey.summary.packed and not self._checking,
            "cancel": self._checking,
        }
        return allowed.get(action, True)

    def on_descendant_focus(self) -> None:
        """What Enter does depends on where the keyboard is."""
        self.refresh_bindings()

    def action_voices(self) -> None:
        """Where only one fits: speakers, utterances and the picture."""
        self.add_class("-voices")
        self._turn()

    def action_overview(self) -> None:
        """Where only one fits: numbers and problems."""
        self.remove_class("-voices")
        self._turn()

    def _turn(self) -> None:
        self.refresh_bindings()
        self.call_after_refresh(self._put_keyboard)
        self._look()

    def _put_keyboard(self) -> None:
        """To the list that one sees: speakers, or problems where there are some."""
        if self.has_class("-one") and not self.has_class("-voices"):
            if not self.query_one(ProblemList).is_empty:
                self.query_one(ProblemList).focus_rows()
        else:
            self.query_one(VoiceBrowser).focus_speakers()

    @on(ColumnList.Chosen)
    def action_unfold(self) -> None:
        """Names the problems of a kind, or folds them again; in little room they take that of the plots."""
        problems = self.query_one(ProblemList)
        problems.toggle()
        self.set_class(problems.is_unfolded, "-unfolded")

    def action_utterances(self) -> None:
        """Puts the keyboard on the speaker's utterances."""
        self.query_one(VoiceBrowser).focus_utterances()

    def action_full_check(self) -> None:
        """Decodes everything once."""
        self._read(full=True)

    def action_cancel(self) -> None:
        """Ends the full check; nothing half-made is left."""
        self._cancel.set()

    def action_back(self) -> None:
        """To where one came from."""
        self.app.pop_screen()

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What can be done here now."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and self.check_action(binding.action, ()):
                yield binding.description, binding.tooltip, getattr(self, f"action_{binding.action}")
