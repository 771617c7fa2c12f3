"""Who speaks when, as letters: each second is told, colours add nothing, and an hour fits the screen."""

from __future__ import annotations

import pytest

from engine.use.identification import Window
from spk_tui.timeline_strip import MOST_ROWS, clock, strip


def windows(signs: str) -> list[Window]:
    """A window for each sign: a speaker's name is the letter, "?" a stranger, "." silence."""
    return [
        Window(float(second), None if sign in "?." else f"speaker {sign}", None if sign == "." else 0.5)
        for second, sign in enumerate(signs)
    ]


def test_each_second_is_a_letter_and_the_legend_counts_them() -> None:
    rows = [row.plain for row in strip(windows("yyy.x?xxxxx"), 80)]
    assert rows[0].split() == ["0:00", "BBB·A?AAAAA"]
    assert [" ".join(row.split()) for row in rows[1:]] == [
        "A speaker x 0:06 55%",
        "B speaker y 0:03 27%",
        "? unknown 0:01 9%",
        "· silence 0:01 9%",
        "A letter is 1 s.",
    ]


def test_rows_begin_with_their_time_and_letters_alone_tell_everything() -> None:
    rows = strip(windows("x" * 70 + "y" * 30), 80)
    assert [row.plain.split()[0] for row in rows[:2]] == ["0:00", "1:00"]
    assert rows[1].plain.split()[1] == "A" * 10 + "B" * 30


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("seconds", [1, 59, 3600, 5 * 3600])
def test_any_length_fits_any_width(width: int, seconds: int) -> None:
    rows = strip(windows("xxy?." * (seconds // 5 + 1)), width)
    assert max(len(row.plain) for row in rows) <= width
    assert sum(":" in row.plain and "%" not in row.plain for row in rows) <= MOST_ROWS


def test_a_letter_of_several_seconds_is_that_of_most_of_them() -> None:
    rows = [row.plain for row in strip(windows("xyyyy" * 400), 40)]
    letters = "".join(row.split()[1] for row in rows if "%" not in row and ":" in row)
    assert "A letter is 10 s." in rows[-1]
    assert letters == "A" * 200
    assert rows[-3].split()[2] == "y"


def test_more_speakers_than_letters_are_others() -> None:
    names = [chr(ord("a") + place) for place in range(26)] + ["0", "1"]
    rows = [row.plain for row in strip(windows("".join(names)), 80)]
    assert any(row.split()[:2] == ["+", "others"] for row in rows)


def test_places_are_told_as_clocks_do() -> None:
    assert [clock(seconds) for seconds in (0, 65.2, 3725)] == ["0:00", "1:05", "1:02:05"]
