"""Pictures of commands keep their size, leave out what can't be drawn, and tell groups apart without colours."""

from __future__ import annotations

import pytest

from spk_tui.plots import Axis, Group, colours_wanted, picture

ACROSS, UPWARD = Axis("false alarms", 0, 3, [(1, "one"), (2, "two")]), Axis("misses", 0, 3, [(1.5, "half")])


def test_a_picture_keeps_its_width_and_says_its_axes() -> None:
    rows = picture([Group("cosine", [0, 3], [3, 0])], ACROSS, UPWARD, 50, 12, colours=False).splitlines()
    assert max(map(len, rows)) <= 50
    assert rows[0] == "misses"
    assert rows[-1] == "⠒⠒ cosine"
    assert "one" in rows[-3]
    assert "two" in rows[-3]
    assert any(row.startswith("half") for row in rows)


def test_groups_are_told_by_their_letters_and_colours_are_extra() -> None:
    groups = [Group("Ann", [1, 1.2], [1, 2], "A"), Group("Bob", [2], [2], "B")]
    text = picture(groups, ACROSS, UPWARD, 50, 12, colours=False)
    canvas = "\n".join(row for row in text.splitlines() if "│" in row or "┤" in row)
    assert (canvas.count("A"), canvas.count("B")) == (2, 1)
    assert "\x1b" not in text
    assert "\x1b" in picture(groups, ACROSS, UPWARD, 50, 12, colours=True)


def test_what_cannot_be_drawn_is_left_out() -> None:
    groups = [Group("odd", [float("nan"), 1, 9, -1], [1, float("inf"), 1, 1], "X"), Group("none", [], [], "N")]
    text = picture(groups, ACROSS, UPWARD, 50, 12, colours=False)
    assert [row.count("X") for row in text.splitlines() if row.count("X")] == [1]  # in the legend


def test_no_colours_where_nobody_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert colours_wanted()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours_wanted()
