"""The log in sentences: which events get a line, how it reads, and in which tone."""

from __future__ import annotations

from typing import Literal

import pytest

from engine.runs import events as e
from spk_tui.log_lines import Narrator

VALIDATED = e.Validated(
    step=500, loss=1.2344, segment_accuracy=0.5, utterance_accuracy=0.625, utterances_per_second=9, utterances=8
)


def finished(reason: Literal["completed", "stopped"]) -> e.Finished:
    return e.Finished(step=9, reason=reason, best_accuracy=None, best_step=None, run="")


@pytest.mark.parametrize(
    ("event", "tone", "text"),
    [
        (e.Checkpoint(step=50_000, kind="best", path="p", accuracy=0.62994), "good",
         "step 50000: best model saved (accuracy 0.6299)"),
        (VALIDATED, "plain", "step 500: validation loss 1.234, accuracy 0.5000 by segment, 0.6250 by utterance"),
        (e.Diagnosis(step=7, severity="error", finding="loss is infinite"), "error", "step 7: loss is infinite"),
        (e.Answered(request="1", ok=False, message="no room on the disk"), "warning", "no room on the disk"),
        (e.Paused(step=9), "notice", "step 9: paused"),
        (e.Continued(step=9), "plain", "step 9: training goes on"),
        (e.Stopping(step=9), "notice", "step 9: stopping; the state is being saved"),
        (e.Resumed(step=9, steps=1000, note="new rate"), "notice", "step 9: resumed towards 1,000: new rate"),
        (e.RolledBack(step=9, reason="it diverged"), "warning", "went back to step 9: it diverged"),
        (finished("completed"), "good", "step 9: all steps are done"),
        (finished("stopped"), "good", "step 9: stopped as asked, state saved"),
        (e.Failed(step=9, cause="error", message="out of memory"), "error", "step 9: out of memory"),
    ],
)  # fmt: skip
def test_what_happened_reads_like_this(event: e.AnyEvent, tone: str, text: str) -> None:
    line = Narrator().tell(event)
    assert line is not None
    assert (line.text, line.tone) == (text, tone)


@pytest.mark.parametrize(
    "event",
    [
        e.Progress(steps=1, steps_per_second=1, loss=1, accuracy=1, learning_rate=1, gradient_norm=1),
        e.Validating(done=1, total=2, utterances_per_second=1, accuracy=1, loss=1),
        e.Resources(processor_load=1, memory_bytes=1),
        e.Checkpoint(kind="last", path="p", accuracy=0.5),
    ],
)
def test_what_charts_and_status_say_gets_no_line(event: e.AnyEvent) -> None:
    assert Narrator().tell(event) is None


def test_a_diagnosis_carries_its_advice() -> None:
    line = Narrator().tell(e.Diagnosis(step=7, severity="warning", finding="slow", advice="use fewer threads"))
    assert line is not None
    assert line.advice == "use fewer threads"


def test_a_stage_of_preparation_is_told_once_and_again_when_it_comes_back() -> None:
    narrator = Narrator()
    told = [
        narrator.tell(e.Preparing(stage=stage, done=done, total=30, unit="utterances"))
        for stage, done in (("speaking", 1), ("speaking", 30), ("packing", 0), ("packing", 9))
    ]
    assert [line.text if line else None for line in told] == [
        "speaking (30 utterances)", None, "packing (30 utterances)", None,
    ]  # fmt: skip
    narrator.tell(e.Queued(process=1))
    assert narrator.tell(e.Preparing(stage="packing", done=0, total=0)) is not None


def test_a_request_that_is_met_is_told_by_what_it_brings_about_alone() -> None:
    assert Narrator().tell(e.Answered(request="1", ok=True, message="paused")) is None
