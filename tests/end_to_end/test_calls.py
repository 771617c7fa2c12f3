"""What a real terminal gets from the real program besides pictures: title, bell, notification, and the tour once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.runs import events as e
from spk_tui import terminal as sequences
from tests.end_to_end.terminal import Terminal, worker_folders
from tests.spk_tui.dashboards import Life
from tests.spk_tui.run_directories import training_run, write

SPK_TUI = [sys.executable, "-m", "spk_tui"]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens the program in terminals that are closed afterwards."""
    terminals: list[Terminal] = []

    def open_one(**more: str) -> Terminal:
        environment = {**worker_folders(tmp_path), "TERM_PROGRAM": "WezTerm", **more}
        for name in ("TMUX", "STY", "NO_COLOR"):
            environment.pop(name, None)
        terminals.append(Terminal(SPK_TUI, environment, columns=100, rows=32))
        return terminals[-1]

    yield open_one
    for one in terminals:
        one.close()


def test_a_terminal_is_called_while_another_screen_is_open_and_gets_its_title_back(
    tmp_path: Path, opened: Callable[..., Terminal]
) -> None:
    life = Life()
    run = life.give(training_run(tmp_path / "runs", until=7000))
    one = opened()
    one.wait_for("1 run in progress")
    one.press("f3")
    one.wait_for("● training")
    one.press("enter")
    one.wait_for("step 7,000")
    title = (sequences.SAVE_TITLE + sequences.title("10 % transformer-154k")).encode()
    one.wait_for(lambda text: title in one.raw)
    one.press("f2")
    one.wait_for("quick-tour")
    assert b"\x1b]9;" not in one.raw
    write(run, e.Failed(step=7001, cause="diverged", message="the loss is not a number"))
    life.end(run)
    one.wait_for("failed at step 7,001")
    called = "\a\x1b]9;spk-tui transformer-154k: failed at step 7,001: the loss is not a number\a"
    one.wait_for(lambda text: called.encode() in one.raw)
    one.press("q")
    assert one.wait_for_end() == 0
    assert sequences.RESTORE_TITLE.encode() in one.raw


def test_the_tour_is_shown_at_the_first_opening_only(opened: Callable[..., Terminal]) -> None:
    first = opened()
    first.wait_for("1 of 5")
    first.press("escape")
    first.wait_for(lambda text: "1 of 5" not in text)
    first.press("q")
    assert first.wait_for_end() == 0
    second = opened()
    second.wait_for("quick-tour")
    assert "1 of 5" not in second.text
    second.press("q")
    assert second.wait_for_end() == 0


def test_a_terminal_that_can_not_place_text_is_told_what_works_there(tmp_path: Path) -> None:
    environment = worker_folders(tmp_path)
    one = Terminal(["env", "TERM=dumb", *SPK_TUI], environment, columns=200)
    try:
        assert one.wait_for_end() == 2
        assert "attach RUN --display plain" in one.text
        assert b"\x1b" not in one.raw
    finally:
        one.close()
