"""What the chosen preset is: its summary, its budget, its parameters by part, and how it is trained.

It shows a preset and, once it is there, its cost; for a preset that can't be used it shows why.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from engine.cost import UNKNOWN_SPEAKERS, Cost
from engine.preset import Preset
from spk_tui.widgets.budget_bar import BudgetBar
from spk_tui.widgets.parts_table import PartsTable
from spk_tui.wording import count, learning_rate, small_size

FRAMES_A_SECOND = 1000


class PresetDetails(VerticalScroll):
    """The details panel of the first screen."""

    HELP: ClassVar[str] = (
        "What the chosen preset is and costs: parameters by part, held against the budget, arithmetic, size "
        "of a checkpoint, memory of a step."
    )

    DEFAULT_CSS = """
    PresetDetails {
        border-subtitle-color: $foreground-muted;
        & > .summary { height: auto; }
        & > BudgetBar { margin: 1 0; }
        & > .facts { height: auto; margin-top: 1; color: $foreground-muted; }
        & > .problem { display: none; color: $error; height: auto; }
        &.-problem { & > * { display: none; } & > .problem { display: block; } }
    }
    """

    preset: reactive[Preset | None] = reactive(None)
    cost: reactive[Cost | None] = reactive(None)
    problem: reactive[str] = reactive("")

    def compose(self) -> ComposeResult:
        """Summary, budget, parts, training; or the problem."""
        yield Static(classes="summary")
        yield BudgetBar()
        yield PartsTable()
        yield Static(classes="facts")
        yield Static(classes="problem", markup=False)

    def watch_preset(self, preset: Preset | None) -> None:
        """Another preset, or the same with other numbers."""
        if preset is None or not self.is_mounted:
            return
        self.border_title = preset.name
        self.query_one(".summary", Static).update(preset.preset.summary)
        self.query_one(".facts", Static).update(facts(preset, self.cost))
        if self.cost is None:
            meter = self.query_one(BudgetBar)
            meter.budget, meter.used = preset.budget.encoder_parameters, preset.preset.encoder_parameters

    def watch_cost(self, cost: Cost | None) -> None:
        """The parts are counted, or not yet."""
        self.query_one(PartsTable).cost = cost
        self.border_subtitle = "" if cost is None else f"a step takes {small_size(cost.step_memory.total)}"
        if self.preset is None:
            return
        meter = self.query_one(BudgetBar)
        meter.budget = self.preset.budget.encoder_parameters
        meter.used = self.preset.preset.encoder_parameters if cost is None else cost.encoder
        self.query_one(".facts", Static).update(facts(self.preset, cost))

    def watch_problem(self, problem: str) -> None:
        """A file that can't be used says why, instead of all else."""
        self.set_class(bool(problem), "-problem")
        self.query_one(".problem", Static).update(problem)


def facts(preset: Preset, cost: Cost | None) -> Content:
    """How it is trained and what is known of it, a sentence a line."""
    segments, features = preset.segments, preset.features
    seconds = segments.frames * features.hop_ms / FRAMES_A_SECOND
    lines = []
    if cost is not None:
        speakers = f"head for {count(cost.speakers)} speakers"
        if cost.speakers == UNKNOWN_SPEAKERS:
            speakers += ", until the corpus is read"
        lines.append(
            f"{cost.multiply_adds_per_second_of_audio / 1e6:,.1f} M multiply-adds a second of audio; {speakers}"
        )
        size = cost.size
        lines.append(
            f"saved {small_size(size.float32)}; {small_size(size.float16)} as float16, {small_size(size.int8)} as int8"
        )
    lines.append(f"segments of {segments.frames} frames ({seconds:.2f} s), {count(segments.batch_size)} a batch")
    movers = "AdamW and Muon" if preset.optimizer.matrices == "muon" else "AdamW"
    lines.append(
        f"{movers} {learning_rate(preset.optimizer.learning_rate)}, warm-up {count(preset.warmup_steps)}, "
        f"then {preset.schedule.kind}; validation every {count(preset.validation.every)} steps"
    )
    if preset.preset.reference_accuracy is not None:
        source = f" ({preset.preset.reference_source})" if preset.preset.reference_source else ""
        lines.append(f"reported accuracy {preset.preset.reference_accuracy:.2f}{source}")
    return Content("\n").join([Content(line) for line in lines])
