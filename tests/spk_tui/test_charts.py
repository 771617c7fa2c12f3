"""The chart adapter: whatever the data, it draws exactly the rows and columns asked for and never raises."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk_tui.charts import SMALLEST_HEIGHT, SMALLEST_WIDTH, Chart, Line, draw, ticks
from spk_tui.series import Series
from spk_tui.wording import learning_rate

COLOURS = {"train": (139, 164, 224), "segments": (226, 179, 107), "axis": (90, 95, 105), "reference": (120, 120, 120)}

ROLES: list[tuple[str, ...]] = [(), ("train",), ("train", "segments")]

anything = st.floats(allow_nan=True, allow_infinity=True)
tame = st.floats(-10, 10)
sizes = st.tuples(st.integers(0, 220), st.integers(0, 60))


@st.composite
def some_series(draw_from: st.DrawFn) -> Series:
    """A curve: wild, tame, constant, or of one point; sometimes of unequal lengths."""
    values = draw_from(
        st.one_of(
            st.lists(anything, max_size=40),
            st.lists(tame, max_size=40),
            st.builds(lambda value, length: [value] * length, anything, st.integers(1, 40)),
        )
    )
    steps = draw_from(
        st.one_of(st.just([50.0 * place for place in range(len(values))]), st.lists(anything, max_size=len(values) + 1))
    )
    return Series(tuple(steps), tuple(values))


@st.composite
def some_chart(draw_from: st.DrawFn) -> Chart:
    """A chart of up to two curves with any bounds and any reference."""
    bound = st.none() | anything
    return Chart(
        "any",
        tuple(Line(role, role, draw_from(some_series())) for role in draw_from(st.sampled_from(ROLES))),
        draw_from(st.integers(0, 10**9)),
        draw_from(bound),
        draw_from(bound),
        draw_from(bound),
        tick_format=draw_from(st.sampled_from([Chart.tick_format, learning_rate])),
    )


def rows_of(chart: Chart, width: int, height: int) -> list[str]:
    return draw(chart, width, height, COLOURS).plain.split("\n")


def braille(rows: list[str]) -> list[tuple[int, int]]:
    """Row and column of every cell with a dot in it."""
    return [(y, x) for y, row in enumerate(rows) for x, cell in enumerate(row) if "⠀" < cell <= "⣿"]


@settings(max_examples=100, deadline=None)
@given(some_chart(), sizes)
def test_any_data_gives_the_rows_and_columns_that_were_asked_for(chart: Chart, size: tuple[int, int]) -> None:
    width, height = size
    rows = rows_of(chart, width, height)
    assert len(rows) == max(1, height)
    has_room = width >= SMALLEST_WIDTH and height >= SMALLEST_HEIGHT
    assert {len(row) for row in rows} == ({width} if has_room and not chart.is_empty else {0})


@settings(max_examples=60, deadline=None)
@given(st.lists(tame, min_size=1, max_size=60), st.integers(30, 200), st.integers(8, 50))
def test_every_curve_of_finite_values_is_seen(values: list[float], width: int, height: int) -> None:
    series = Series(tuple(100.0 * place for place in range(len(values))), tuple(values))
    assert braille(rows_of(Chart("curve", (Line("train", "train", series),)), width, height))


@settings(deadline=None)
@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.integers(1, 30))
def test_ticks_are_few_in_order_and_inside(low: float, high: float, about: int) -> None:
    places = ticks(low, high, about)
    assert places == sorted(places)
    if high > low:
        slack = 1e-6 * (high - low) + 1e-9 * max(abs(low), abs(high))
        assert len(places) <= about + 2
        assert all(low - slack <= place <= high + slack for place in places)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_no_number_leaves_the_others(value: float) -> None:
    series = Series((0.0, 100.0, 200.0, 300.0), (1.0, value, 2.0, 3.0))
    without = Series((0.0, 200.0, 300.0), (1.0, 2.0, 3.0))
    drawn, expected = (rows_of(Chart("c", (Line("t", "train", s),)), 60, 15) for s in (series, without))
    assert drawn == expected


def test_a_rising_curve_rises() -> None:
    series = Series(tuple(float(step) for step in range(100)), tuple(step / 100 for step in range(100)))
    cells = braille(rows_of(Chart("c", (Line("t", "train", series),), lowest=0.0), 80, 20))
    top_left, top_right = (min(y for y, x in cells if x in columns) for columns in (range(10), range(70, 80)))
    assert top_right < top_left - 10


def test_a_constant_lies_on_one_row_in_the_middle() -> None:
    series = Series((0.0, 1000.0), (0.5, 0.5))
    rows = {y for y, _ in braille(rows_of(Chart("c", (Line("t", "train", series),)), 80, 21))}
    assert len(rows) == 1
    assert 6 <= rows.pop() <= 14


def test_nothing_and_no_room_are_blank() -> None:
    one = Chart("c", (Line("t", "train", Series((0.0, 1.0), (0.0, 1.0))),))
    assert rows_of(Chart("c"), 80, 5) == [""] * 5
    assert rows_of(one, 15, 5) == [""] * 5
    assert rows_of(one, 80, 3) == [""] * 3
    assert rows_of(one, 80, 0) == [""]


def test_the_axis_ends_with_the_run_once_that_is_near() -> None:
    def labels(until: float, steps: int) -> list[str]:
        series = Series((0.0, until), (0.0, 1.0))
        return rows_of(Chart("c", (Line("t", "train", series),), steps), 80, 10)[-1].split()

    assert labels(49_000.0, 50_000)[-1] == "50k"
    assert labels(2000.0, 50_000)[-1] == "2k"


def test_the_colours_are_those_of_the_roles() -> None:
    series = Series((0.0, 100.0), (0.0, 1.0))
    text = draw(Chart("c", (Line("t", "train", series),), reference=0.5), 60, 12, COLOURS)
    colours = {tuple(span.style.color.triplet) for span in text.spans if getattr(span.style, "color", None)}  # type: ignore[union-attr,arg-type]
    assert COLOURS["train"] in colours
    assert COLOURS["reference"] in colours
