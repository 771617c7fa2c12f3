"""The pages under docs/ and the README name what is there: files, pictures, commands with their options, and keys.

What encoders.md says of encoders is held to the truth by `test_encoder_docs.py`.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from cyclopts import App

from spk_tui.cli import build_app
from spk_tui.commands.overview import COMMANDS

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "guide"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
of_every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)

OPENS_THE_DASHBOARD = {"", "[--runs"}
CALL = re.compile(r"(?<![\w/.'\"-])spk-tui(?:[ \t]+([^\s`|)]+))?([^`\n]*)")


def calls(page: Path) -> list[tuple[str, str]]:
    """Each command that stands as code, with the rest of its line: in backquotes, or on a line that is indented."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    code = re.findall(r"`(spk-tui[^`]*)`", text) + re.findall(r"^(?: {4,}|\t)(spk-tui .*)$", text, re.MULTILINE)
    return [(match[1] or "", match[2]) for line in code if (match := CALL.match(line))]


@cache
def options(command: str) -> set[str]:
    """The long options that a command takes."""
    app: App = build_app(command)[command]
    return {name for argument in app.assemble_argument_collection() for name in argument.names} | {"--json", "--help"}


@of_every_page
def test_every_command_that_is_named_exists_and_takes_these_options(page: Path) -> None:
    wrong = []
    for command, rest in calls(page):
        if command in OPENS_THE_DASHBOARD or command.startswith(("-", "COMMAND", "指令")):
            continue
        if command not in COMMANDS:
            wrong.append(command)
        else:
            wrong += [f"{command} {option}" for option in re.findall(r"(?<!\S)\[?(--[a-z-]+)", rest)
                      if option not in options(command)]  # fmt: skip
    assert wrong == []


def test_the_guide_names_every_command() -> None:
    text = (GUIDE / "commands.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if not re.search(rf"`(?:spk-tui )?{name}\b", text)] == []


@of_every_page
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@of_every_page
def test_links_to_a_heading_lead_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#([\w-]+)\)", page.read_text(encoding="utf-8"))
    lost = [f"{target}#{heading}" for target, heading in links
            if heading not in headings(page.parent / target if target else page)]  # fmt: skip
    assert lost == []


@cache
def headings(page: Path) -> set[str]:
    """The anchors that a page's headings have."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def test_every_picture_of_the_guide_is_shown_and_fetches_nothing() -> None:
    shown = {name for page in GUIDE.glob("*.md")
             for name in re.findall(r"!\[[^\]]+\]\(([\w-]+\.svg)\)", page.read_text(encoding="utf-8"))}  # fmt: skip
    assert shown == {picture.name for picture in GUIDE.glob("*.svg")}
    fetching = [name for name in shown if re.search(r"url\([^#]|@import|href", (GUIDE / name).read_text("utf-8"))]
    assert fetching == []


SCREENS = {
    "presets.md": "preset_screen:PresetScreen",
    "editor.md": "editor_screen:EditorScreen",
    "corpus.md": "corpus_screen:CorpusScreen",
    "training.md": "training_screen:TrainingScreen",
    "runs.md": "runs_screen:RunsScreen",
    "queue.md": "queue_screen:QueueScreen",
}
SHOWN_AS = {"escape": "Esc", "enter": "Enter", "slash": "/", "asterisk": "*", "number_sign": "#", "backspace": "Backspace",
            "left": "←", "right": "→", "f5": "F5", "f6": "F6", "f7": "F7"}  # fmt: skip


@pytest.mark.parametrize("page", SCREENS)
def test_the_guide_names_every_key_of_a_screen(page: str) -> None:
    module, _, name = SCREENS[page].partition(":")
    screen = getattr(import_module(f"spk_tui.screens.{module}"), name)
    text = (GUIDE / page).read_text(encoding="utf-8")
    bindings = [binding for base in inspect.getmro(screen) if base.__module__.startswith("spk_tui.")
                for binding in vars(base).get("BINDINGS", []) if binding.id]  # fmt: skip
    keys = {binding.key.split(",")[0] for binding in bindings}
    assert keys
    assert sorted(key for key in keys if f"`{SHOWN_AS.get(key, key)}`" not in text) == []
