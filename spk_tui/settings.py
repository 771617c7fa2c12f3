"""A user's settings: what they may be, and reading them from the one TOML file in the configuration folder.

A key that can't be used is told with file, key, value, what is allowed and the nearest spelling, and its default
serves: a typing error never keeps the dashboard shut. Which keys and themes there are is known to `keymap.py` and
`themes.py`; what the dashboard remembers by itself is in `remembered.py`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tomli
from msgspec import Meta, field
from msgspec.structs import fields

from engine.errors import InputError, nearest_spelling
from engine.files import config_folder
from engine.preset_file import allowed, help_of
from engine.section import Section
from spk_tui.smoothing import USUAL_STRENGTH

DEFAULT_THEME = "laboratory-night"
FramesPerSecond = Annotated[float, Meta(ge=0.2, le=30)]


class ChartSettings(Section, frozen=True):
    """[charts]"""

    marker: Annotated[
        Literal["braille", "block", "ascii"],
        Meta(description="what curves are drawn with; block and ascii are for fonts without braille"),
    ] = "braille"
    smoothing: Annotated[
        float, Meta(ge=0.0, le=0.999, description="how strongly curves are smoothed at first; 0 not at all")
    ] = USUAL_STRENGTH


class AttentionSettings(Section, frozen=True):
    """[attention]"""

    bell: Annotated[bool, Meta(description="ring the terminal's bell")] = True
    title: Annotated[bool, Meta(description="the terminal's title says what runs and how far")] = True
    desktop: Annotated[
        Literal["auto", "osc9", "osc777", "off"],
        Meta(description="a notification on the desktop through the terminal; auto takes what the terminal knows"),
    ] = "auto"
    on_finish: Annotated[bool, Meta(description="when a run is done or has stopped")] = True
    on_failure: Annotated[bool, Meta(description="when a run fails or its process is gone")] = True
    on_diagnosis: Annotated[bool, Meta(description="when something is found wrong in a run")] = True
    webhook: Annotated[
        str,
        Meta(description="where the same is sent with a POST, such as https://ntfy.sh/your-topic; empty: nowhere"),
        Meta(pattern=r"^(https?://\S+)?$", description="an address that begins with http:// or https://, or nothing"),
    ] = ""


class Settings(Section, frozen=True):
    """The whole file. `keys` are other keys for actions, by the action's id."""

    theme: Annotated[str, Meta(description="the colours until others are chosen in the palette (ctrl+p, Theme)")] = (
        DEFAULT_THEME
    )
    palette: Annotated[
        Literal["standard", "colour-blind"],
        Meta(description="colour-blind gives good, warning, error and the curves colours that all can tell apart"),
    ] = "standard"
    frames_per_second: Annotated[
        FramesPerSecond, Meta(description="how often screens are drawn anew while a run trains")
    ] = 4.0
    frames_per_second_over_ssh: Annotated[
        FramesPerSecond, Meta(description="the same where the terminal is at the other end of an SSH connection")
    ] = 2.0
    charts: ChartSettings = field(default_factory=ChartSettings)
    attention: AttentionSettings = field(default_factory=AttentionSettings)
    keys: dict[str, str] = field(default_factory=dict)


SECTIONS: dict[str, type[Section]] = {"charts": ChartSettings, "attention": AttentionSettings}
KEYS_HELP = "other keys for actions; 'spk-tui settings --keys' lists the actions with theirs"


def settings_path() -> Path:
    """Where the file is, whether there is one or not."""
    return config_folder() / "settings.toml"


def read_settings() -> tuple[Settings, list[str]]:
    """The user's settings, and a line for whatever is wrong with them; in its place the default stands."""
    try:
        path = settings_path()
    except InputError as error:
        return Settings(), [str(error)]
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings(), []
    except OSError as error:
        return Settings(), [f"{path}: can't be read ({error.strerror})"]
    except UnicodeDecodeError as error:
        return Settings(), [f"{path}: is not UTF-8 text (byte {error.start})"]
    settings, problems = parse_settings(text)
    return settings, [f"{path}: {problem}" for problem in problems]


def parse_settings(text: str) -> tuple[Settings, list[str]]:
    """As `read_settings`, of TOML text; the lines don't name a file."""
    try:
        table = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        return Settings(), [f"is not valid TOML: {error}"]
    problems: list[str] = []
    values = _checked(Settings, "", table, problems)
    return Settings(**values), problems


def _checked(structure: type[Section], place: str, table: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """The values of a table that can be used; a line for each of the others."""
    known = {item.name: item for item in fields(structure)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{place}{key}"
        if key not in known:
            names = ", ".join(known)
            problems.append(f"unknown key {name} = {_shown(value)}{nearest_spelling(key, known)} (known: {names})")
        elif key == "keys" or key in SECTIONS:
            if not isinstance(value, dict):
                problems.append(f"{name} = {_shown(value)} should be a section, written [{name}]")
            elif key == "keys":
                values[key] = dict(_flat(value, "", problems))
            else:
                values[key] = SECTIONS[key](**_checked(SECTIONS[key], f"{name}.", value, problems))
        else:
            try:
                values[key] = msgspec.convert(value, known[key].type)
            except msgspec.ValidationError:
                problems.append(f"{name} = {_shown(value)} is not allowed; it takes {allowed(known[key].type)}")
            else:
                if isinstance(value, float) and math.isnan(value):  # which no bound keeps out
                    del values[key]
                    problems.append(f"{name} = nan is not allowed; it takes {allowed(known[key].type)}")
    return values


def _flat(table: dict[str, Any], place: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Actions and their keys. Without quotes TOML reads training.stop as a table in a table, which is meant as well."""
    for key, value in table.items():
        name = f"{place}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.", problems)
        elif isinstance(value, str):
            yield name, value
        else:
            problems.append(f'keys.{name} = {_shown(value)} is not allowed; it takes a key in quotes, such as "ctrl+x"')


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


class Line(msgspec.Struct, frozen=True):
    """One setting for a list: its section ("" at the top), key, value, default and sentence of help."""

    section: str
    key: str
    value: Any
    default: Any
    help: str


def lines(settings: Settings) -> list[Line]:
    """Every setting but the keys, in the order of the file."""
    groups: list[tuple[str, Section]] = [("", settings), *((name, getattr(settings, name)) for name in SECTIONS)]
    return [
        Line(section, item.name, getattr(group, item.name), item.default, help_of(item))
        for section, group in groups
        for item in fields(group)
        if item.name not in SECTIONS and item.name != "keys"
    ]


def toml_value(value: object) -> str:
    """A value as it stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def default_text() -> str:
    """The file that `spk-tui settings --write` begins with: every setting as a comment, with its default."""
    text = ["# Settings of spk-tui. What is commented out has the value that it shows."]
    section = ""
    for line in lines(Settings()):
        if line.section != section:
            section = line.section
            text += ["", f"[{section}]"]
        text += ["", f"# {line.help}", f"# {line.key} = {toml_value(line.default)}"]
    text += ["", "[keys]", "", f"# {KEYS_HELP}", '# "training.stop" = "ctrl+x"', ""]
    return "\n".join(text)


def over_ssh() -> bool:
    """Whether the terminal is at the other end of an SSH connection."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def seconds_a_frame(settings: Settings, frames_per_second: float | None = None) -> float:
    """How long one drawing stands; a rate that was asked for on the command line counts before the settings."""
    usual = settings.frames_per_second_over_ssh if over_ssh() else settings.frames_per_second
    return 1 / (frames_per_second or usual)
