"""The few numbers that one changes before a start, checked as they are typed, and the button that starts.

It holds texts and tells when they change; what they mean for the preset, the meter and the estimate is the screen's
business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Label, Static

from engine.preset import Preset
from spk_tui.drafts import value_of
from spk_tui.widgets.corpus_picker import CorpusPicker

BUTTON_PADDING = 4
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Field:
    """One number of the form: its label, and the key of the preset that it stands for."""

    name: str
    label: str
    key: str


FIELDS = (
    Field("steps", "steps", "run.steps"),
    Field("batch-size", "batch size", "segments.batch_size"),
    Field("learning-rate", "learning rate", "optimizer.learning_rate"),
    Field("seed", "seed", "run.seed"),
    Field("device", "device", "run.device"),
)


class StartForm(VerticalScroll):
    """Corpus, numbers, what they come to, and start."""

    HELP: ClassVar[str] = (
        "What to train on, and the numbers that are changed most. Each is checked as you type; the meter, the "
        "memory and the time follow. Tab goes to the next one, Escape back to the list."
    )

    DEFAULT_CSS = """
    StartForm {
        & .numbers { height: auto; }
        & .field { layout: horizontal; height: 1; }
        & .field > Label { width: 14; color: $foreground-muted; }
        & .field > Input, & .field > Select { width: 1fr; background: $surface; }
        & .field > Input:focus { background: $panel; }
        & .field > Input.-wrong { color: $error; }
        & .finding { height: auto; padding-left: 14; color: $foreground-muted; }
        & .message { height: auto; color: $error; display: none; }
        & .estimate { height: auto; color: $foreground-muted; }
        & .buttons { height: 1; margin-top: 1; }
        & Button { width: auto; }
        & .others { height: 1; }
        & #start { min-width: 20; }
        & #fit { min-width: 20; margin-right: 1; }
        & .-wrong { color: $error; }
    }
    """

    class Changed(Message):
        """A number was typed."""

    class Fit(Message):
        """Other sizes are asked for, which use the budget up; or one's own again."""

    class Start(Message):
        """The button was pressed."""

    class GetSpeech(Message):
        """The button beside it was pressed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: Preset | None = None
        self._plans: tuple[str, ...] = ("Start training",)

    def compose(self) -> ComposeResult:
        """The fields in the order in which one thinks of them."""
        yield CorpusPicker()
        with Vertical(classes="numbers"):
            for field in FIELDS:
                with Horizontal(classes="field"):
                    yield Label(field.label)
                    suggester = SuggestFromList(DEVICES) if field.name == "device" else None
                    yield Input(id=field.name, compact=True, suggester=suggester)
        yield Static(classes="message", markup=False)
        yield Static(classes="estimate")
        with Horizontal(classes="buttons"):
            yield Button("Start training", variant="primary", compact=True, id="start")
        with Horizontal(classes="others"):
            yield Button("Fit to budget (b)", compact=True, id="fit")
            yield Button("Get speech…", compact=True, id="get-speech")

    def fill(self, preset: Preset) -> None:
        """Puts a preset's own numbers into the fields."""
        self._shown = preset
        with self.prevent(Input.Changed):
            for field in FIELDS:
                self.query_one(f"#{field.name}", Input).value = value_of(preset, field.key)

    @property
    def overrides(self) -> list[str]:
        """The changed numbers, as "run.steps=500"."""
        if self._shown is None:
            return []
        typed = {field.key: self.query_one(f"#{field.name}", Input).value.strip() for field in FIELDS}
        return [f"{key}={text}" for key, text in typed.items() if text != value_of(self._shown, key)]

    def complain(self, problems: list[str]) -> None:
        """Shows what is wrong with the numbers, and where; an empty list takes it away."""
        message = self.query_one(".message", Static)
        message.display = bool(problems)
        message.update("\n".join(problems))
        for field in FIELDS:
            self.query_one(f"#{field.name}", Input).set_class(any(field.key in text for text in problems), "-wrong")

    def to_the_wrong_number(self) -> None:
        """Puts the keyboard on the first number that was complained of, if any."""
        for wrong in self.query(".numbers Input.-wrong").results(Input):
            wrong.focus()
            return

    def estimate(self, text: Content | str) -> None:
        """Shows how long it will take."""
        self.query_one(".estimate", Static).update(text)

    def announce(self, plans: Sequence[str]) -> None:
        """What the button would do, in sentences from the longest to the shortest; it shows the longest that fits."""
        self._plans = tuple(plans)
        self._fit_the_button()

    def on_resize(self) -> None:
        """Another width."""
        self._fit_the_button()

    def _fit_the_button(self) -> None:
        room = max(12, self.content_size.width - BUTTON_PADDING)
        label = next((plan for plan in self._plans if len(plan) <= room), self._plans[-1])
        button = self.query_one("#start", Button)
        if str(button.label) != label:
            button.label = Content(label)
            button.refresh(layout=True)

    def allow_start(self, allowed: bool) -> None:
        """Whether the button can be pressed."""
        self.query_one("#start", Button).disabled = not allowed

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Enter in a field goes on to the next one, and at last to the button."""
        event.stop()
        self.screen.focus_next()

    @on(Button.Pressed, "#start")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.Start())

    @on(Button.Pressed, "#fit")
    def _fitted(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.Fit())

    @on(Button.Pressed, "#get-speech")
    def _wanted(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.GetSpeech())
