"""What the tests of this room share: a cache of each test's own, and a small corpus of ready-made frames."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.made_corpora import homework_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SPK_TUI_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def homework(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ready-made frames of three speakers with three utterances each; not to be changed."""
    return homework_folder(tmp_path_factory.mktemp("few") / "Dataset", speakers=3, each=3, mel_bands=8)


@pytest.fixture
def dataset(homework: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(homework, tmp_path / "Dataset"))
