"""The drawing of charts: for any data in any view the rows and columns asked for, and in them what one must see."""

from __future__ import annotations

import math
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spk_tui.arranging import arranged
from spk_tui.chart_axes import log_ticks, ticks, time_label, time_ticks
from spk_tui.chart_drawing import SMALLEST_HEIGHT, SMALLEST_WIDTH, draw, drawn
from spk_tui.charts import POINTS, Chart, Line, Point, Reference, View
from spk_tui.dot_canvas import Marker
from spk_tui.series import Clock, Series
from spk_tui.wording import learning_rate

MARKERS: list[Marker] = ["braille", "block", "ascii"]
LOGARITHMIC = View(logarithmic=frozenset({"c"}))

anything = st.floats(allow_nan=True, allow_infinity=True)
tame = st.floats(-10, 10)
sizes = st.tuples(st.integers(0, 220), st.integers(0, 60))
series = st.one_of(
    st.builds(Series, st.lists(anything, max_size=40), st.lists(anything, max_size=40)),
    st.lists(st.one_of(anything, tame), max_size=40).map(
        lambda some: Series([50.0 * n for n in range(len(some))], some)
    ),
    st.builds(lambda value, length: Series(range(length), [value] * length), anything, st.integers(1, 40)),
)
clocks = st.builds(Clock, series, st.just(0.0) | st.floats(1e-3, 1e6))
lines = st.builds(
    Line, st.sampled_from("abcd"), st.just("train"), series, st.sampled_from(POINTS), noisy=st.booleans(),
    best=st.sampled_from(["", "highest", "lowest"]), clock=clocks,
)  # fmt: skip
charts = st.builds(
    Chart, st.just("c"), st.lists(lines, max_size=3, unique_by=lambda line: line.label).map(tuple),
    st.integers(0, 10**9), st.none() | anything, st.none() | anything,
    st.lists(st.builds(Reference, anything, st.text(max_size=12)), max_size=2).map(tuple),
    st.sampled_from([Chart.tick_format, learning_rate]),
)  # fmt: skip
windows = st.tuples(st.floats(-1e18, 1e18), st.floats(1e-12, 1e15)).map(lambda some: (some[0], some[0] + some[1]))
views = st.builds(
    View, st.sampled_from(["step", "time", "epoch"]), st.none() | windows.filter(lambda window: window[0] < window[1]),
    st.sampled_from([0.0, 0.5, 0.999]), st.sets(st.sampled_from("ab")).map(frozenset),
    st.sampled_from([frozenset(), frozenset({"c"})]),
)  # fmt: skip


def curve(*values: float, apart: float = 100.0, marker: Point = "", **more: object) -> Line:
    steps = tuple(apart * place for place in range(len(values)))
    return Line("t", "train", Series(steps, values), marker, **more)  # type: ignore[arg-type]


def rows_of(chart: Chart, width: int, height: int, view: View | None = None, marker: Marker = "braille") -> list[str]:
    return draw(chart, width, height, view=view, marker=marker).plain.split("\n")


def cells(rows: list[str]) -> list[tuple[int, int]]:
    """Row and column of every cell with a dot in it."""
    return [(y, x) for y, row in enumerate(rows) for x, cell in enumerate(row) if "⠀" < cell <= "⣿"]


@settings(max_examples=200, deadline=None)
@given(charts, views, sizes, st.sampled_from(MARKERS), st.none() | anything)
def test_any_data_in_any_view_gives_the_rows_and_columns_that_were_asked_for(
    chart: Chart, view: View, size: tuple[int, int], marker: Marker, cursor: float | None
) -> None:
    width, height = size
    rows = drawn(arranged(chart, view, width), width, height, marker=marker, cursor=cursor).rows
    assert len(rows) == height
    assert {sum(len(text) for text, _ in row) for row in rows} <= {width}


@settings(max_examples=60, deadline=None)
@given(st.lists(tame, min_size=1, max_size=60), st.integers(30, 200), st.integers(8, 50))
def test_every_curve_of_finite_values_is_seen(values: list[float], width: int, height: int) -> None:
    assert cells(rows_of(Chart("c", (curve(*values),)), width, height))


@settings(deadline=None)
@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.integers(1, 30), st.sampled_from([ticks, time_ticks]))
def test_ticks_are_few_in_order_and_inside(low: float, high: float, about: int, choose) -> None:  # type: ignore[no-untyped-def]
    if choose is time_ticks and not high > low:
        return
    places = choose(low, high, about)
    assert places == sorted(places)
    if high > low:
        slack = 1e-6 * (high - low) + 1e-9 * max(abs(low), abs(high))
        assert len(places) <= about + 2
        assert all(low - slack <= place <= high + slack for place in places)


@settings(deadline=None)
@given(st.floats(-14, 14), st.floats(0.001, 28), st.integers(2, 12))
def test_ticks_of_a_logarithmic_axis_are_few_in_order_and_inside(decade: float, decades: float, about: int) -> None:
    low, high = 10.0**decade, 10.0 ** min(15.0, decade + decades)
    places = log_ticks(low, high, about)
    assert places
    assert all(one < other for one, other in pairwise(places))
    assert len(places) <= about + 3
    assert all(low * (1 - 1e-6) <= place <= high * (1 + 1e-6) for place in places)


def test_a_logarithmic_axis_is_honest() -> None:
    """Each label stands where the curve has its value: a curve through the decades is a straight line."""
    line = curve(*(10.0**place for place in range(-3, 4)))
    rows = rows_of(Chart("c", (line,), tick_format="{:g}".format), 60, 21, LOGARITHMIC)
    labels = {float(row.split()[0]): y for y, row in enumerate(rows[:-1]) if row[:6].strip()}
    assert {0.001, 1.0, 1000.0} <= labels.keys()
    gaps = [other - one for one, other in pairwise(y for _, y in sorted(labels.items()))]
    assert max(gaps) - min(gaps) <= 1
    heights = {x: y for y, x in cells(rows)}
    middle = [heights[x] for x in sorted(heights)]
    assert middle == sorted(middle, reverse=True)


def test_the_logarithm_of_nothing_is_no_point() -> None:
    assert "nothing above zero here" in "".join(rows_of(Chart("c", (curve(0.0, -1.0),)), 60, 9, LOGARITHMIC))
    with_zero, without = (Chart("c", (curve(*values),)) for values in ((1.0, 10.0, 0.0), (1.0, 10.0, math.nan)))
    assert rows_of(with_zero, 60, 9, LOGARITHMIC) == rows_of(without, 60, 9, LOGARITHMIC)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_no_number_leaves_the_others(value: float) -> None:
    with_it = Line("t", "train", Series((0.0, 100.0, 200.0, 300.0), (1.0, value, 2.0, 3.0)))
    without = Line("t", "train", Series((0.0, 200.0, 300.0), (1.0, 2.0, 3.0)))
    assert rows_of(Chart("c", (with_it,)), 60, 15) == rows_of(Chart("c", (without,)), 60, 15)


def test_a_rising_curve_rises() -> None:
    found = cells(rows_of(Chart("c", (curve(*(step / 100 for step in range(100))),), lowest=0.0), 80, 20))
    top_left, top_right = (min(y for y, x in found if x in columns) for columns in (range(10), range(70, 80)))
    assert top_right < top_left - 10


def test_a_constant_lies_on_one_row_in_the_middle() -> None:
    rows = {y for y, _ in cells(rows_of(Chart("c", (curve(0.5, 0.5),)), 80, 21))}
    assert len(rows) == 1
    assert 6 <= rows.pop() <= 14


def test_nothing_is_told_and_no_room_is_blank() -> None:
    one = Chart("c", (curve(0.0, 1.0),))
    assert rows_of(Chart("c"), 40, 5)[2].strip() == "no points yet"
    assert rows_of(one, 40, 5, View(hidden=frozenset("t")))[2].strip() == "all curves are hidden"
    assert rows_of(one, 40, 5, View(window=(1e6, 2e6)))[2].strip() == "no points here"
    assert rows_of(one, SMALLEST_WIDTH - 1, 5) == [" " * (SMALLEST_WIDTH - 1)] * 5
    assert rows_of(one, 80, SMALLEST_HEIGHT - 1) == [" " * 80] * (SMALLEST_HEIGHT - 1)
    assert rows_of(one, 80, 0) == [""]


def test_the_axis_ends_with_the_run_once_that_is_near() -> None:
    def last_label(until: float, steps: int) -> str:
        return rows_of(Chart("c", (curve(0.0, 1.0, apart=until),), steps), 80, 10)[-1].split()[-1]

    assert last_label(49_000.0, 50_000) == "50k"
    assert last_label(2000.0, 50_000) == "2k"


def test_the_axis_counts_steps_seconds_or_epochs() -> None:
    clock = Clock(Series((0.0, 3600.0), (1.0, 1.0)), steps_per_epoch=360.0)
    chart = Chart("c", (curve(0.0, 1.0, apart=3600.0, clock=clock),))
    below = {axis: rows_of(chart, 80, 10, View(axis))[-1].split() for axis in ("step", "time", "epoch")}  # type: ignore[arg-type]
    assert below["step"][-1] == "3k"
    assert below["time"][-2:] == ["1", "h"]
    assert below["epoch"][-1] == "10"
    assert [time_label(seconds) for seconds in (0, 30, 90, 5400, 172_800)] == ["0", "30 s", "1.5 min", "1.5 h", "2 d"]


def test_the_styles_are_those_of_the_roles() -> None:
    noisy = curve(*(0.5 + 0.4 * (-1) ** place for place in range(60)), noisy=True)
    drawing = draw(Chart("c", (noisy,), references=(Reference(0.7, "theirs"),)), 60, 12, view=View(smoothing=0.9))
    assert {"train", "train behind", "reference", "axis"} <= {style for row in drawing.rows for _, style in row}
    assert "theirs" in drawing.plain


def test_what_was_measured_lies_behind_what_is_smoothed_and_the_range_holds_it() -> None:
    values = [1.0] * 50
    values[25] = 9.0
    chart = Chart("c", (curve(*values, noisy=True),))
    plot = arranged(chart, View(smoothing=0.9))
    assert plot.traces[0].raw_y.max() == 9.0
    assert plot.traces[0].y.max() < 3.0
    assert plot.upward[1] > 9.0
    assert len(arranged(chart).traces[0].raw_y) == 0


@pytest.mark.parametrize("marker", MARKERS)
def test_the_best_point_has_a_star_and_its_value(marker: Marker) -> None:
    line = curve(0.1, 0.4, 0.62, 0.5, 0.55, best="highest", say=lambda value: f"{value:.4f}")
    rows = rows_of(Chart("c", (line,)), 60, 14, marker=marker)
    assert any(("*" if marker == "ascii" else "★") in row for row in rows)
    assert any("0.6200" in row for row in rows)
    zoomed = rows_of(Chart("c", (line,)), 60, 14, View(window=(300.0, 400.0)), marker)
    assert not any("0.6200" in row for row in zoomed)


def test_curves_are_told_apart_without_colours() -> None:
    both = Chart(
        "c", (curve(*([0.2] * 9), marker="circle"), Line("u", "plain", Series(range(9), [0.8] * 9), "triangle"))
    )
    braille, plain = rows_of(both, 60, 14), rows_of(both, 60, 14, marker="ascii")
    assert {"●", "▲"} <= set("".join(braille))
    assert {"o", "^"} <= set("".join(plain))
    assert "".join(plain).isascii()


@pytest.mark.parametrize("marker", MARKERS)
def test_no_letter_takes_two_columns(marker: Marker) -> None:
    chart = Chart("c", (curve(*range(9), marker="diamond", best="highest"),), references=(Reference(3.0, "r"),))
    assert all(
        unicodedata.east_asian_width(letter) not in "WF"
        for row in rows_of(chart, 60, 14, None, marker)
        for letter in row
    )


def test_a_window_shows_its_part_and_reads_values_there() -> None:
    line = curve(*range(101), apart=10.0)
    plot = arranged(Chart("c", (line,), lowest=0.0), View(window=(500.0, 600.0)))
    trace = plot.traces[0]
    assert (trace.y.min(), trace.y.max()) == (50.0, 60.0)
    assert plot.upward[0] > 40.0, "bounds are for the whole, a window fits what is in it"
    assert trace.at(553.0, "step") == 55.0
    assert trace.at(5000.0, "step") is None


def test_a_cursor_is_a_line_from_top_to_bottom() -> None:
    plot = arranged(Chart("c", (curve(0.0, 1.0),)))
    rows = drawn(plot, 60, 14, cursor=50.0).rows
    assert sum(any(style == "cursor" for _, style in row) for row in rows) >= 12


@settings(deadline=None)
@given(st.floats(0.1, 10), st.floats(0, 1e5), st.floats(-1e6, 1e6), st.floats(0.05, 0.95))
def test_zoom_and_pan_stay_within_the_whole(factor: float, around: float, distance: float, share: float) -> None:
    whole, view = (0.0, 1e5), View(window=(2e4, 6e4))
    seen = view.zoomed(factor, whole, around).panned(distance, whole).window
    if seen is not None:
        assert -1e-6 <= seen[0] < seen[1] <= 1e5 * (1 + 1e-9)
    place = 2e4 + share * 4e4
    closer = view.zoomed(0.5, whole, place).window
    assert closer is not None
    assert (place - closer[0]) / (closer[1] - closer[0]) == pytest.approx(share, abs=1e-6)
