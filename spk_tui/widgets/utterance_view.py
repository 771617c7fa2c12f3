"""One utterance: its log-mel frames as a picture, and under it whose it is, how long, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine.corpus.corpus import Utterance
from engine.corpus.frames_client import Glimpse
from spk_tui.widgets.mel_picture import MelFrames, MelPicture
from spk_tui.wording import one_line, short_path

LEAST_SILENCE = 0.05  # seconds: less than this is the rounding to whole frames


class UtteranceView(Vertical):
    """Picture and facts of the utterance that was chosen last."""

    DEFAULT_CSS = """
    UtteranceView {
        border: round $panel-lighten-1; padding: 0 1; border-title-color: $foreground;
        & > Static { height: auto; max-height: 6; }
        & > .message { display: none; height: 1fr; max-height: 100%; color: $foreground-muted; }
        &.-message > .message { display: block; }
        &.-message > MelPicture { display: none; }
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._utterance: Utterance | None = None
        self._seconds: float | None = None

    def compose(self) -> ComposeResult:
        """The picture or a message in its place, and the facts."""
        yield MelPicture()
        yield Static(classes="message", markup=False)
        yield Static(classes="facts")

    def announce(self, utterance: Utterance, seconds: float | None) -> None:
        """Another utterance, whose picture is on its way; the old picture goes. `seconds` as its header says."""
        self._utterance, self._seconds = utterance, seconds
        self.border_title = Content(one_line(utterance.id))
        self.query_one(MelPicture).frames = None
        self._say_facts()
        self.tell("being decoded…")

    def show(self, glimpse: Glimpse, hertz: Sequence[float]) -> None:
        """The frames, or why there are none; `hertz` of each band where these are known."""
        self._say_facts(glimpse)
        if not len(glimpse.columns):
            self.tell("\n".join(f"{problem.kind}: {problem.detail}" for problem in glimpse.problems))
            return
        self.remove_class("-message")
        self.query_one(MelPicture).frames = MelFrames(glimpse.columns, glimpse.seconds, hertz)

    def tell(self, message: str) -> None:
        """Says something in the place of the picture."""
        self.add_class("-message")
        self.query_one(".message", Static).update(message)

    def _say_facts(self, glimpse: Glimpse | None = None) -> None:
        """The lines under the picture, with what came out when it was decoded to frames."""
        utterance, muted = self._utterance, "$foreground-muted"
        assert utterance is not None
        lasts = "not known" if self._seconds is None else f"{self._seconds:.2f} s"
        remarks = []
        if glimpse is not None and len(glimpse.columns):
            remarks = [Content.styled(f"{problem.kind}: {problem.detail}", "$warning") for problem in glimpse.problems]
            if self._seconds is not None and self._seconds - glimpse.seconds > LEAST_SILENCE:
                lasts += f", {glimpse.seconds:.2f} s without silence"
        if utterance.end is not None:
            lasts += f", from {utterance.start:g} s to {utterance.end:g} s of the file"
        part = Content.assemble(("   part ", muted), utterance.part) if utterance.part else Content()
        lines = [
            Content.assemble(
                ("speaker ", muted), one_line(utterance.speaker),
                ("   session ", muted), one_line(utterance.session) or "not known", part,
            ),
            Content.assemble(("length  ", muted), lasts),
            Content.styled(short_path(utterance.path), muted),
            *remarks,
        ]  # fmt: skip
        self.query_one(".facts", Static).update(Content("\n").join(lines))
