"""The pages under docs/ and the README name what is there: files, pictures, commands with their options, and keys.

What encoders.md says of encoders is held to the truth by `test_encoder_docs.py`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from cyclopts import App
from textual.binding import Binding

import spk_tui.screens
from engine.preset_file import load_preset
from engine.preset_library import built_in_folder
from spk_tui.cli import build_app
from spk_tui.commands.overview import COMMANDS
from spk_tui.screens.room import Room
from spk_tui.widgets.chart_keys import KEYS

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


def test_the_guide_lists_every_preset_with_its_size() -> None:
    text = (GUIDE / "presets.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \**([\w-]+?)\** \| [^|]+ \| ([\d,]+) \|", text, re.MULTILINE)
    presets = [load_preset(path) for path in built_in_folder().glob("*.toml")]
    assert {name: int(number.replace(",", "")) for name, number in rows} == {
        preset.name: preset.preset.encoder_parameters for preset in presets
    }


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


PAGE_OF = {
    "PresetScreen": "presets.md",
    "EditorScreen": "editor.md",
    "CorpusScreen": "corpus.md",
    "TrainingScreen": "training.md",
    "RunsScreen": "runs.md",
    "CompareScreen": "runs.md",
    "QueueScreen": "queue.md",
    "SweepScreen": "queue.md",
    "ModelScreen": "after-training.md",
}
SHOWN_AS = {"escape": "Esc", "enter": "Enter", "backspace": "Backspace", "left": "←", "right": "→",
            "plus": "+", "minus": "-", "up": "↑", "down": "↓", "left_square_bracket": "[", "right_square_bracket": "]",
            "slash": "/", "asterisk": "*", "number_sign": "#",
            **{f"f{number}": f"F{number}" for number in range(1, 13)}}  # fmt: skip


@cache
def screens() -> dict[str, type[Room]]:
    """Every screen of the dashboard by name; dialogs aren't screens."""
    for module in iter_modules(spk_tui.screens.__path__):
        import_module(f"spk_tui.screens.{module.name}")
    found = [Room, *(below for each in Room.__subclasses__() for below in (each, *each.__subclasses__()))]
    return {screen.__name__: screen for screen in found if screen.__module__.endswith("_screen")}


def missing(bindings: Iterable[Binding], page: str) -> list[str]:
    """The keys that a page of the guide doesn't name, of each binding its first."""
    text = (GUIDE / page).read_text(encoding="utf-8")
    keys = {binding.key.split(",")[0] for binding in bindings if binding.id}
    assert keys
    return sorted(key for key in keys if f"`{SHOWN_AS.get(key, key)}`" not in text)


def test_every_screen_has_a_page_in_the_guide() -> None:
    assert screens().keys() == PAGE_OF.keys()
    assert {
        page for page in PAGE_OF.values() if not re.search(r"!\[[^\]]+\]\(", (GUIDE / page).read_text("utf-8"))
    } == set()


@pytest.mark.parametrize("screen", PAGE_OF)
def test_the_guide_names_every_key_of_a_screen(screen: str) -> None:
    ours = [base for base in inspect.getmro(screens()[screen]) if base.__module__.startswith("spk_tui.")]
    assert missing([binding for base in ours for binding in vars(base).get("BINDINGS", [])], PAGE_OF[screen]) == []


def test_the_guide_names_every_key_of_the_charts() -> None:
    between = "2345"  # the page says "1 to 6"
    assert missing([binding for binding in KEYS if binding.key not in between], "training.md") == []
