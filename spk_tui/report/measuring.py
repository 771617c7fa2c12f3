"""How good runs are and what each change between them did, with intervals.

A child process evaluates the best checkpoints; where that can't be done, the runs' own logs have to do. Two runs are
compared on the same utterances as long as neither was trained on what the other one holds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.corpus.reporting import Report as Progress
from engine.corpus.reporting import silently
from engine.errors import InputError
from engine.use.results import Evaluation
from spk_tui.report import intervals
from spk_tui.report.describing import settings
from spk_tui.report.facts import Change, Difference, Ground, Measured, RunFacts, Value
from spk_tui.report.reading import ReadRun, in_a_line
from spk_tui.wording import corpus_words


def nearest_before(place: int, settings: Sequence[int]) -> int:
    """Which earlier run to compare one with: the one that differs in the fewest settings, of equal ones the latest."""
    return min(range(place), key=lambda earlier: (settings[earlier], -earlier))


def changed_settings(before: ReadRun, after: ReadRun) -> dict[str, tuple[Value, Value]]:
    """The settings in which two runs differ, with both values; None where a run has no such key."""
    one, other = _settings(before), _settings(after)
    keys = dict.fromkeys([*other, *one])
    return {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}


def _settings(run: ReadRun) -> dict[str, Value]:
    """A preset's keys, and what it doesn't say: the corpus, what a user's own encoder is, what was resolved."""
    info, machine = run.row.info, run.facts.machine
    code = f"{info.encoder_file} {info.encoder_sha256[:8]}" if info.encoder_file else None
    return {
        "corpus": corpus_words(info.corpus),
        "encoder.file": code,
        **settings(run.facts.preset, every_key=True),
        "used device": machine.device,
        "used precision": machine.precision,
    }


class Evaluator:
    """Evaluates the runs of one report, each with the one before it that it is compared with.

    data: a corpus to look at instead of each run's own; where that can't be used, `InputError` is raised. With `logged`
    nothing is computed.
    """

    def __init__(self, data: str | None, device: str, *, logged: bool = False, progress: Progress = silently) -> None:
        self._data, self._device, self._logged, self._progress = data, device, logged, progress

    def measure(self, run: ReadRun) -> Measured:
        """The accuracies of one run."""
        return self._measured(run, None)[0]

    def compare(self, after: ReadRun, before: ReadRun, was: Measured) -> tuple[Measured, Change]:
        """The accuracies of a run, and what changed since `before`, whose accuracies are `was`."""
        ground = common_ground(before.facts, after.facts, elsewhere=self._data is not None)
        pair = before if ground == "paired" and was.evaluated else None
        measured, found = self._measured(after, pair)
        difference: Difference | None = None
        if found is not None and found.against is not None:
            gap = found.against
            difference = Difference(gap.segments.top1, gap.whole.top1, gap.whole.utterances)
        elif ground in ("paired", "other utterances"):
            ground = "logged" if ground == "paired" else ground
            difference = _apart(after.facts, before.facts, measured, was)
        changed = changed_settings(before, after)
        return measured, Change(before.facts.letter, after.facts.letter, changed, ground, difference)

    def _measured(self, run: ReadRun, against: ReadRun | None) -> tuple[Measured, Evaluation | None]:
        if self._logged:
            return logged(run.facts, ""), None
        try:
            found = self._evaluation(run, against)
        except InputError as error:
            if self._data is not None:  # which the user named, and can correct
                raise
            return logged(run.facts, in_a_line(str(error))), None
        corpus = found.corpus
        top = (found.segments.top1, found.whole.top1)
        return Measured(*top, found.whole.utterances, True, corpus, found.notes), found

    def _evaluation(self, run: ReadRun, against: ReadRun | None) -> Evaluation:
        from engine.saved_model import read_saved
        from engine.use.client import ask
        from engine.use.finding import find_checkpoint
        from spk_tui.model_orders import evaluation_order

        found = find_checkpoint(run.row.run.path)
        other = str(find_checkpoint(against.row.run.path).path) if against else ""
        order = evaluation_order(found, read_saved(found.path), self._data, None, "validation", other, self._device)
        letter = run.facts.letter
        return ask(order, Evaluation, lambda stage, *rest: self._progress(f"{letter}: {stage}", *rest))


def logged(run: RunFacts, why: str) -> Measured:
    """The accuracies of the run's own best validation."""
    segments = intervals.binomial(run.best.segment_accuracy, run.best.utterances)
    whole = intervals.binomial(run.best.utterance_accuracy, run.best.utterances)
    return Measured(segments, whole, run.best.utterances, False, run.corpus, [], why)


def common_ground(before: RunFacts, after: RunFacts, *, elsewhere: bool = False) -> Ground:
    """On what two runs can be compared: the same utterances, or each on its own. `elsewhere`: on another corpus."""
    if not elsewhere and (_corpus(before), before.fingerprint) != (_corpus(after), after.fingerprint):
        return "other corpus"
    if _without(before.preset.data, "layout") != _without(after.preset.data, "layout"):
        return "other speakers"
    held_out = [_without(each.preset.validation, "every", "best_by") for each in (before, after)]
    return "paired" if held_out[0] == held_out[1] else "other utterances"


def _corpus(run: RunFacts) -> str:
    return "" if run.fingerprint else str(Path(run.corpus).absolute())


def _without(section: Any, *keys: str) -> dict[str, Any]:
    import msgspec

    return {key: value for key, value in msgspec.to_builtins(section).items() if key not in keys}


def _apart(after: RunFacts, before: RunFacts, measured: Measured, was: Measured) -> Difference:
    """The difference of two accuracies that were measured apart: both evaluated, or else both as logged."""
    if not (measured.evaluated and was.evaluated):
        measured, was = logged(after, ""), logged(before, "")
    return Difference(
        intervals.difference(measured.segments, was.segments),
        intervals.difference(measured.whole, was.whole),
        min(measured.utterances, was.utterances),
    )
