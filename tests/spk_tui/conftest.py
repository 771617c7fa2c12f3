"""Folders of a test's own for the dashboard, and a clock and a time zone that are the same on every machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spk_tui.dashboards import Home, Life


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A person's home: runs, cache and own presets below one folder."""
    for variable, folder in (("RUNS", "runs"), ("CACHE", "cache"), ("CONFIG", "config")):
        monkeypatch.setenv(f"SPK_TUI_{variable}", str(tmp_path / folder))
    for variable in ("SSH_CONNECTION", "SSH_TTY"):  # over a slow line the screens are read less often
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield Home(tmp_path)
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def life() -> Iterator[Life]:
    """Makes runs look alive for as long as the test wants."""
    given = Life()
    yield given
    given.end_all()
