"""The command `download`: the list, the question before it starts, what it says at the end and what to scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.corpus import fetching
from engine.corpus.catalogue import CATALOGUE
from spk_tui.cli import main
from tests.archive_server import Archive, Server, entry_of, serving, speech, tar_of

NAME = "made-speech"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNS", "CACHE", "CONFIG", "DOWNLOADS"):
        monkeypatch.setenv(f"SPK_TUI_{name}", str(tmp_path / name.lower()))
    monkeypatch.setattr(fetching, "FIRST_WAIT_SECONDS", 0.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with one corpus that stands in the catalogue."""
    with serving() as running:
        running.files["made.tar.gz"] = tar_of(speech("WAVE"))
        entry = entry_of(running, NAME, Archive("made.tar.gz", "", 0, speakers="WAVE"))
        monkeypatch.setitem(CATALOGUE, NAME, entry)
        yield running


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines that a person types on a terminal; none, and nothing is a terminal."""
    lines: list[str] = []

    class Keyboard:
        def isatty(self) -> bool:
            return bool(lines)

        def readline(self) -> str:
            return lines.pop(0)

    monkeypatch.setattr(sys, "stdin", Keyboard())
    return lines


def test_the_list_has_what_one_chooses_by(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", NAME, "--yes"]) == 0
    capsys.readouterr()
    assert main(["download"]) == 0
    text = capsys.readouterr().out
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    assert "251    100.6   6.4 GB         CC BY 4.0" in lines["librispeech-train-clean-100"]
    assert "account" in lines["voxceleb1"]
    assert " yes " in lines[NAME]
    assert f"They go to {tmp_path / 'downloads'}" in text

    assert main(["download", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(found[NAME]) == {
        "name", "summary", "speakers", "hours", "bytes", "licence", "page", "account", "downloaded", "folder",
    }  # fmt: skip
    assert found[NAME]["downloaded"]
    assert not found["vctk"]["downloaded"]
    assert found["homework"]["account"]
    assert found["homework"]["bytes"] is None


def test_it_asks_and_a_yes_starts_it(
    server: Server, tmp_path: Path, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    typed.append("y\n")
    assert main(["download", NAME]) == 0
    told = capsys.readouterr()
    assert "download? [y/N]" in told.err
    assert "CC0 1.0" in told.out
    assert f"{server.url}/made.tar.gz" in told.out
    assert "the SHA-256 of the first download is remembered" in told.out
    folder = tmp_path / "downloads" / NAME
    assert told.out.endswith(
        f"{NAME} is in {folder}\nthe archive is deleted\ntrain on it: spk-tui train quick-tour --data {folder}\n"
    )
    assert main(["data", str(folder)]) == 0
    assert main(["download", NAME]) == 0
    assert f"{NAME} is there already: {folder}" in capsys.readouterr().out
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", ["n\n", "\n", "perhaps\n", ""])
def test_anything_but_a_yes_downloads_nothing(
    answer: str, server: Server, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    typed.append(answer)
    assert main(["download", NAME]) == 0
    assert capsys.readouterr().out.endswith("nothing was downloaded\n")
    typed.append(answer)
    assert main(["download", NAME, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": NAME, "folder": None, "outcome": "declined", "licence": "CC0 1.0", "kept": [],
    }  # fmt: skip
    assert server.requests == []


def test_without_a_terminal_it_takes_a_yes_on_the_command_line(
    server: Server, typed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["download", NAME]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "spk-tui: there is no terminal to ask on; add --yes to download without a question\n"
    assert main(["download", NAME, "--yes", "--json", "--keep-archive", "--to", str(tmp_path / "here")]) == 0
    told = capsys.readouterr()
    archive = tmp_path / "cache" / "downloads" / NAME / "made.tar.gz"
    expected = {
        "name": NAME, "folder": str(tmp_path / "here" / NAME), "outcome": "downloaded", "licence": "CC0 1.0",
        "kept": [str(archive)],
    }  # fmt: skip
    assert json.loads(told.out) == expected
    assert archive.read_bytes() == server.files["made.tar.gz"]
    assert main(["download", NAME, "--json", "--to", str(tmp_path / "here")]) == 0
    assert json.loads(capsys.readouterr().out) == {**expected, "outcome": "present", "kept": []}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vtck"], "no public corpus is called 'vtck', did you mean 'vctk'? ('spk-tui download' lists them)"),
        (["voxceleb2"], "voxceleb2 can't be downloaded without an account. Ask for access at https://mm.kaist.ac.kr"),
        (["homework", "--yes"], "https://www.kaggle.com/competitions/ml2022spring-hw4/data"),
        ([NAME, "--yes"], "the server refuses it (404 Not Found)"),
    ],
)
def test_what_cannot_be_had_is_one_message_with_exit_code_2(
    arguments: list[str], told: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files.clear()
    assert main(["download", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("spk-tui: ")
    assert told in err
    assert "Traceback" not in err


def test_ctrl_c_keeps_what_has_come_and_says_so(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fetching, "fetch", pressed)
    assert main(["download", NAME, "--yes"]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


def test_neither_the_help_nor_the_list_loads_the_network() -> None:
    program = (
        "import sys; from spk_tui.cli import main; main(['download', '--help']); main(['download']);"
        "print({'requests', 'urllib3', 'pooch', 'tqdm', 'numpy', 'textual'} & set(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr == "set()\n"
