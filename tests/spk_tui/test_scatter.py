"""The scatter: whatever the numbers, exactly the rows and columns asked for, and each point where it belongs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spk_tui.scatter import SMALLEST_HEIGHT, SMALLEST_WIDTH, Limit, Point, draw_scatter
from spk_tui.wording import short_count

anything = st.floats(allow_nan=True, allow_infinity=True)
names = st.text(max_size=30)
some_points = st.lists(st.builds(Point, st.sampled_from("ABC"), names, anything, anything), max_size=6)
some_limits = st.lists(st.builds(Limit, anything, names), max_size=2)


def text_of(points: list[Point], limits: list[Limit], width: int, height: int) -> list[str]:
    rows = draw_scatter(points, limits, width, height, short_count)
    return ["".join(text for text, _ in row) for row in rows]


def place_of(rows: list[str], letter: str) -> tuple[int, int]:
    (found,) = [(row, line.index(letter)) for row, line in enumerate(rows) if letter in line]
    return found


@given(some_points, some_limits, st.integers(0, 120), st.integers(0, 40))
def test_it_fills_exactly_its_place(points: list[Point], limits: list[Limit], width: int, height: int) -> None:
    rows = text_of(points, limits, width, height)
    assert [len(row) for row in rows] == [width] * height


@given(st.floats(1, 1e9), st.floats(0, 1), st.floats(0, 1))
def test_a_point_stands_with_its_letter_and_name(cost: float, reached: float, other: float) -> None:
    rows = text_of([Point("A", "first", cost, reached), Point("B", "second", 2 * cost, other)], [], 80, 20)
    row_a, column_a = place_of(rows, "A")
    row_b, column_b = place_of(rows, "B")
    assert column_a < column_b
    if abs(reached - other) > 0.01:
        assert (row_a < row_b) == (reached > other)
    assert any("first" in row for row in rows)
    assert any("second" in row for row in rows)


def test_the_budget_is_a_line_between_what_fits_and_what_does_not() -> None:
    points = [Point("A", "small", 150_000, 0.6), Point("B", "large", 450_000, 0.9)]
    rows = text_of(points, [Limit(300_000, "budget 300,000")], 80, 20)
    columns = {line.index("┊") for line in rows if "┊" in line}
    assert len(columns) == 1
    assert place_of(rows, "A")[1] < columns.pop() < place_of(rows, "B")[1]
    assert any("budget 300,000" in line for line in rows)


def test_without_room_or_points_it_is_blank() -> None:
    for points, width, height in (([], 80, 20), ([Point("A", "a", 1, 1)], SMALLEST_WIDTH - 1, 20),
                                  ([Point("A", "a", 1, 1)], 80, SMALLEST_HEIGHT - 1)):  # fmt: skip
        assert not "".join(text_of(points, [], width, height)).strip()


def test_names_never_cover_a_point() -> None:
    points = [Point(letter, "the very same name", 100_000.0 + place, 0.5) for place, letter in enumerate("VWXYZ")]
    rows = text_of([*points, Point("Q", "far", 200_000, 0.9)], [], 60, 12)
    assert "Q" in "".join(rows)
    assert "Z" in "".join(rows)
