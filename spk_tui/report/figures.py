"""The curves of a report as SVG: those of each run, and of several runs laid over each other.

What the charts are is taken from the screens' own (`run_charts.py`, `overlay.py`), with the words of the report.
"""

from __future__ import annotations

from collections.abc import Sequence

from spk_tui.charts import Chart, Line, Reference, View
from spk_tui.curves_svg import curves_svg
from spk_tui.overlay import OVERLAYS, mark_of, role_of
from spk_tui.report.reading import ReadRun
from spk_tui.report.words import Words
from spk_tui.run_charts import DECIDING, KINDS
from spk_tui.series import CurveCopy, Series
from spk_tui.smoothing import USUAL_STRENGTH

SHOWN = ("loss", "accuracy", "rate", "learning-rate")
VIEW = View(smoothing=USUAL_STRENGTH)


def curves_of(run: ReadRun, words: Words) -> str:
    """One run's curves."""
    charts = {name: _chart(name, run, words) for name in SHOWN}
    return curves_svg(charts, VIEW, title=f"{run.facts.letter} {run.facts.name}", axis=words("axis.step"))


def curves_of_all(runs: Sequence[ReadRun], words: Words) -> str:
    """The runs' curves laid over each other, each called by its letter."""
    charts = {name: _overlay(name, runs, words) for name in OVERLAYS}
    names = " · ".join(f"{run.facts.letter} {run.facts.name}" for run in runs)
    return curves_svg(charts, VIEW, title=names, axis=words("axis.step"))


def _chart(name: str, run: ReadRun, words: Words) -> Chart:
    kind, preset = KINDS[name], run.facts.preset
    deciding = DECIDING[preset.validation.best_by]
    lines = tuple(
        Line(
            words(f"line.{each.label}"), each.role, _series(run, each.name), each.marker, kind.say, each.noisy,
            each.best if each.best == "lowest" or each.name == deciding else "",
        )
        for each in kind.quantities
    )  # fmt: skip
    reference = preset.preset.reference_accuracy if name == "accuracy" else None
    shown = () if reference is None else (Reference(reference, words("line.reference", value=reference)),)
    title = words(f"curve.{name}")
    return Chart(title, lines, run.facts.steps, lowest=0.0, references=shown, tick_format=kind.tick)


def _overlay(name: str, runs: Sequence[ReadRun], words: Words) -> Chart:
    overlay = OVERLAYS[name]
    lines = tuple(
        Line(letter, role_of(letter), _series(run, name), mark_of(letter), overlay.say, overlay.noisy)
        for run in runs
        for letter in (run.facts.letter,)
    )
    return Chart(words(f"curve.{name}"), lines, max(run.facts.steps for run in runs), lowest=0.0)


def _series(run: ReadRun, name: str) -> Series:
    return CurveCopy().of(getattr(run.state, name))
