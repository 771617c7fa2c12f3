"""The commands on a user's own encoder: checking it, being asked before it runs, and every bad file in one message."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.own_code import read_code
from engine.runs.directory import list_runs
from engine.trust import is_trusted
from spk_tui.cli import main
from tests.end_to_end.terminal import Terminal, worker_folders
from tests.own_encoders import GOOD, attention, from_the_document, preset_text, write_code

COMMANDS = (["check"], ["budget"], ["train", "--data", "demo:4x6"])


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNS", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"SPK_TUI_{name}", str(tmp_path / name.lower()))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for one in opened:
        one.close()


def preset_at(folder: Path, text: str = GOOD, options: str = "", *, trusted: bool = True) -> Path:
    """A preset file with the Python file beside it."""
    write_code(folder, text, trusted=trusted)
    path = folder / "mine.toml"
    path.write_text(preset_text(options=options))
    return path


def test_check_says_ok_to_a_good_encoder_and_counts_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(preset_at(tmp_path, options="width = 20"))]) == 0
    said = capsys.readouterr().out
    assert "FAILS" not in said
    for name in (
        "shape",
        "one frame",
        "long utterance",
        "repeatable",
        "batch-mates",
        "padding",
        "gradients",
        "counting",
    ):
        assert f"ok     {name}" in said
    assert "the encoder has 2,040 parameters, within the budget of 300,000 (1 %)" in said


def test_check_says_what_is_wrong_in_words_and_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(preset_at(tmp_path, attention(padding="None")))]) == 2
    said = capsys.readouterr().out
    assert "FAILS  padding" in said
    assert "usually: the mask is True at real frames" in said
    assert "ok     batch-mates" in said


def test_check_answers_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preset = str(preset_at(tmp_path, attention(batch_first=False, padding="None")))
    assert main(["check", preset, "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    failed = {check["name"]: check for check in report["checks"] if not check["ok"]}
    assert failed["batch-mates"]["severe"]
    assert report["cost"]["parts"]["encoder"] == 4 * 40 * 40 + 4 * 40


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_where_nobody_can_be_asked_nothing_runs_without_trust(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    preset = preset_at(tmp_path / "mine", f"open({str(ran)!r}, 'w')\n{GOOD}", trusted=False)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115  # lives as long as the test
    assert main([*command, str(preset)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "mine.py: is a program of its own" in captured.err
    assert "--trust" in captured.err
    assert not ran.exists()
    assert list_runs() == []


def test_trust_on_the_command_line_is_remembered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preset = preset_at(tmp_path / "mine", trusted=False)
    assert main(["budget", str(preset), "--trust", "--json"]) == 0
    assert is_trusted(read_code(tmp_path / "mine" / "mine.py"))
    assert main(["budget", str(preset), "--json"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["parts"] == json.loads(second)["parts"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("class Mine(\n", "", "mine.py, line 1: is not valid Python"),
        ("class Other: pass\n", "", "mine.py: has no class 'Mine'"),
        ("from .near import x\nclass Mine: pass\n", "", "mine.py, line 1: imports '.near'"),
        (None, "", "mine.py: can't be read (No such file or directory)"),
    ],
    ids=["syntax", "no class", "a neighbour", "no file"],
)
def test_a_bad_file_is_one_message_before_anything_is_asked_or_made(
    command: list[str], text: str | None, options: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = preset_at(tmp_path / "mine", text or "", options, trusted=False)
    if text is None:
        (tmp_path / "mine" / "mine.py").unlink()
    assert main([*command, str(preset)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert "Traceback" not in captured.err
    assert list_runs() == []


@pytest.mark.parametrize(
    ("command", "text", "options", "told"),
    [
        (COMMANDS[0], GOOD, "widht = 3", "unknown key encoder.widht = 3, did you mean 'width'?"),
        (COMMANDS[1], GOOD, 'width = "wide"', "line 9, in __init__: TypeError"),
        (COMMANDS[2], "1 / 0\n" + GOOD, "", "line 1: ZeroDivisionError"),
    ],
    ids=["check", "budget", "train"],
)
def test_a_class_that_cannot_be_made_is_one_message(
    command: list[str], text: str, options: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, str(preset_at(tmp_path / "mine", text, options))]) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert "Traceback" not in captured.err + captured.out
    assert all(run.state().phase == "failed" for run in list_runs())


def test_presets_lists_it_by_file_and_class_and_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = tmp_path / "ran"
    preset_at(tmp_path / "config" / "presets", f"open({str(ran)!r}, 'w')\n{GOOD}", trusted=False)
    assert main(["presets", "--json"]) == 0
    mine = next(entry for entry in json.loads(capsys.readouterr().out) if entry["name"] == "mine")
    assert (mine["encoder"], mine["own"], mine["problem"]) == ("mine.py:Mine", True, "")
    assert not ran.exists()


def test_on_a_terminal_one_is_asked_once_for_each_content(tmp_path: Path, terminal: list[Terminal]) -> None:
    preset = preset_at(tmp_path / "mine", trusted=False)
    command = [sys.executable, "-m", "spk_tui", "budget", str(preset)]

    def ask(answer: str) -> int:
        terminal.append(Terminal(command, worker_folders(tmp_path)))
        shown = terminal[-1].wait_for("Trust it? [y/N]")
        assert "all your rights".replace(" ", "") in "".join(shown.split())  # a long path wraps lines anywhere
        terminal[-1].press(answer, "enter")
        return terminal[-1].wait_for_end()

    assert ask("") == 2
    assert "not trusted, so nothing was run".replace(" ", "") in "".join(terminal[-1].text.split())
    assert ask("y") == 0
    terminal.append(Terminal(command, worker_folders(tmp_path)))
    assert terminal[-1].wait_for_end() == 0
    assert "Trust it?" not in terminal[-1].text
    write_code(tmp_path / "mine", GOOD + "# changed\n", trusted=False)
    assert ask("no") == 2


def test_the_document_keeps_its_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exactly the blocks of docs/own-encoder.md: checked, counted, trained, resumed, loaded, and saved to be shared."""
    preset = str(from_the_document(tmp_path / "mine"))
    assert main(["check", preset, "--trust"]) == 0
    assert "225,720 parameters, within the budget of 300,000" in capsys.readouterr().out
    settings = ["--set", "run.threads=1", "--set", "validation.every=4", "--set", "segments.batch_size=8"]
    assert main(["train", preset, "--data", "demo:4x6", "--steps", "4", *settings, "--display", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "finished"
    assert next(event for event in events if event["event"] == "started")["encoder_parameters"] == 225_720
    assert [event for event in events if event["event"] == "diagnosis" and event["severity"] == "warning"] == []
    assert main(["resume", "last", "--steps", "6", "--display", "plain"]) == 0
    assert main(["save", "last", str(tmp_path / "kept" / "best.safetensors")]) == 0
    from engine.use.loading import load_best

    model, saved = load_best(tmp_path / "kept" / "best.safetensors")
    assert type(model.encoder).__name__ == "MyEncoder"
    assert len(saved.speakers) == 4


def test_a_changed_copy_is_refused_before_anything_is_asked_or_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(preset_at(tmp_path / "mine")), "--data", "demo:4x6", "--steps", "2", "--display", "json"]
    assert main([*command, "--set", "validation.every=2"]) == 0
    run = list_runs()[0]
    changed = write_code(run.path, GOOD + "# one more line\n", trusted=False)
    told = run.events_path.read_bytes()
    capsys.readouterr()
    assert main(["resume", "last", "--steps", "4", "--trust"]) == 2
    assert "is no longer the file that this run began with" in " ".join(capsys.readouterr().err.split())
    assert not is_trusted(changed)
    assert run.events_path.read_bytes() == told
