"""Labels: what is written on a run stays beside what others write, and is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.runs.directory import Labels
from spk_tui.labelling import label, noted, renamed, tagged, tags_in
from tests.spk_tui.run_directories import new_run


def test_each_change_leaves_the_others_alone(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    label(run, renamed("  first\ttry "), tagged(["good", "course"]))
    label(run, noted("slow start\nthen steady\n"))
    label(run, tagged(["best", "good"], ["course"]))
    assert run.labels() == Labels(name="first try", notes="slow start\nthen steady", tags=["good", "best"])
    assert label(run, renamed(""), noted("")) == Labels(tags=["good", "best"])


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40), unique=True))
def test_tags_are_read_as_they_are_written(tags: list[str]) -> None:
    assert tags_in(" ".join(f"#{tag}" for tag in tags)) == tags
    assert tags_in(", ".join(tags)) == tags


@pytest.mark.parametrize("text", ["x" * 41, "a\x1b[31m"])
def test_what_is_no_word_is_no_tag(text: str) -> None:
    with pytest.raises(InputError, match="a tag is a word"):
        tags_in(text)


def test_a_name_that_would_break_a_list_is_refused() -> None:
    for name in ("x" * 81, "a\x1bb"):
        with pytest.raises(InputError, match="a name has at most 80 letters"):
            renamed(name)


def test_labels_that_cannot_be_read_are_not_overwritten(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.labels_path.write_text('{"notes": "half a no')
    with pytest.raises(InputError, match=r"labels\.json: can't be read as labels"):
        label(run, noted("another"))
    assert run.labels_path.read_text() == '{"notes": "half a no'


def test_a_run_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.delete()
    with pytest.raises(InputError, match="is gone"):
        label(run, noted("too late"))
    assert not run.path.exists()
