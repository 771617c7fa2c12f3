"""Looking through a log: words that a line must all have, and kinds of lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs import events as e
from spk_tui.log_filter import LogFilter
from spk_tui.log_lines import LogLine, Narrator

DIAGNOSIS = LogLine(0, "step 7: the loss stands still", "warning", "lower the rate", "diagnosis")
BEST = LogLine(0, "step 50: best model saved", "good", "", "best")


@pytest.mark.parametrize(
    ("typed", "hits"),
    [
        ("", (True, True)), ("STEP", (True, True)), ("loss still", (True, False)), ("lower", (True, False)),
        ("diagnosis", (True, False)), ("Best", (False, True)), ("diagnosis best", (True, True)),
        ("diagnosis loss", (True, False)), ("diagnosis saved", (False, False)), ("loss saved", (False, False)),
    ],
)  # fmt: skip
def test_a_line_is_a_hit_when_it_has_all_words_and_is_of_one_of_the_kinds(typed: str, hits: tuple[bool, bool]) -> None:
    wanted = LogFilter.of(typed)
    assert (wanted.takes(DIAGNOSIS), wanted.takes(BEST)) == hits
    assert bool(wanted) == bool(typed)


@given(text=st.text(max_size=30), typed=st.text(max_size=5))
def test_a_place_that_is_marked_holds_a_word_that_was_typed(text: str, typed: str) -> None:
    wanted = LogFilter.of(typed)
    for start, end in wanted.places(text):
        assert text[start:end].casefold() in wanted.words


def test_each_event_gets_a_line_of_its_kind() -> None:
    kinds = {
        "diagnosis": e.Diagnosis(severity="notice", finding="x"),
        "best": e.Checkpoint(kind="best", path="p", accuracy=0.5),
        "answer": e.Answered(request="1", ok=False, message="no"),
        "phase": e.Paused(),
    }
    lines = {kind: Narrator().tell(event) for kind, event in kinds.items()}
    assert {kind: line.kind for kind, line in lines.items() if line} == {kind: kind for kind in kinds}
