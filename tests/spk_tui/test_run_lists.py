"""Which runs a list shows and in which order, on the screen as on the command line; and the sparkline of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.preset_library import find_preset
from engine.runs.directory import Labels
from spk_tui.run_filter import FIELDS, parse
from spk_tui.run_order import ORDERS, in_order
from spk_tui.run_rows import RunRow
from spk_tui.tracked_run import TrackedRun
from spk_tui.wording import SPARKS, sparkline
from tests.spk_tui.run_directories import BEGAN, finished_run, new_run


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[RunRow]:
    """Four runs, the oldest first: a good one, a stopped one, one without a step, and one without a readable preset."""
    folder = tmp_path_factory.mktemp("runs")
    good = finished_run(folder, until=6000, name="a")
    good.write_labels(Labels(name="first try", notes="slow start", tags=["Good", "course"]))
    conformer = find_preset("conformer-225k")
    stopped = finished_run(
        folder, "stopped", until=2000, name="b", preset=conformer, corpus="/corpora/vox", created=BEGAN + 1
    )
    stopped.write_labels(Labels(tags=["not-good"]))
    begun = new_run(folder, "c", preset=conformer, created=BEGAN + 2)
    odd = finished_run(folder, until=4000, name="d", corpus="demo", created=BEGAN + 3)
    odd.preset_path.write_text("not TOML =")
    return [TrackedRun(run).read() for run in (good, stopped, begun, odd)]


def meant(rows: list[RunRow], text: str) -> str:
    return "".join(row.run.id for row in filter(parse(text), rows))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "abcd"),
        ("  ", "abcd"),
        ("tag:", "abcd"),
        ("tag:good", "a"),
        ("TAG:GOOD", "a"),
        ("tag:#good", "a"),
        ("tag:not", "b"),
        ("state:stop", "b"),
        ("preset:225", "bc"),
        ("corpus:vox", "b"),
        ("corpus:demo", "d"),
        ("encoder:conformer", "bc"),
        ("encoder:Transformer", "a"),
        ('name:"first try"', "a"),
        ('name:"first tr', "a"),
        ("note:slow run:a", "a"),
        ("note:slow run:b", ""),
        ("conformer vox", "b"),
        ("slow", "a"),
        ("nothing like it", ""),
    ],
)
def test_all_parts_of_a_filter_have_to_hold(rows: list[RunRow], text: str, names: str) -> None:
    assert meant(rows, text) == names


def test_a_key_that_runs_do_not_have_is_told_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"no 'tga:', did you mean 'tag'\? \(they have tag, state"):
        parse("tga:x")


@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["", *(f"{key}:" for key in FIELDS)]), st.text("abo7 -#é", max_size=4)), max_size=4
    )
)
def test_more_words_never_mean_more_runs(rows: list[RunRow], parts: list[tuple[str, str]]) -> None:
    texts = [f'{key}"{word}"' for key, word in parts]
    for row in rows:
        assert parse(" ".join(texts))(row) == all(parse(text)(row) for text in texts)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("newest", "dcba"),
        ("best", "adbc"),
        ("preset", "cbda"),
        ("corpus", "cabd"),
        ("steps", "adbc"),
        ("parameters", "dacb"),
        ("state", "cbda"),
    ],
)
def test_orders_put_equal_runs_the_newest_first_and_unknown_values_last(
    rows: list[RunRow], order: str, names: str
) -> None:
    assert "".join(row.run.id for row in in_order(rows, order)) == names


@pytest.mark.parametrize("order", ORDERS)
def test_backwards_leaves_unknown_values_last(rows: list[RunRow], order: str) -> None:
    backwards = in_order(rows, order, reverse=True)
    known = [row for row in backwards if ORDERS[order].of(row) is not None]
    assert backwards[: len(known)] == known
    values = [ORDERS[order].of(row) for row in known]
    assert values == sorted(values, reverse=not ORDERS[order].greatest_first)


@given(st.lists(st.floats(allow_nan=True), max_size=80), st.integers(0, 40))
def test_a_sparkline_is_never_wider_than_asked_and_ends_with_the_last_value(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) <= width
    assert set(line) <= set(SPARKS)
    shares = [value for value in values if 0 <= value <= 1]
    if shares and shares[-1] == max(shares) > 0 and width:
        assert sparkline(shares, width)[-1] == SPARKS[-1]
