"""The editor as a person uses it: typing, choosing, searching, taking back, saving, starting, and leaving."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from engine.budget_client import BudgetMeter
from engine.fit import fit
from engine.preset import Preset
from engine.preset_library import find_preset
from engine.runs.client import ask
from engine.runs.directory import list_runs
from engine.trial_client import Trial
from spk_tui.screens.editor_screen import EditorScreen
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.budget_bar import BudgetBar
from spk_tui.widgets.field_list import FieldList
from tests.spk_tui.dashboards import MEDIUM, NOW, SMALL, Home, dashboard_of, notices, seen, until


def editor(pilot: Pilot[None]) -> EditorScreen:
    assert isinstance(pilot.app.screen, EditorScreen)
    return pilot.app.screen


def chosen(pilot: Pilot[None]) -> str:
    field = editor(pilot).field
    return "" if field is None else field.key


async def open_editor(pilot: Pilot[None]) -> EditorScreen:
    """Opens the editor from the first screen, on the quick tour."""
    await pilot.press("e")
    await until(pilot, lambda: isinstance(pilot.app.screen, EditorScreen))
    await until(pilot, lambda: chosen(pilot) == "encoder.kind")
    return editor(pilot)


async def go_to(pilot: Pilot[None], key: str) -> None:
    editor(pilot).query_one(FieldList).move_to(key)
    await until(pilot, lambda: chosen(pilot) == key and key in seen(pilot))


def edited(pilot: Pilot[None]) -> Preset:
    preset = editor(pilot).draft.preset
    assert preset is not None
    return preset


# ------------------------------------------------------------------------------------------------ typing


async def test_a_number_is_typed_on_its_line_and_marked_with_what_it_was(home: Home) -> None:
    async with home.open(SMALL) as pilot:
        await open_editor(pilot)
        await go_to(pilot, "encoder.ffn")
        assert "Hidden width of both feed-forward networks." in seen(pilot)
        assert "default 500" in seen(pilot)
        await pilot.press("9", "6")
        assert edited(pilot).encoder.ffn == 96  # type: ignore[union-attr]
        line = next(line for line in seen(pilot).splitlines() if " ffn " in line)
        assert "●" in line
        assert "was 80" in line
        await pilot.press("enter", "down", *"5", "enter")
        assert edited(pilot).encoder.kernel == 5  # type: ignore[union-attr]
        await until(pilot, "2 changes")


async def test_what_cannot_be_is_named_while_it_is_typed_and_neither_starts_nor_is_saved(home: Home) -> None:
    async with home.open() as pilot:
        screen = await open_editor(pilot)
        await go_to(pilot, "encoder.heads")
        await pilot.press("7")
        await until(pilot, "encoder.d_model = 40 is not divisible by encoder.heads = 7")
        assert "✗" in next(line for line in seen(pilot).splitlines() if " heads " in line)
        await pilot.press("f5")
        await until(pilot, lambda: "Not started" in notices(pilot))
        await pilot.press("enter", "s")
        await until(pilot, lambda: "Not saved" in notices(pilot))
        assert list_runs(home.runs) == []
        await pilot.press("v")
        await until(pilot, "There is no file while something is wrong")
        await pilot.press("backspace")
        await until(pilot, lambda: screen.draft.problems == [])
        await until(pilot, 'kind = "homework_conformer"')


async def test_escape_in_a_field_puts_its_value_back_and_leaves_the_others(home: Home) -> None:
    async with home.open() as pilot:
        await open_editor(pilot)
        await go_to(pilot, "encoder.ffn")
        await pilot.press(*"96", "up", *"3", "escape")
        assert chosen(pilot) == "encoder.heads"
        assert (edited(pilot).encoder.ffn, edited(pilot).encoder.heads) == (96, 2)  # type: ignore[union-attr]
        assert editor(pilot).query_one(FieldList).has_focus


async def test_kinds_are_chosen_from_a_list_and_their_keys_follow(home: Home) -> None:
    async with home.open() as pilot:
        await open_editor(pilot)
        await go_to(pilot, "pooling.kind")
        await pilot.press("enter")
        await until(pilot, "average and standard deviation over time")
        await pilot.press("end", "enter")
        await until(pilot, "channel_weights")
        assert edited(pilot).pooling.__struct_config__.tag == "multi_query_attentive"
        await pilot.press("left")
        await until(pilot, lambda: "channel_weights" not in seen(pilot))
        assert edited(pilot).pooling.__struct_config__.tag == "attentive_statistics"
        await go_to(pilot, "encoder.kind")
        await pilot.press("enter")
        await until(pilot, "a class of your own")
        await pilot.press("end", "enter")
        await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "value")
        await pilot.press(*"mine.py:Mine", "enter")
        assert editor(pilot).draft.kind("encoder") == "mine.py:Mine"


async def test_changes_are_taken_back_one_by_one_or_all_after_a_question(home: Home) -> None:
    async with home.open() as pilot:
        screen = await open_editor(pilot)
        await go_to(pilot, "encoder.ffn")
        await pilot.press(*"96", "enter", "down", *"5", "enter")
        await until(pilot, "● encoder.kernel  3 → 5")
        await pilot.press("backspace")
        await until(pilot, "Changes (1)")
        await pilot.press("u")
        await until(pilot, "Undo all changes?")
        await pilot.press("right", "enter")
        await until(pilot, "Nothing differs from quick-tour.")
        assert screen.draft.preset == find_preset("quick-tour")


async def test_a_key_is_found_by_its_name_or_meaning(home: Home) -> None:
    async with home.open() as pilot:
        await open_editor(pilot)
        await pilot.press("slash", *"warm")
        await until(pilot, lambda: "optimizer.learning_rate" in editor(pilot).query_one(FieldList)._fields)
        assert "warm" in chosen(pilot), "a name counts before a meaning"
        assert "encoder" not in {field.split(".")[0] for field in editor(pilot).query_one(FieldList)._fields}
        await pilot.press("escape")
        await until(pilot, lambda: "encoder.share_layers" in editor(pilot).query_one(FieldList)._fields)
        assert editor(pilot).query_one(FieldList).has_focus


async def test_at_80_columns_keys_parameters_changes_and_toml_are_shown_one_after_the_other(home: Home) -> None:
    async with home.open(SMALL) as pilot:
        await open_editor(pilot)
        for text in ("feed-forward", "Nothing differs", "d_model = 40", "share_layers"):
            await pilot.press("v")
            await until(pilot, text)
        await pilot.press("v")
        await pilot.press("escape")
        await until(pilot, lambda: "encoder.share_layers" in editor(pilot).query_one(FieldList)._fields)


# ------------------------------------------------------------------------------------------------ what it costs


async def test_the_meter_follows_what_is_typed_and_sizes_that_fit_are_changes(home: Home) -> None:
    dashboard = home.dashboard()
    dashboard._meter = meter = BudgetMeter()
    wanted = fit(find_preset("quick-tour", ["encoder.layers=3"]), 300_000)
    async with dashboard.run_test(size=MEDIUM) as pilot:
        screen = await open_editor(pilot)
        await go_to(pilot, "encoder.ffn")
        await pilot.press(*"160", "enter")
        await until(pilot, lambda: screen.cost is not None and screen.cost.encoder == 29_320 + 2 * 80 * 81 + 0)
        bar = screen.query_one("#details BudgetBar", BudgetBar)
        assert bar.used == screen.cost.encoder  # type: ignore[union-attr]
        await pilot.press("backspace")
        await go_to(pilot, "encoder.layers")
        await pilot.press("3", "enter", "b")
        await until(pilot, lambda: screen.draft.preset == wanted)
        await until(pilot, f"{wanted.preset.encoder_parameters:,} of 300,000")
        assert "encoder.ffn" in {change.key for change in screen.draft.changes()}
    meter.close()


async def test_the_time_that_a_trial_measured_stands_under_what_would_be_done(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = Trial(
        preset="quick-tour", speakers=600, steps=20, seconds_per_step=0.1, memory_bytes=41_000_000,
        device_memory_bytes=None, device="cpu", device_name="a CPU", precision="float32", threads=1,
    )  # fmt: skip
    monkeypatch.setattr("spk_tui.trials.try_preset", lambda preset, speakers, while_waiting: tried)
    async with home.open() as pilot:
        await open_editor(pilot)
        await pilot.press("t")
        await until(pilot, "Train quick-tour for 1,500 steps on the demo corpus, about 2 min 30 s on the CPU")
        await until(pilot, "at 10.0 step/s, measured in a trial just now; it took 41 MB")
        await go_to(pilot, "encoder.ffn")
        await pilot.press("9")
        await until(pilot, "arithmetic alone")  # another step, of which nothing is measured
        await pilot.press("escape", "escape")
        await until(pilot, "measured in a trial just now")
    again = home.dashboard()
    assert again.trials.find(find_preset("quick-tour", ["run.steps=9"])).time == NOW  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------ saving and leaving


async def test_a_preset_is_saved_under_a_name_and_stands_in_the_list(home: Home) -> None:
    async with home.open() as pilot:
        await open_editor(pilot)
        await go_to(pilot, "encoder.ffn")
        await pilot.press(*"96", "enter", "s")
        await until(pilot, "Save as a preset of your own")
        assert "my-quick-tour" in seen(pilot)
        await pilot.press(*"best-300k", "enter")
        await until(pilot, "comes with the program")
        await pilot.press("ctrl+u", *"a b")
        await until(pilot, "A name has letters")
        await pilot.press("ctrl+u", *"mine", "enter")
        await until(pilot, lambda: "Saved as mine" in notices(pilot))
        assert find_preset("mine").encoder.ffn == 96  # type: ignore[union-attr]
        await pilot.press("9", "enter", "s", "enter")
        await until(pilot, "by a second Enter")
        assert find_preset("mine").encoder.ffn == 96  # type: ignore[union-attr]
        await pilot.press("enter")
        await until(pilot, lambda: find_preset("mine").encoder.ffn == 9)  # type: ignore[union-attr]
        await pilot.press("8", "enter", "escape")
        await until(pilot, "mine yours")
        first = pilot.app.screen
        assert isinstance(first, PresetScreen)
        await until(pilot, lambda: first.presets.key == "mine" and "mine, 1 change" in seen(pilot))
        assert first.presets.changed == {"mine"}
        assert first.resolved().encoder.ffn == 8  # type: ignore[union-attr]


async def test_changes_are_kept_on_the_first_screen_and_found_again_in_the_editor(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.press("n", *"777", "escape")
        await open_editor(pilot)
        assert edited(pilot).run.steps == 777
        await go_to(pilot, "encoder.ffn")
        await pilot.press(*"96", "enter", "escape")
        await until(pilot, "quick-tour changed")
        await until(pilot, "quick-tour, 2 changes")
        first = pilot.app.screen
        assert isinstance(first, PresetScreen)
        assert first.resolved() == find_preset("quick-tour", ["run.steps=777", "encoder.ffn=96"])
        await pilot.press("e")
        await until(pilot, "● encoder.ffn  80 → 96")
        await pilot.press("u")
        await until(pilot, "Undo all changes?")
        await pilot.press("right", "enter")
        await until(pilot, "Nothing differs")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen) and "changed" not in seen(pilot))
        assert first.resolved() == find_preset("quick-tour")


async def test_a_copy_that_nobody_keeps_is_asked_about_before_it_is_lost(home: Home) -> None:
    async with home.open() as pilot:
        dashboard_of(pilot).edit_preset(find_preset("transformer-154k"), "/somewhere/speech")
        await until(pilot, "on speech")
        await until(pilot, lambda: chosen(pilot) == "encoder.kind")
        await go_to(pilot, "encoder.layers")
        await pilot.press("5", "enter", "escape")
        await until(pilot, "Leave the editor?")
        await pilot.press("escape", "f3")
        await until(pilot, "Leave the editor?")
        await pilot.press("enter")
        assert edited(pilot).encoder.layers == 5  # type: ignore[union-attr]
        await pilot.press("escape")
        await until(pilot, "Leave the editor?")
        await pilot.press("right", "right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))


async def test_the_changed_preset_is_started_from_the_editor(home: Home) -> None:
    async with home.open() as pilot:
        await open_editor(pilot)
        await go_to(pilot, "encoder.ffn")
        await pilot.press(*"96", "f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        (run,) = list_runs(home.runs)
        await until(pilot, lambda: run.alive)
        ask(run, "stop")
        assert run.preset() == find_preset("quick-tour", ["encoder.ffn=96"])
        assert run.info().corpus == "demo"
        await until(pilot, lambda: not run.alive)


async def test_every_key_and_action_is_in_the_palette(home: Home) -> None:
    async with home.open() as pilot:
        screen = await open_editor(pilot)
        names = [name for name, _, _ in screen.commands()]
        assert {
            "Start quick-tour",
            "Queue quick-tour",
            "Sweep quick-tour",
            "Save as a preset of your own",
            "Fit to the budget",
            "Try it for two seconds",
        } <= set(names)
        assert {f"Edit {field.key}" for field in screen.draft.fields()} <= set(names)
        await pilot.press("ctrl+p", *"edit run.seed")
        await until(pilot, "decides weights, data order and dropout")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "value")
        assert chosen(pilot) == "run.seed"
