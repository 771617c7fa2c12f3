"""The first screen as a person uses it: choosing, editing, picking a corpus, starting, and being told what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Select, Static

from engine.budget_client import BudgetMeter
from engine.fit import fit
from engine.preset_file import to_toml, with_overrides
from engine.preset_library import built_in_folder, find_preset
from engine.runs.client import ask
from engine.runs.directory import list_runs
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.screens.training_screen import TrainingScreen
from spk_tui.widgets.budget_bar import BudgetBar
from spk_tui.widgets.corpus_picker import ELSEWHERE, CorpusPicker
from spk_tui.widgets.preset_details import PresetDetails
from tests.made_corpora import audio_folder
from tests.spk_tui.dashboards import FixedMeter, Home, dashboard_of, notices, paste, seen, text_in, until
from tests.spk_tui.run_directories import BEGAN, RATE, new_run, training_run


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """A corpus on the disk: 3 speakers with 6 short recordings each."""
    return audio_folder(tmp_path / "voices", speakers=3, each=6, seconds=0.5)


def screen_of(pilot: Pilot[None]) -> PresetScreen:
    assert isinstance(pilot.app.screen, PresetScreen)
    return pilot.app.screen


def chosen(pilot: Pilot[None]) -> str | None:
    return screen_of(pilot).presets.key


def message(pilot: Pilot[None]) -> str:
    shown = screen_of(pilot).query_one("#form .message", Static)
    return str(shown.content) if shown.display else ""


def can_start(pilot: Pilot[None]) -> bool:
    return not screen_of(pilot).query_one("#start", Button).disabled


async def type_folder(pilot: Pilot[None], path: str) -> None:
    """Chooses "A folder…" from the list of corpora and types a path."""
    await pilot.press("c")
    await until(pilot, "A folder…")
    await pilot.press("end", "enter")
    await until(pilot, lambda: screen_of(pilot).query_one("#folder", Input).has_focus)
    await paste(pilot, path)


# ------------------------------------------------------------------------------------------------ choosing


async def test_each_preset_has_a_line_with_encoder_parameters_and_verdict(home: Home) -> None:
    async with home.open() as pilot:
        await until(pilot, "154,880")
        lines = {line.split()[2]: line for line in seen(pilot).splitlines() if "% fits" in line}
        assert "Transformer" in lines["transformer-154k"]
        assert "154,880" in lines["transformer-154k"]
        assert "Conformer" in lines["conformer-225k"]
        assert "225,720" in lines["conformer-225k"]


async def test_moving_in_the_list_shows_the_preset_that_the_cursor_is_on(home: Home) -> None:
    async with home.open() as pilot:
        first = chosen(pilot)
        await pilot.press("down")
        assert chosen(pilot) == "conformer-small-98k" != first
        await pilot.press(*["down"] * 8)
        assert chosen(pilot) == "transformer-154k"
        await until(pilot, lambda: text_in(pilot, "steps") == "70000")
        assert text_in(pilot, "batch-size") == "32"
        assert text_in(pilot, "learning-rate") == "1e-3"
        await until(pilot, "128,880")  # its feed-forward layers, as counted
        details = screen_of(pilot).query_one(PresetDetails)
        assert "shared layer" in str(details.query_one(".summary", Static).content)
        assert "reported accuracy 0.66" in seen(pilot)
        assert "160" in seen(pilot)  # never used in the forward pass


async def test_the_meter_shows_what_was_counted(home: Home) -> None:
    async with home.open() as pilot:
        await until(pilot, lambda: len(screen_of(pilot).presets.costs) == len(screen_of(pilot).presets.entries))
        assert screen_of(pilot).presets.costs["quick-tour"].encoder == 29_320
        bar = screen_of(pilot).query_one("#details BudgetBar", BudgetBar)
        await until(pilot, lambda: (bar.used, bar.budget) == (29_320, 300_000))


async def test_enter_goes_on_to_the_button(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: screen_of(pilot).query_one("#start").has_focus)
        await pilot.press("escape")
        assert screen_of(pilot).query_one("#presets").has_focus_within


async def test_a_click_looks_at_a_preset_and_a_double_click_goes_on_to_the_button(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.click("#presets Rows", offset=(4, 2))
        await until(pilot, lambda: chosen(pilot) == "conformer-225k")
        assert not screen_of(pilot).query_one("#start").has_focus
        await pilot.click("#presets Rows", offset=(4, 2), times=2)
        await until(pilot, lambda: screen_of(pilot).query_one("#start").has_focus)


async def test_a_preset_of_ones_own_is_marked_and_one_with_a_problem_says_why_and_cannot_be_started(
    home: Home,
) -> None:
    built_in = (built_in_folder() / "quick-tour.toml").read_text()
    (home.presets / "mine.toml").write_text(built_in.replace('"quick-tour"', '"mine"'))
    (home.presets / "broken.toml").write_text(built_in.replace("heads = 2", "heads = 7").replace("ffn", "fnf"))
    async with home.open() as pilot:
        await until(pilot, "mine yours")
        await pilot.press("end")
        assert chosen(pilot) == "broken"
        await until(pilot, "This preset can't be used.")
        problem = screen_of(pilot).query_one(PresetDetails).problem
        assert "fnf" in problem
        assert "did you mean 'ffn'?" in problem
        await pilot.press("n", "f5")
        await until(pilot, lambda: "Not started" in notices(pilot))
        assert "fnf" in notices(pilot)
        assert list_runs(home.runs) == []
        await pilot.press("home")
        await until(pilot, lambda: "can't be used." not in seen(pilot))
        assert text_in(pilot, "steps") == "1500"
        assert can_start(pilot)


# ------------------------------------------------------------------------------------------------ numbers


async def test_numbers_typed_at_once_after_the_key_all_arrive(home: Home) -> None:
    async with home.open() as pilot:
        for key in ("n", "5", "0", "0"):  # as a terminal hands over what was pasted: without waiting in between
            pilot.app.simulate_key(key)
        await until(pilot, lambda: text_in(pilot, "steps") == "500")


async def test_the_letters_that_are_keys_can_be_typed_into_a_field(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.press("n", "tab", "tab", *"2e-3", "tab", "tab", *"cpu")
        await until(pilot, lambda: text_in(pilot, "device") == "cpu")
        assert text_in(pilot, "learning-rate") == "2e-3"
        assert screen_of(pilot).resolved().optimizer.learning_rate == 2e-3


async def test_the_estimate_follows_the_number_of_steps(home: Home) -> None:
    async with home.open() as pilot:
        await until(pilot, "about 2 min")  # 1500 steps of 0.08 s
        await pilot.press("n", *"90000")
        await until(pilot, "about 2 h 0 min")
        assert "arithmetic alone" in seen(pilot)


async def test_the_estimate_follows_what_is_counted_anew_for_another_batch_size(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.press("n", "tab", *"320")
        await until(pilot, "about 20 min")


async def test_the_estimate_uses_the_rate_that_was_measured_in_an_earlier_run(home: Home) -> None:
    training_run(home.runs, until=4000)
    async with home.open() as pilot:
        await pilot.press(*["down"] * 9)
        assert chosen(pilot) == "transformer-154k"
        await until(pilot, "measured in your run of")
        assert f"at {RATE:.1f} step/s" in seen(pilot).replace("12.2", "12.3").replace("12.4", "12.3")
        assert "about 1 h 3" in seen(pilot)  # 70,000 steps at that rate


async def test_a_bad_number_is_named_beside_the_fields_and_cannot_be_started(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.press("n")
        for field, bad, key, good in (
            ("steps", "0", "run.steps", "8"),
            ("batch-size", "12.5", "segments.batch_size", "8"),
            ("learning-rate", "-1", "optimizer.learning_rate", "1e-3"),
            ("seed", "dice", "run.seed", "8"),
            ("device", "tpu", "run.device", "cpu"),
        ):
            await pilot.press(*bad)
            await until(pilot, lambda key=key: key in message(pilot))  # type: ignore[misc]
            assert bad in message(pilot)
            assert not can_start(pilot)
            assert [wrong.id for wrong in screen_of(pilot).query("#form .numbers Input.-wrong")] == [field]
            await pilot.press("f5", "ctrl+u", *good)
            await until(pilot, lambda: message(pilot) == "")
            assert can_start(pilot)
            await pilot.press("tab")
        assert list_runs(home.runs) == []


async def test_a_start_that_a_bad_number_prevents_leads_to_that_number(home: Home) -> None:
    async with home.open((80, 24)) as pilot:
        await pilot.press("n", "tab", "0", "tab", "tab", *"dice", "escape")
        await until(pilot, lambda: screen_of(pilot).presets.has_focus_within)
        await pilot.press("f5")
        await until(pilot, lambda: pilot.app.focused is screen_of(pilot).query_one("#batch-size"))
    assert list_runs(home.runs) == []


async def test_a_bad_number_stays_bad_when_another_corpus_is_picked(home: Home, voices: Path) -> None:
    async with home.open() as pilot:
        await pilot.press("n", *"0")
        await until(pilot, lambda: "run.steps" in message(pilot))
        await pilot.press("escape")
        await type_folder(pilot, str(voices))
        await until(pilot, "3 speakers, 18 utterances")
        assert not can_start(pilot)


async def test_counting_the_list_in_the_background_leaves_what_was_typed(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.press("n", *"777")
        screen = screen_of(pilot)
        screen._count_list()
        await pilot.resize_terminal(100, 40)
        await until(pilot, lambda: not screen.workers._workers or not any(w.is_running for w in screen.workers))
        assert text_in(pilot, "steps") == "777"
        assert screen.resolved().run.steps == 777


async def test_what_was_typed_is_still_there_after_a_look_at_the_runs(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.press("n", *"777", "f3")
        await until(pilot, "No run yet")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        assert text_in(pilot, "steps") == "777"


# ------------------------------------------------------------------------------------------------ corpora


async def test_a_folder_is_read_and_the_head_is_counted_for_its_speakers(home: Home, voices: Path) -> None:
    async with home.open() as pilot:
        await type_folder(pilot, str(voices))
        await until(pilot, "3 speakers, 18 utterances")
        meter = dashboard_of(pilot).meter
        assert isinstance(meter, FixedMeter)
        await until(pilot, lambda: ("quick-tour", 3) in meter.counted)
        await until(pilot, "head for 3 speakers")


async def test_another_preset_reads_the_part_that_it_asks_for(home: Home, voices: Path) -> None:
    part = (built_in_folder() / "quick-tour.toml").read_text().replace('"quick-tour"', '"a-part"')
    (home.presets / "a-part.toml").write_text(f"{part}\n[data]\nspeakers = 2\n")
    async with home.open() as pilot:
        await type_folder(pilot, str(voices))
        await until(pilot, "3 speakers, 18 utterances")
        await pilot.press("escape", "slash", *"a-part", "enter")
        await until(pilot, "2 speakers, 12 utterances")
        meter = dashboard_of(pilot).meter
        assert isinstance(meter, FixedMeter)
        await until(pilot, lambda: ("a-part", 2) in meter.counted)
        await pilot.press("escape", "home")
        await until(pilot, "3 speakers, 18 utterances")


async def test_a_path_is_completed_from_the_folders_that_are_there(home: Home, voices: Path) -> None:
    async with home.open() as pilot:
        await type_folder(pilot, str(voices)[:-3])
        field = screen_of(pilot).query_one("#folder", Input)
        await until(pilot, lambda: field._suggestion == f"{voices}/")
        await pilot.press("right")
        await until(pilot, "3 speakers, 18 utterances")
        assert field.value == f"{voices}/"


async def test_a_path_that_is_no_corpus_says_so_and_cannot_be_started(home: Home) -> None:
    async with home.open() as pilot:
        await type_folder(pilot, "/no/such/folder")
        await until(pilot, lambda: not can_start(pilot))
        await until(pilot, "/no/such/folder: ")
        await pilot.press("f5")
        await until(pilot, lambda: "Not started" in notices(pilot))
        assert list_runs(home.runs) == []
        assert not can_start(pilot)


async def test_an_empty_path_asks_for_one(home: Home) -> None:
    async with home.open() as pilot:
        await type_folder(pilot, "")
        await until(pilot, lambda: not can_start(pilot))
        await pilot.press("f5")
        await until(pilot, lambda: "no corpus is chosen" in notices(pilot))


async def test_corpora_of_earlier_runs_are_offered(home: Home, voices: Path) -> None:
    new_run(home.runs, corpus=str(voices))
    new_run(home.runs, "20251008-090000-quick-tour", corpus="demo", created=BEGAN - 86_400)
    async with home.open() as pilot:
        await pilot.press("c")
        await until(pilot, f"voices  ({voices.parent}"[:20])
        await pilot.press("down", "enter")
        await until(pilot, "3 speakers, 18 utterances")
        assert screen_of(pilot).query_one("#corpus", Select).value == str(voices)


async def test_corpora_that_come_into_an_open_list_leave_its_cursor(home: Home, voices: Path) -> None:
    async with home.open() as pilot:
        await pilot.press("c", "end")
        picker = screen_of(pilot).query_one(CorpusPicker)
        picker.offer([str(voices)])
        overlay = picker.query_one(OptionList)
        assert overlay.highlighted == 2  # "A folder…", which has moved down by one
        await pilot.press("up", "enter")
        await until(pilot, "3 speakers, 18 utterances")


async def test_offering_corpora_leaves_the_choice(home: Home, voices: Path) -> None:
    async with home.open() as pilot:
        await type_folder(pilot, str(voices))
        new_run(home.runs, corpus=str(voices / "elsewhere"))
        await pilot.press("f3", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        await until(pilot, lambda: len(screen_of(pilot).query_one("#corpus", Select)._options) == 3)
        assert screen_of(pilot).query_one("#corpus", Select).value == ELSEWHERE
        assert text_in(pilot, "folder") == str(voices)


# ------------------------------------------------------------------------------------------------ starting


async def test_start_trains_what_is_chosen_and_shows_it(home: Home, voices: Path) -> None:
    async with home.open() as pilot:
        await type_folder(pilot, str(voices))
        await until(pilot, "3 speakers, 18 utterances")
        await pilot.press("escape", "n", *"1000000", "tab", *"4", "tab", "tab", *"5", "tab", *"cpu", "f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainingScreen))
        (run,) = list_runs(home.runs)
        try:
            assert run.info().corpus == str(voices)
            preset = run.preset()
            assert (preset.run.steps, preset.segments.batch_size) == (1_000_000, 4)
            assert (preset.run.seed, preset.run.device) == (5, "cpu")
            await until(pilot, "● training")
            await until(pilot, "step/s")
            await pilot.press("q")
            await until(pilot, "Stop and save")
            await pilot.press("right", "enter")
            await until(pilot, lambda: not pilot.app.is_running or run.requests_path.read_bytes())
        finally:
            if run.alive and not run.requests_path.exists():
                ask(run, "stop")
        await until(pilot, lambda: run.condition(run.state()) == "stopped")


async def test_a_runs_folder_that_cannot_be_made_is_named(home: Home) -> None:
    (home.root / "file").write_text("in the way")
    dashboard = home.dashboard()
    dashboard.runs = home.root / "file" / "runs"
    async with dashboard.run_test(size=(120, 40)) as pilot:
        await pilot.press("f5")
        await until(pilot, lambda: "can't make the run directory" in notices(pilot))
        assert can_start(pilot)


# ------------------------------------------------------------------------------------------------ fitting


async def test_an_encoder_is_fitted_to_its_budget_and_back(home: Home) -> None:
    dashboard = home.dashboard()
    dashboard._meter = meter = BudgetMeter()
    own, wanted = find_preset("quick-tour"), fit(find_preset("quick-tour"), 300_000)
    async with dashboard.run_test(size=(120, 40)) as pilot:
        await until(pilot, "29,320")
        await pilot.press("b")
        await until(pilot, lambda: screen_of(pilot).resolved() == wanted)
        await until(pilot, lambda: "fits its budget" in notices(pilot))
        await until(pilot, f"{wanted.preset.encoder_parameters:,} of 300,000")
        await pilot.press("n", *"77", "escape")
        assert screen_of(pilot).resolved().encoder == wanted.encoder
        await pilot.press("b")
        await until(pilot, "29,320 of 300,000")
        assert screen_of(pilot).resolved().encoder == own.encoder
        await pilot.click("#fit")
        await until(pilot, lambda: screen_of(pilot).resolved().encoder == wanted.encoder)
    meter.close()


async def test_what_cannot_be_fitted_says_why(home: Home) -> None:
    tiny = with_overrides(find_preset("quick-tour"), ["budget.encoder_parameters=9", "preset.name=a-tiny-one"])
    (home.presets / "tiny.toml").write_text(to_toml(tiny))
    async with home.open() as pilot:
        await pilot.press("slash", *"tiny", "enter")
        await until(pilot, lambda: chosen(pilot) == "a-tiny-one")
        await pilot.press("b")
        await until(pilot, lambda: "Not fitted" in notices(pilot))
        assert "parameters at least" in notices(pilot)
        assert screen_of(pilot).resolved().encoder == tiny.encoder


# ------------------------------------------------------------------------------------------------ the palette


async def test_the_palette_knows_start_corpora_and_each_number(home: Home) -> None:
    async with home.open() as pilot:
        await pilot.pause()
        names = [name for name, _, _ in screen_of(pilot).commands()]
        assert names == [
            "Start quick-tour", "Queue quick-tour", "Sweep quick-tour", "Try it for two seconds",
            "Edit quick-tour", "Fit to the budget", "Find a preset",
            "Choose a corpus", "Get public speech", "Inspect the corpus",
            "Change the steps", "Change the batch size",
            "Change the learning rate", "Change the seed", "Change the device",
        ]  # fmt: skip
        await pilot.press("ctrl+p", *"change the seed")
        await until(pilot, "Type another seed for this run")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "seed")


async def test_a_size_that_has_no_room_is_left_out_and_never_broken_in_two(home: Home) -> None:
    async with home.open((110, 36)) as pilot:
        await until(pilot, "29,320 of")
        await until(pilot, "all parts")
        lines = [line.split("││", 1)[1].strip(" │") for line in seen(pilot).splitlines() if "││" in line]
        place = next(number for number, line in enumerate(lines) if line.startswith("all parts"))
        assert lines[place].split() == ["all", "parts", "87,680"]
        assert lines[place + 1] == ""
