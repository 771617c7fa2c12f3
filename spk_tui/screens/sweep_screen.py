"""The form of a sweep: values for some keys, one key a line; beside them every variant, its size against the budget.

What is typed is checked by `engine.sweep` and counted by the meter, in threads; queueing is the engine's, too.
"""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Footer, Input, Label, Static, TextArea

from engine.cost import Cost
from engine.errors import InputError
from engine.preset import Preset
from engine.sweep import Variant, check_name, counted, key_help, queue_sweep, variants_of
from spk_tui.screens.room import Room
from spk_tui.screens.trust_question import may_run
from spk_tui.widgets.column_list import Column, ColumnList, Row, text_cell
from spk_tui.widgets.pieces import verdict
from spk_tui.widgets.title_bar import TitleBar
from spk_tui.wording import corpus_words, count, percent

TYPING_PAUSE = 0.15
SHOW_EVERY_SECONDS = 0.25
COLUMNS = (
    Column("variant", 24, share=1),
    Column("steps", 7, right=True, dispensable=1),
    Column("encoder", 10, right=True),
    Column("budget", 6, right=True),
    Column("", 5),
)
EXAMPLE = "encoder.ffn = 100, 250, 500\noptimizer.learning_rate = 1e-3, 3e-3"


class SweepScreen(Room):
    """Values on one side, the variants they make on the other."""

    HELP_TEXT = (
        "Write one key a line with its values behind it: encoder.ffn = 100, 250, 500. Every combination becomes a run "
        "of its own, with each of the seeds; a key with one value has it in all of them. A comma within brackets or "
        "quotes belongs to a value: augment.speeds = [0.9, 1.1], [1.0]. All runs wait in the queue (F4) and carry the "
        "tag sweep-NAME; 'spk-tui sweep --show NAME' shows them as one table."
    )
    BINDINGS = [  # noqa: RUF012
        # With priority, so that it works while one types.
        Binding("f5", "start", "Queue them", tooltip="Put every variant in line", priority=True, id="sweep.start"),
        Binding("escape", "back", "Back", tooltip="To where one came from", priority=True, id="sweep.back"),
    ]
    DEFAULT_CSS = """
    SweepScreen {
        & #body { layout: vertical; height: 1fr; }
        &.-wide #body, &.-broad #body { layout: horizontal; }
        & #values, & #variants { border: round $panel-lighten-1; border-title-color: $foreground; }
        & #values:focus-within, & #variants:focus-within { border: round $primary; border-title-color: $primary; }
        & #values { height: 11; padding: 0 1; }
        &.-wide #values, &.-broad #values { width: 2fr; height: 1fr; padding: 1 2; }
        & #variants { height: 1fr; }
        &.-wide #variants, &.-broad #variants { width: 3fr; }
        & TextArea { height: 3; border: none; padding: 0; background: $surface; }
        &.-wide TextArea, &.-broad TextArea { height: 8; }
        & TextArea:focus { border: none; background: $panel; }
        & .explained { height: 2; color: $foreground-muted; }
        &.-wide .explained, &.-broad .explained { height: 4; margin-top: 1; }
        &.-wide .finding, &.-broad .finding { margin-top: 1; }
        &.-wide .buttons, &.-broad .buttons { margin-top: 1; }
        & .field { layout: horizontal; height: 1; }
        & .field > Label { width: 8; color: $foreground-muted; }
        & .field > Input { width: 1fr; background: $surface; }
        & .field > Input:focus { background: $panel; }
        & .finding { height: 1; }
        & .buttons { height: 1; }
        & Button { width: auto; min-width: 24; }
        & .trouble { display: none; height: auto; padding: 1 2; color: $error; }
        & #variants.-wrong > .trouble { display: block; }
        & #variants.-wrong > ColumnList { display: none; }
    }
    """

    def __init__(self, preset: Preset, corpus: str) -> None:
        super().__init__()
        self.preset = preset
        self.corpus = corpus
        self.variants: list[Variant] = []
        self.costs: list[Cost] = []
        self._known: dict[str, Cost] = {}
        self._queueing = False

    def compose(self) -> ComposeResult:
        """The values and the variants."""
        yield TitleBar(f"Sweep of {self.preset.name} on {corpus_words(self.corpus)}")
        name = f"{self.preset.name}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(self.dashboard.clock()))}"
        with Container(id="body"):
            with Vertical(id="values") as values:
                values.border_title = "One key a line: key = value, value"
                yield TextArea(id="settings", compact=True, placeholder=EXAMPLE, highlight_cursor_line=False)
                yield Static(classes="explained", markup=False)
                with Horizontal(classes="field"):
                    yield Label("seeds")
                    yield Input(id="seeds", placeholder="1, 2, 3 trains each three times", compact=True)
                with Horizontal(classes="field"):
                    yield Label("name")
                    yield Input(name, id="name", compact=True)
                yield Static(classes="finding")
                with Horizontal(classes="buttons"):
                    yield Button("Queue", variant="primary", compact=True, id="start")
            with Vertical(id="variants") as variants:
                variants.border_title = "Variants"
                yield Static(classes="trouble", markup=False)
                yield ColumnList(COLUMNS, "The variants stand here as soon as a key has its values.")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """The keyboard is where one types."""
        self.query_one(TextArea).focus()
        self._show([], "")

    # ------------------------------------------------------------------------------------------------ what is typed

    @property
    def settings(self) -> list[str]:
        """The lines that say something."""
        return [line for line in self.query_one(TextArea).text.splitlines() if line.strip()]

    @on(TextArea.SelectionChanged)
    def _explain(self) -> None:
        """What the key means that the cursor is on."""
        area = self.query_one(TextArea)
        key = area.document.get_line(area.cursor_location[0]).partition("=")[0].strip()
        self.query_one(".explained", Static).update(key_help(self.preset, key) if key else "")

    @on(TextArea.Changed)
    @on(Input.Changed, "#seeds")
    def _typed(self) -> None:
        self._follow()

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        """Reads what is typed and counts it, one variant after the other; newer words replace this."""
        self.variants, self.costs = [], []
        self._allow()
        await sleep(TYPING_PAUSE)
        settings, seeds = self.settings, self.query_one("#seeds", Input).value
        if not settings and not seeds.strip():
            self._show([], "")
            return
        try:
            variants = await self.in_thread(variants_of, self.preset, settings, seeds)
            costs: list[Cost] = []
            shown = 0.0
            for variant in variants:
                if time.monotonic() - shown > SHOW_EVERY_SECONDS:
                    shown = time.monotonic()
                    self._show(variants, "", costs)
                costs += await self.in_thread(counted, [variant], self.dashboard.meter.count, self._known)
        except InputError as error:
            self._show([], str(error))
            return
        self.variants, self.costs = variants, costs
        self._show(variants, "", costs)

    def _show(self, variants: Sequence[Variant], trouble: str, costs: Sequence[Cost] = ()) -> None:
        """The variants, as far as they are counted, or why there are none."""
        self.query_one("#variants").set_class(bool(trouble), "-wrong")
        self.query_one(".trouble", Static).update(trouble)
        rows = [
            _row(place, variant, costs[place] if place < len(costs) else None) for place, variant in enumerate(variants)
        ]
        self.query_one(ColumnList).show(rows)
        finding = _finding(variants, costs) if variants else Content()
        self.query_one(".finding", Static).update(finding)
        self._allow()

    def _allow(self) -> None:
        """The button says what it will do, and can be pressed when every variant is known."""
        button, number = self.query_one("#start", Button), len(self.variants)
        button.disabled = not number or self._queueing
        button.label = f"Queue {count(number)} run{'s' * (number > 1)} (F5)" if number else "Queue (F5)"
        self.refresh_bindings()

    # ------------------------------------------------------------------------------------------------ queueing

    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        """Puts every variant in line."""
        if not self._queueing and self.variants:
            self._queue()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.focus_next()

    @work(group="queue")
    async def _queue(self) -> None:
        self._queueing = True
        self._allow()
        variants, costs, name = self.variants, self.costs, self.query_one("#name", Input).value.strip()
        try:
            for preset in {variant.preset.encoder: variant.preset for variant in variants}.values():
                if not await may_run(self.app, preset):
                    return
            await self.in_thread(_check, variants, self.corpus, name, self.dashboard.runs)
            runs = await self.in_thread(queue_sweep, variants, costs, self.corpus, name, self.dashboard.runs)
        except InputError as error:
            self.notify(str(error), title="Not queued", severity="error", timeout=10, markup=False)
            return
        finally:
            self._queueing = False
            if self.is_here:
                self._allow()
        self.notify("F4 shows who waits, and in which order.", title=f"{count(len(runs))} runs are in line", timeout=6)
        self.app.call_later(self.dashboard.compare, runs, f"sweep {name}")  # this work ends with its screen

    def action_back(self) -> None:
        """To where one came from."""
        self.app.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There has to be something to queue."""
        return bool(self.variants) if action == "start" else True

    def commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Queueing, and where one types."""
        if self.variants:
            yield "Queue the sweep", f"Put {count(len(self.variants))} runs in line", self.action_start
        yield "Change the seeds", "Train each variant several times", self.query_one("#seeds", Input).focus
        yield "Name the sweep", "By which it is shown later", self.query_one("#name", Input).focus


def _row(place: int, variant: Variant, cost: Cost | None) -> Row:
    muted = "$foreground-muted"
    return Row(
        str(place),
        (
            text_cell(short_words(variant)),
            text_cell(Content.styled(count(variant.preset.run.steps), muted)),
            text_cell(Content.styled("…", muted) if cost is None else count(cost.encoder)),
            text_cell("" if cost is None else percent(cost.encoder / cost.budget)),
            text_cell("" if cost is None else verdict(cost.encoder, cost.budget)),
        ),
    )


def _finding(variants: Sequence[Variant], costs: Sequence[Cost]) -> Content:
    """How many there are and how many of them are too large, in words."""
    number = f"{count(len(variants))} variant{'s' * (len(variants) > 1)}"
    if len(costs) < len(variants):
        return Content.styled(f"{number}, being counted…", "$foreground-muted")
    over = sum(cost.encoder > cost.budget for cost in costs)
    verdict = (f"{over} of them over the budget", "$error") if over else ("all within the budget", "$success")
    return Content.assemble((number, "bold"), ", ", verdict)


def short_words(variant: Variant) -> str:
    """The values without their sections, where that is clear: "ffn 100, seed 2"."""
    names = [key.rpartition(".")[2] for key in variant.values]
    shown = [name if names.count(name) == 1 else key for key, name in zip(variant.values, names, strict=True)]
    return ", ".join(f"{name} {value}" for name, value in zip(shown, variant.values.values(), strict=True)) or "–"


def _check(variants: Sequence[Variant], corpus: str, name: str, runs: Path | None) -> None:
    """Refuses what no worker could train on, and a name that is taken. Raises `InputError`. Blocks on the disk."""
    from engine.corpus.copies import check_augmentation
    from engine.corpus.opening import open_corpus

    check_name(name, runs)
    ways = {(variant.preset.data, variant.preset.augment) for variant in variants}
    for data, augment in ways:
        check_augmentation(open_corpus(corpus, data), augment)
