"""The lines of the list of presets: encoder, name, parameters, share of the budget in words, and the best so far."""

from __future__ import annotations

from textual.content import Content

from engine.cost import Cost
from engine.model_settings import kind_of
from engine.preset_library import FoundPreset
from spk_tui.widgets.column_list import Column, Row, text_cell
from spk_tui.widgets.pieces import bar, cell, verdict, verdict_style
from spk_tui.wording import accuracy, count, encoder_words, percent

COLUMNS = (
    Column("encoder", 14, dispensable=1),
    Column("preset", 24, share=2),
    Column("parameters", 10, right=True, dispensable=2),
    Column("budget", 11, share=1),
    Column("best", 6, right=True),
)
SHORTEST_BAR, WORD = 4, 5


def preset_row(
    entry: FoundPreset, cost: Cost | None, best: float | None = None, *, first: bool = True, changed: bool = False
) -> Row:
    """A preset's line, with what its file says of its size until that is counted; one that can't be used says so.

    first: it is the first of its encoder. best: the highest accuracy so far on the chosen corpus.
    """
    blank = text_cell("")
    if entry.preset is None:
        name, reason = Content.styled(entry.name, "$error"), Content.styled("unusable", "$error")
        return Row(entry.name, (text_cell(reason), text_cell(name), blank, blank, blank))
    preset = entry.preset
    used = cost.encoder if cost else preset.preset.encoder_parameters
    budget = preset.budget.encoder_parameters
    remark = " yours" * entry.own + " changed" * changed
    kind = Content.styled(encoder_words(kind_of(preset.encoder)), "bold" if first else "$foreground-muted")
    return Row(
        entry.name,
        (
            text_cell(kind),
            lambda width: _name(entry.name, remark, width),
            text_cell("…" if used is None else count(used)),
            lambda width: _share(used, budget, width),
            text_cell(Content.styled(accuracy(best), "bold" if best is not None else "$foreground-muted")),
        ),
    )


def _name(name: str, remark: str, width: int) -> Content:
    """A name and what is to be said of it; where there is no room for both, the name is cut."""
    room = width - len(remark)
    shown = name if len(name) <= room else f"{name[: room - 1]}…"
    return Content.assemble(shown, (remark, "$foreground-muted"))


def _share(used: int | None, budget: int, width: int) -> Content:
    """The share of the budget, its verdict, and a bar where there is room for one."""
    if used is None:
        return Content.styled("being counted", "$foreground-muted")
    share = Content(percent(used / budget).rjust(5))
    words = Content.assemble(share, " ", cell(verdict(used, budget), WORD))
    room = width - words.cell_length - 2
    if room < SHORTEST_BAR:
        return words
    return Content.assemble(words, "  ", bar(used / budget, min(24, room), verdict_style(used, budget)))
