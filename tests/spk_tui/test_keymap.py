"""Other keys for actions: which can be had, what is told of those that can't, and that they work on the screens."""

from __future__ import annotations

import pytest

from spk_tui.keymap import TAKEN, all_actions, checked_keymap
from spk_tui.screens.help_screen import HelpScreen
from spk_tui.screens.question import Question
from spk_tui.screens.runs_screen import RunsScreen
from spk_tui.settings import Settings
from tests.spk_tui.dashboards import Home, Life, asked, dashboard_of, notices, seen, until
from tests.spk_tui.run_directories import training_run


def test_our_own_keys_are_none_that_terminals_or_multiplexers_take() -> None:
    taken = {action.id: key for action in all_actions().values() for key in action.keys if key in TAKEN}
    assert taken == {}
    assert not [action.id for action in all_actions().values() if any("alt+" in key for key in action.keys)]


@pytest.mark.parametrize(
    ("action", "key", "reason"),
    [
        ("training.stopp", "y", "did you mean 'training.stop'"),
        ("training.stop", "ctrl+b", "tmux takes it"),
        ("training.stop", "y,ctrl+s", "hold output"),
        ("training.stop", "alt+x", "alt"),
        ("training.stop", "hyper+x", "neither ctrl nor shift"),
        ("training.stop", "ctrl+pagdown", "did you mean 'ctrl+pagedown'"),
        ("training.stop", "s", "training.save has it"),
        ("training.stop", "f3", "runs has it"),
        ("runs", "x", "has it"),
    ],
)
def test_a_key_that_can_not_be_had_is_told_with_the_reason_and_the_usual_one_stays(
    action: str, key: str, reason: str
) -> None:
    keymap, problems = checked_keymap({action: key})
    assert keymap == {}
    assert len(problems) == 1
    assert f"keys.{action}" in problems[0]
    assert reason in problems[0]


def test_two_actions_can_change_their_keys_with_one_another() -> None:
    assert checked_keymap({"runs.note": "o", "runs.order": "n"}) == ({"runs.note": "o", "runs.order": "n"}, [])


def test_screens_that_never_meet_may_have_the_same_key() -> None:
    assert checked_keymap({"runs.delete": "x"}) == ({"runs.delete": "x"}, [])


def test_what_shared_a_key_with_a_changed_action_keeps_it() -> None:
    keymap, _ = checked_keymap({"training.pause": "y"})
    assert keymap == {"training.pause": "y", "training.continue": "space"}


async def test_changed_keys_work_on_every_screen_and_stand_in_footer_and_help(home: Home, life: Life) -> None:
    run = life.give(training_run(home.runs, until=4000))
    dashboard = home.dashboard(Settings(keys={"training.stop": "ctrl+x", "training.pause": "y", "runs": "f9"}))
    async with dashboard.run_test(size=(120, 40)) as pilot:
        await until(pilot, "f9 Runs".title())
        dashboard_of(pilot).open_run(run)
        await until(pilot, "step 4,000")
        await pilot.press("x", "space")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Question)
        assert asked(run) == []
        await pilot.press("y")
        await until(pilot, lambda: asked(run) == ["pause"])
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await until(pilot, "^x ")
        await pilot.press("escape", "ctrl+x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("escape", "f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))


async def test_a_key_that_can_not_be_had_is_told_and_the_dashboard_opens(home: Home) -> None:
    async with home.dashboard(Settings(keys={"runs": "ctrl+b"})).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "tmux takes it" in notices(pilot))
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        assert "F3 Runs" in seen(pilot)
