"""The log follows its end as lines come, until one scrolls up to read."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from spk_tui.log_lines import LogLine
from spk_tui.widgets.event_log import EventLog
from tests.spk_tui.dashboards import until


class LogAlone(App[None]):
    """Nothing but a log."""

    def compose(self) -> ComposeResult:
        """The log."""
        yield EventLog()


def lines(first: int, last: int) -> list[LogLine]:
    return [
        LogLine(0.0, f"line {number} " + "which is long enough to be wrapped here", "plain")
        for number in range(first, last)
    ]


@pytest.mark.parametrize("size", [(40, 8), (80, 24), (200, 60)])
async def test_it_follows_its_end_until_one_scrolls_up(size: tuple[int, int]) -> None:
    app = LogAlone()
    async with app.run_test(size=size) as pilot:
        log = app.query_one(EventLog)

        def at_the_end() -> bool:
            return log.max_scroll_y > 0 and log.scroll_offset.y == log.max_scroll_y

        log.add(lines(0, 100))
        await until(pilot, "line 99")
        await until(pilot, at_the_end)
        for burst in range(5):  # lines that come before the earlier ones are laid out
            log.add(lines(100 + 10 * burst, 110 + 10 * burst))
        await until(pilot, "line 149")
        await until(pilot, at_the_end)
        log.scroll_to(y=10, animate=False, immediate=True)
        await until(pilot, lambda: log.scroll_offset.y == 10)
        height = log.virtual_size.height
        log.add(lines(150, 160))
        await until(pilot, lambda: log.virtual_size.height > height)
        await pilot.pause()
        assert log.scroll_offset.y == 10
        log.scroll_end(animate=False)
        await until(pilot, at_the_end)
        log.add(lines(160, 170))
        await until(pilot, "line 169")
        await until(pilot, at_the_end)


async def test_other_widths_keep_the_end_in_sight() -> None:
    app = LogAlone()
    async with app.run_test(size=(80, 10)) as pilot:
        app.query_one(EventLog).add(lines(0, 50))
        await until(pilot, "line 49")
        await pilot.resize_terminal(30, 10)
        await until(pilot, "line 49")
