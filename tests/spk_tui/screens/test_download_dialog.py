"""Public speech from the first screen: the list, the terms, a download from a real server, and what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from textual.widgets import Button, OptionList, Select

from engine.corpus import fetching
from engine.corpus.catalogue import CATALOGUE
from engine.corpus.download import corpus_folder, download
from spk_tui.screens.download_dialog import DownloadDialog
from spk_tui.screens.preset_screen import PresetScreen
from tests.archive_server import Archive, Server, entry_of, serving, speech, tar_of
from tests.spk_tui.dashboards import Home, seen, until

NAME = "made-speech"


@pytest.fixture
def server(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with one corpus, which alone stands in the catalogue beside one that needs an account."""
    monkeypatch.setenv("SPK_TUI_DOWNLOADS", str(home.root / "downloads"))
    monkeypatch.setattr(fetching, "FIRST_WAIT_SECONDS", 0.0)
    with serving() as running:
        running.files["made.tar.gz"] = tar_of(speech("WAVE"))
        entries = {
            NAME: entry_of(running, NAME, Archive("made.tar.gz", "", 0, speakers="WAVE")),
            "voxceleb1": CATALOGUE["voxceleb1"],
        }
        for name in list(CATALOGUE):
            monkeypatch.delitem(CATALOGUE, name)
        for name, entry in entries.items():
            monkeypatch.setitem(CATALOGUE, name, entry)
        yield running
        running.gate.set()


async def test_a_download_becomes_the_chosen_corpus(home: Home, server: Server) -> None:
    async with home.open() as pilot:
        await pilot.press("d")
        await until(pilot, "to download; room for")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query_one("#get", Button).has_focus)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        await until(pilot, lambda: pilot.app.screen.query_one("#corpus", Select).value == str(corpus_folder(NAME)))
        await until(pilot, lambda: re.search(r"\d speakers, \d+ utterances", seen(pilot)))


async def test_what_is_there_is_trained_on_without_a_download(home: Home, server: Server) -> None:
    download(NAME)
    asked = len(server.requests)
    async with home.open() as pilot:
        await pilot.click("#get-speech")
        await until(pilot, "Train on it")
        await pilot.click("#get")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
        await until(pilot, lambda: pilot.app.screen.query_one("#corpus", Select).value == str(corpus_folder(NAME)))
    assert len(server.requests) == asked


async def test_a_download_can_be_stopped_and_goes_on_later(home: Home, server: Server) -> None:
    server.gate.clear()
    async with home.open() as pilot:
        await pilot.press("d")
        await until(pilot, "to download; room for")
        await pilot.click("#get")
        await until(pilot, lambda: server.requests)
        await pilot.press("escape")
        server.gate.set()
        await until(pilot, "what has come so far is kept")
        assert isinstance(pilot.app.screen, DownloadDialog)
        await pilot.click("#get")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))
    assert corpus_folder(NAME).is_dir()


async def test_trouble_is_said_and_the_list_stays(home: Home, server: Server) -> None:
    server.files.clear()
    async with home.open(size=(80, 24)) as pilot:
        await pilot.press("d")
        await until(pilot, "to download; room for")
        await pilot.click("#get")
        await until(pilot, "404")
        assert "Close" in seen(pilot)
        assert pilot.app.screen.query_one(OptionList).has_focus
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetScreen))


async def test_what_needs_an_account_says_where_to_ask(home: Home, server: Server) -> None:
    async with home.open() as pilot:
        await pilot.press("d")
        await until(pilot, "needs an account")
        await pilot.press("down")
        await until(pilot, "Ask for access at")
        assert pilot.app.screen.query_one("#get", Button).disabled
