"""A run as a report needs it: its small files and its events, read once, and what follows from them alone.

Accuracies with intervals are `measuring.py`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from engine.errors import InputError
from engine.model_settings import OwnEncoder
from engine.own_code import read_code
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.runs.event_log import EventReader
from engine.runs.state import Curve, RunState
from spk_tui.report.facts import Finding, Machine, RunFacts, ValidationFacts
from spk_tui.run_charts import DECIDING
from spk_tui.run_rows import RunRow, figures_of
from spk_tui.series import Clock, CurveCopy


@dataclass(frozen=True)
class ReadRun:
    """A run that was read: as a list knows it, its curves with the time trained at each step, and its facts."""

    row: RunRow
    state: RunState
    clock: Clock
    facts: RunFacts


def read_run(run: RunDirectory, letter: str) -> ReadRun:
    """Reads a run. Raises `InputError` when it is damaged, or has nothing to report yet."""
    info, preset = run.info(), run.preset()
    reader, state, asides = EventReader(run.events_path), RunState(), _Asides()
    try:
        events = reader.read()
    except OSError as error:
        raise InputError(f"{run.events_path}: can't be read ({error.strerror})") from None
    for event in events:
        state.apply(event)
        asides.take(event)
    if not len(state.segment_accuracy) or state.started is None:
        damaged = f" ({reader.bad_lines:,} lines of its events can't be read)" if reader.bad_lines else ""
        raise InputError(
            f"{run.id}: has no validation yet{damaged}, so there is nothing to report; leave it out, or go on with it"
            f" ('spk-tui resume {run.id}')"
        )
    has_best, has_last = run.best_path.is_file(), run.last_path.is_file()
    condition = run.condition(state)
    row = RunRow(run, info, preset, run.labels(), figures_of(state), condition, has_best, has_last)
    clock = Clock(CurveCopy().of(state.steps_per_second))
    return ReadRun(row, state, clock, _facts(row, state, clock, asides, letter, reader.bad_lines))


class _Asides:
    """What the fold of events doesn't keep: every validation by its step, when one was done again the newer one."""

    def __init__(self) -> None:
        self.validated: dict[int, e.Validated] = {}
        self.rollbacks = 0

    def take(self, event: e.AnyEvent) -> None:
        if isinstance(event, e.Validated):
            self.validated[event.step] = event
        elif isinstance(event, e.RolledBack):
            self.rollbacks += 1


def _facts(
    row: RunRow, state: RunState, clock: Clock, asides: _Asides, letter: str, unreadable: int
) -> RunFacts:  # fmt: skip
    started, info, preset = state.started, row.info, row.preset
    assert started is not None
    assert preset is not None
    validations = [_validation(asides.validated[step]) for step in state.segment_accuracy.steps]
    best = asides.validated.get(state.best_step) if state.best_step is not None else None
    deciding = DECIDING[preset.validation.best_by]
    return RunFacts(
        letter=letter,
        id=row.run.id,
        name=in_a_line(row.title),
        notes=in_a_line(row.labels.notes),
        tags=row.labels.tags,
        condition=row.condition,
        preset=preset,
        code=read_code(preset.encoder.file).text.decode(errors="replace")
        if isinstance(preset.encoder, OwnEncoder)
        else "",
        corpus=info.corpus,
        fingerprint=info.fingerprint,
        speakers=started.speakers,
        train_utterances=started.train_utterances,
        validation_utterances=started.validation_utterances,
        machine=Machine(
            started.device, started.device_name, started.precision, started.threads, started.ranks, info.versions
        ),
        step=state.step,
        steps=state.steps,
        best=_validation(best) if best else max(validations, key=lambda each: getattr(each, deciding)),
        validations=validations,
        began=state.began or info.created,
        ended=state.updated or info.created,
        seconds_trained=float(clock.places([state.step], "time")[0]) if clock.knows("time") else None,
        steps_per_second=_median(state.steps_per_second),
        utterances_per_second=median(each.utterances_per_second for each in validations),
        rollbacks=asides.rollbacks,
        findings=_findings(state.diagnoses),
        unreadable_lines=unreadable,
    )


def _validation(event: e.Validated) -> ValidationFacts:
    return ValidationFacts(
        event.step, event.loss, event.segment_accuracy, event.utterance_accuracy, event.utterances,
        event.utterances_per_second,
    )  # fmt: skip


def _median(rates: Curve) -> float | None:
    known = [rate for rate in rates.values if math.isfinite(rate)]
    return median(known) if known else None


def _findings(diagnoses: Iterable[e.Diagnosis]) -> list[Finding]:
    """What went wrong; notices are for whoever watches the run."""
    return [
        Finding(each.step, each.severity, in_a_line(each.finding)) for each in diagnoses if each.severity != "notice"
    ]


def in_a_line(text: str) -> str:
    """Text that may stand in a table's cell."""
    return " ".join(text.split())
