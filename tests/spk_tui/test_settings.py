"""Settings: what a file may say, what is told of one that can't be used, and the file to begin with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spk_tui.cli import main
from spk_tui.settings import (
    Settings,
    default_text,
    over_ssh,
    parse_settings,
    read_settings,
    seconds_a_frame,
    settings_path,
)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPK_TUI_CONFIG", str(tmp_path / "config"))
    for variable in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "config"


def test_no_file_is_no_problem_and_means_the_defaults() -> None:
    assert read_settings() == (Settings(), [])


def test_what_the_file_says_counts_and_the_rest_keeps_its_default() -> None:
    text = 'palette = "colour-blind"\nframes_per_second = 8\n[charts]\nmarker = "ascii"\n[attention]\nbell = false\n'
    settings, problems = parse_settings(text)
    assert problems == []
    assert (settings.palette, settings.frames_per_second, settings.charts.marker) == ("colour-blind", 8.0, "ascii")
    assert not settings.attention.bell
    assert settings.attention.title
    assert settings.theme == Settings().theme


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('palete = "standard"', ["palete", "did you mean 'palette'", "known: theme"]),
        ('palette = "pink"', ["palette = 'pink'", "'standard', 'colour-blind'"]),
        ("[charts]\nsmoothing = 1.5", ["charts.smoothing = 1.5", "at most 0.99"]),
        ("frames_per_second = nan", ["frames_per_second = nan", "a number"]),
        ("[attention]\nbell = 1", ["attention.bell = 1", "true or false"]),
        ('[attention]\nwebhook = "ntfy.sh/x"', ["attention.webhook", "http:// or https://"]),
        ("attention = true", ["attention = true", "[attention]"]),
        ("[keys]\nruns = 3", ["keys.runs = 3", "a key in quotes"]),
        ("theme = ", ["not valid TOML"]),
    ],
)
def test_a_wrong_setting_is_told_with_what_is_allowed_and_its_default_serves(text: str, words: list[str]) -> None:
    settings, problems = parse_settings(text)
    assert settings == Settings()
    assert len(problems) == 1
    for word in words:
        assert word in problems[0]


def test_one_wrong_setting_costs_none_of_the_others(config: Path) -> None:
    config.mkdir()
    settings_path().write_text('theme = "nord"\npalette = 3\n', encoding="utf-8")
    settings, problems = read_settings()
    assert settings.theme == "nord"
    assert len(problems) == 1
    assert problems[0].startswith(f"{settings_path()}: palette = 3")


def test_an_action_may_be_written_with_and_without_quotes() -> None:
    for line in ('"training.stop" = "ctrl+x"', 'training.stop = "ctrl+x"'):
        assert parse_settings(f"[keys]\n{line}")[0].keys == {"training.stop": "ctrl+x"}


@given(st.text())
def test_no_text_whatever_keeps_the_dashboard_shut(text: str) -> None:
    settings, problems = parse_settings(text)
    assert settings == Settings() or not problems


def test_the_file_to_begin_with_says_nothing_new_even_when_nothing_in_it_is_a_comment_any_more() -> None:
    assert parse_settings(default_text()) == (Settings(), [])
    uncommented = re.sub(r"^# (\w+ = )", r"\1", default_text(), flags=re.MULTILINE)
    assert uncommented.count("\n") > uncommented.count("\n#") > 0
    assert parse_settings(uncommented) == (Settings(), [])


def test_writing_the_file_never_touches_one_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--write"]) == 0
    assert settings_path().read_text(encoding="utf-8") == default_text()
    settings_path().write_text('theme = "nord"\n', encoding="utf-8")
    capsys.readouterr()
    assert main(["settings", "--write"]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert settings_path().read_text(encoding="utf-8") == 'theme = "nord"\n'


def test_the_command_names_the_file_every_setting_and_what_is_wrong(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.mkdir()
    settings_path().write_text('theme = "laboratory-nihgt"\n[keys]\n"training.stop" = "alt+x"\n', encoding="utf-8")
    assert main(["settings"]) == 2
    page = capsys.readouterr().out
    for word in (str(settings_path()), "charts.marker", "attention.webhook", "did you mean 'laboratory-night'", "alt"):
        assert word in page
    assert main(["settings", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert {"section": "charts", "key": "marker", "value": "braille", "default": "braille"}.items() <= next(
        line.items() for line in answer["settings"] if line["key"] == "marker"
    )
    assert {"id": "runs", "keys": "f3", "usual": "f3", "text": "All runs"} in answer["keys"]


def test_over_ssh_the_screen_is_drawn_less_often_unless_a_rate_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not over_ssh()
    assert seconds_a_frame(Settings()) == 0.25
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    assert seconds_a_frame(Settings()) == 0.5
    assert seconds_a_frame(Settings(frames_per_second_over_ssh=1.0)) == 1.0
    assert seconds_a_frame(Settings(), 10) == 0.1


def test_a_rate_that_no_terminal_follows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fps", "500"]) == 2
    assert "0.2 to 30" in capsys.readouterr().err
