"""What commands answer people with: a table's columns stay columns whatever its cells hold."""

from __future__ import annotations

from rich.cells import cell_len

from spk_tui.commands.answers import table


def test_columns_stand_below_each_other_where_names_are_chinese() -> None:
    rows = table(["SPEAKER", "SCORE"], [["Ann", "0.9"], ["張偉", "0.61"]], (1,)).splitlines()
    assert [cell_len(row) for row in rows] == [14, 14, 14]
    assert rows[2] == "張偉      0.61"
