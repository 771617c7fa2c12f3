"""The lines of the list of presets: name, kind of encoder, parameters, and a short meter against the budget."""

from __future__ import annotations

from textual.content import Content

from engine.cost import Cost
from engine.model_settings import kind_of
from engine.preset_library import FoundPreset
from spk_tui.widgets.column_list import Column, Row, text_cell
from spk_tui.widgets.pieces import bar, verdict, verdict_style
from spk_tui.wording import count, encoder_words

COLUMNS = (
    Column("preset", 24, share=1),
    Column("encoder", 14, share=1),
    Column("parameters", 10, right=True),
    Column("budget", 12, share=1),
)


def preset_row(entry: FoundPreset, cost: Cost | None) -> Row:
    """A preset's line, with what its file says of its size until that is counted; one that can't be used says so."""
    if entry.preset is None:
        reason = Content.styled("can't be used; see why at the right", "$error")
        blank = text_cell("")
        return Row(entry.name, (text_cell(Content.styled(entry.name, "$error")), blank, blank, text_cell(reason)))
    preset = entry.preset
    used = cost.encoder if cost else preset.preset.encoder_parameters
    budget = preset.budget.encoder_parameters
    name = Content.assemble(entry.name, (" yours", "$foreground-muted") if entry.own else "")
    kind = encoder_words(kind_of(preset.encoder))
    parameters = Content("…" if used is None else count(used))
    return Row(
        entry.name,
        (text_cell(name), text_cell(kind), text_cell(parameters), lambda width: _meter(used, budget, width)),
    )


def _meter(used: int | None, budget: int, width: int) -> Content:
    """A short meter: bar and word."""
    if used is None:
        return Content.styled("being counted", "$foreground-muted")
    return Content.assemble(
        bar(used / budget, max(4, min(24, width - 7)), verdict_style(used, budget)), "  ", verdict(used, budget)
    )
