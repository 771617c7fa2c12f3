"""The corpus screen as a person uses it: numbers, problems, voices, the full check, and corpora that can't be read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from textual.pilot import Pilot

from engine.corpus.features import band_edges
from engine.corpus.opening import open_corpus
from engine.corpus.packed import pack, packed_folder, problems_of_packing
from engine.corpus.splits import FLATTERED
from engine.preset import Features
from engine.runs.lock import Lock
from spk_tui.screens.corpus_screen import CorpusScreen
from spk_tui.screens.help_screen import HelpScreen
from spk_tui.screens.preset_screen import PresetScreen
from spk_tui.widgets.column_list import ColumnList
from spk_tui.widgets.corpus_facts_panel import CorpusFacts
from spk_tui.widgets.mel_picture import MelPicture
from spk_tui.widgets.problem_list import ProblemList
from spk_tui.widgets.utterance_view import UtteranceView
from tests.made_corpora import audio_folder
from tests.spk_tui.dashboards import MEDIUM, SMALL, Home, inspect, notices, paste, seen, until


@pytest.fixture
def speech(home: Home) -> Path:
    """Three speakers with 6 utterances each, one of them broken and one silent more."""
    root = audio_folder(home.root / "speech", speakers=3, each=6, seconds=0.5)
    (root / "speaker00" / "broken.wav").write_bytes(b"no audio")
    soundfile.write(root / "speaker01" / "silence.wav", np.zeros(8000), 16_000)
    return root


def screen_of(pilot: Pilot[None]) -> CorpusScreen:
    assert isinstance(pilot.app.screen, CorpusScreen)
    return pilot.app.screen


def key_of(pilot: Pilot[None], name: str) -> str | None:
    return screen_of(pilot).query_one(f"#{name}", ColumnList).key


def looks_at(pilot: Pilot[None], utterance: str) -> bool:
    """Whether the picture of that utterance is drawn."""
    view = screen_of(pilot).query_one(UtteranceView)
    return str(view.border_title) == utterance and view.query_one(MelPicture).frames is not None


# ------------------------------------------------------------------------------------------------ coming and going


async def test_the_chosen_corpus_is_inspected_and_one_comes_back(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await pilot.press("c", "end", "enter")
        await paste(pilot, str(speech))
        await until(pilot, "3 speakers, 20 utterances")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.check_action("inspect", ()))
        await pilot.press("i")
        await until(pilot, "3; 6 to 7 utterances each")
        assert "~/speech" in seen(pilot)
        assert "of 19 utterances, single utterances" in seen(pilot)
        assert "16,000 Hz; 1 channel" in seen(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))


async def test_a_corpus_that_cannot_be_read_says_why(home: Home) -> None:
    async with home.open() as pilot:
        await inspect(pilot, home.root / "nothing")
        await until(pilot, "This corpus can't be read.")
        assert "there is no such folder" in seen(pilot)
        assert "Full check" not in seen(pilot)
        await pilot.press("f", "v", "enter", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))


async def test_the_corpus_is_read_as_the_preset_says(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech, "data.speakers=2", "data.max_utterances_per_speaker=3")
        await until(pilot, "2; 3 utterances each")


async def test_help_and_palette_know_the_screen(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, "f Full check")
        names = [name for name, _, _ in screen_of(pilot).commands()]
        assert names == ["Utterances", "Full check", "Back"]
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await until(pilot, "log-mel frames")
        assert "Decode everything and name all problems" in seen(pilot)


# ------------------------------------------------------------------------------------------------ problems


async def test_a_kind_of_problem_unfolds_into_what_it_names(home: Home, speech: Path) -> None:
    for number in range(3):
        (speech / "speaker02" / f"empty{number}.flac").touch()
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, "▸ 3 × empty")
        assert "left out" in seen(pilot)
        assert "empty1.flac" not in seen(pilot)
        screen_of(pilot).query_one(ProblemList).focus_rows()
        await until(pilot, "⏎ Unfold")
        await pilot.press("enter")
        await until(pilot, "speaker02/empty1.flac  is an empty file")
        await pilot.press("down", "enter")  # from a line below, the kind folds again
        await until(pilot, lambda: "empty1.flac" not in seen(pilot))


async def test_where_there_is_little_room_unfolded_problems_take_that_of_the_plots(home: Home, speech: Path) -> None:
    async with home.open(SMALL) as pilot:
        await inspect(pilot, speech)
        await until(pilot, "▸ 1 × unreadable")
        assert "Utterance lengths" in seen(pilot)
        await pilot.press("enter")
        await until(pilot, "speaker00/broken.wav  Format not recognised")
        assert "Utterance lengths" not in seen(pilot)


async def test_what_a_kind_names_has_the_whole_width_and_cannot_write_on_the_screen(home: Home, speech: Path) -> None:
    name = f"{'long-' * 6}\x1b[31m\n.wav"
    (speech / "speaker00" / name).write_bytes(b"")
    async with home.open(SMALL) as pilot:
        await inspect(pilot, speech)
        await until(pilot, "▸ 1 × empty")
        await pilot.press("down", "enter")
        await until(pilot, f"speaker00/{'long-' * 6}·[31m·.wav  is an empty file")


async def test_details_of_problems_cannot_write_on_the_screen(home: Home, speech: Path) -> None:
    shutil.copy(speech / "speaker00" / "00.wav", speech / "speaker00" / "\x1b\n.wav")
    pack(open_corpus(str(speech)), Features())
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, "▸ 1 × duplicate")
        screen_of(pilot).query_one(ProblemList).focus_rows()
        await pilot.press("end", "enter")
        await until(pilot, "same content as speaker00/··.wav")


@pytest.mark.parametrize("size", [SMALL, MEDIUM])
async def test_all_facts_can_be_scrolled_to(home: Home, size: tuple[int, int]) -> None:
    root = audio_folder(home.root / "speech", speakers=3, each=6, seconds=0.5)
    for place, rate in enumerate((8000, 11_025, 22_050, 32_000, 44_100, 48_000)):
        for name, channels in (("mono", 1), ("stereo", 2)):
            noise = np.random.default_rng(place).normal(0, 0.1, (rate, channels))
            soundfile.write(root / "speaker00" / f"{name}{rate}.wav", noise, rate)
    async with home.open(size) as pilot:
        await inspect(pilot, root)
        await until(pilot, "no sessions are known")
        panel = screen_of(pilot).query_one(CorpusFacts)
        assert panel.max_scroll_y > 0
        panel.focus()
        await pilot.press("end")
        await until(pilot, lambda: panel.scroll_y == panel.max_scroll_y)
        await until(pilot, FLATTERED.split()[-1])


# ------------------------------------------------------------------------------------------------ voices


async def test_an_utterance_is_drawn_where_the_cursor_rests(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, lambda: looks_at(pilot, "speaker00/00.wav"))
        frames = screen_of(pilot).query_one(MelPicture).frames
        assert frames is not None
        assert frames.hertz == band_edges(Features())[1:-1].tolist()
        assert "▀" * 20 in seen(pilot)
        assert "speaker speaker00   session not known" in seen(pilot)
        assert "~/speech/speaker00/00.wav" in seen(pilot)
        await pilot.press("down")
        await until(pilot, lambda: looks_at(pilot, "speaker01/00.wav"))
        await pilot.press("enter", "down", "down")
        await until(pilot, lambda: looks_at(pilot, "speaker01/02.wav"))
        assert (key_of(pilot, "speakers"), key_of(pilot, "utterances")) == ("speaker01", "speaker01/02.wav")


async def test_keys_typed_right_after_enter_move_in_the_utterances(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, lambda: looks_at(pilot, "speaker00/00.wav"))
        for key in ("enter", "down", "down"):  # as a terminal hands them over: without waiting in between
            pilot.app.simulate_key(key)
        await until(pilot, lambda: looks_at(pilot, "speaker00/02.wav"))
        assert key_of(pilot, "speakers") == "speaker00"


async def test_an_utterance_without_frames_says_why(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, lambda: looks_at(pilot, "speaker00/00.wav"))
        await pilot.press("enter", "end")
        await until(pilot, "unreadable: Format not recognised")
        await pilot.press("home")
        await until(pilot, lambda: looks_at(pilot, "speaker00/00.wav"))
        assert "Format not recognised" not in seen(pilot)


async def test_a_decoder_that_crashes_is_said_and_the_next_utterance_is_drawn(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, lambda: looks_at(pilot, "speaker00/00.wav"))
        reader = screen_of(pilot)._reader
        exchange = reader._exchange
        reader._exchange = lambda question: b""  # type: ignore[method-assign]
        await pilot.press("enter", "down")
        await until(pilot, "speaker00/01.wav can't be shown: decoding it ended the decoder")
        reader._exchange = exchange  # type: ignore[method-assign]
        await pilot.press("down")
        await until(pilot, lambda: looks_at(pilot, "speaker00/02.wav"))


async def test_sessions_are_told(home: Home) -> None:
    root = audio_folder(home.root / "speech", speakers=2, each=4, seconds=0.3)
    for speaker in root.iterdir():
        for number, path in enumerate(sorted(speaker.iterdir())):
            (speaker / f"visit{number % 2}").mkdir(exist_ok=True)
            shutil.move(path, speaker / f"visit{number % 2}" / path.name)
    async with home.open() as pilot:
        await inspect(pilot, root)
        await until(pilot, "whole sessions")
        await until(pilot, "speaker speaker00   session visit0")
        assert "sessions    4" in seen(pilot)


async def test_where_both_do_not_fit_a_key_turns_from_overview_to_voices(home: Home, speech: Path) -> None:
    async with home.open(SMALL) as pilot:
        await inspect(pilot, speech)
        await until(pilot, "v Voices")
        assert "Speakers" not in seen(pilot)
        await pilot.press("v")
        await until(pilot, lambda: looks_at(pilot, "speaker00/00.wav"))
        assert "held out" not in seen(pilot)
        await pilot.press("down")
        await until(pilot, lambda: looks_at(pilot, "speaker01/00.wav"))
        await pilot.press("v")
        await until(pilot, "held out")
        await pilot.resize_terminal(*MEDIUM)
        await until(pilot, lambda: "held out" in seen(pilot) and "Speakers: 3" in seen(pilot))


# ------------------------------------------------------------------------------------------------ the full check


async def test_the_full_check_finds_what_headers_do_not_show_and_keeps_it(home: Home, speech: Path) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, "not fully checked yet")
        assert "× silent" not in seen(pilot)
        await pilot.press("f")
        await until(pilot, "▸ 1 × silent")
        await until(pilot, lambda: "Everything has been decoded: 2 problems." in notices(pilot))
        await until(pilot, lambda: "Full check" not in seen(pilot))
        assert "  fully checked" in seen(pilot)
        found = problems_of_packing(open_corpus(str(speech)), Features())
        assert found is not None
        assert {problem.kind for problem in found} == {"unreadable", "silent"}


@pytest.fixture
def packed_elsewhere(speech: Path) -> Iterator[Lock]:
    """Another process packs the same corpus, for as long as the test wants: a full check waits for it."""
    folder = packed_folder(open_corpus(str(speech)), Features())
    folder.parent.mkdir(parents=True)
    lock = Lock(folder.with_name(f"{folder.name}.lock"))
    yield lock
    lock.release()


async def test_a_full_check_can_be_cancelled(home: Home, speech: Path, packed_elsewhere: Lock) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, "f Full check")
        await pilot.press("f")
        await until(pilot, "waiting for another process")
        await until(pilot, "x Cancel")
        await pilot.press("down", "x")  # keys are heard all the while
        await until(pilot, lambda: "The full check was cancelled" in notices(pilot))
        assert key_of(pilot, "speakers") == "speaker01"
        await until(pilot, "f Full check")
        assert "waiting for another process" not in seen(pilot)
        assert not _packing()


async def test_leaving_ends_the_full_check(home: Home, speech: Path, packed_elsewhere: Lock) -> None:
    async with home.open() as pilot:
        await inspect(pilot, speech)
        await until(pilot, "f Full check")
        await pilot.press("f")
        await until(pilot, "waiting for another process")
        assert _packing()
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        await until(pilot, lambda: not _packing())


async def test_a_full_check_that_leaves_nothing_to_train_on_says_so(home: Home) -> None:
    root = home.root / "silence"
    for speaker in "ab":
        (root / speaker).mkdir(parents=True)
        for number in range(2):
            soundfile.write(root / speaker / f"{number}.wav", np.zeros(8000), 16_000)
    async with home.open() as pilot:
        await inspect(pilot, root)
        await until(pilot, "f Full check")
        await pilot.press("f")
        await until(pilot, lambda: "no speaker is left to train on" in notices(pilot))
        await until(pilot, "f Full check")
        assert "2; 2 utterances each" in seen(pilot)  # what was known stays


def _packing() -> bool:
    """Whether a child of ours packs."""
    return any(
        child.status() != psutil.STATUS_ZOMBIE and "engine.corpus.packing_child" in child.cmdline()
        for child in psutil.Process().children()
    )
