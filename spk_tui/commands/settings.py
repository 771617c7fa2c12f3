"""The command `settings`: where a user's settings are, what each is and can be, and a file to begin with."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from engine.errors import InputError
from spk_tui.commands.answers import say, say_json, table
from spk_tui.commands.options import AsJson
from spk_tui.exit_codes import BAD_INPUT, WELL

Switch = Parameter(negative=(), show_default=False)


def settings(
    *, write: Annotated[bool, Switch] = False, keys: Annotated[bool, Switch] = False, as_json: AsJson = False
) -> int:
    """Prints where the settings of the dashboard are, and all of them with what they do and their defaults.

    What can't be used is told, with exit code 2; the dashboard takes the default in its place.

    JSON: {"path", "exists", "settings": [{"section", "key", "value", "default", "help"}], "keys": [{"id", "keys",
    "usual", "text"}], "problems"}; with --write {"path"}.

    Parameters
    ----------
    write
        write a file to begin with, every default in it as a comment; an existing file is never touched
    keys
        list every action that can have another key, with the one it has
    """
    if write:
        return _write(as_json)
    return _show(keys, as_json)


def _write(as_json: bool) -> int:
    from spk_tui.settings import default_text, settings_path

    path = settings_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(default_text())
    except FileExistsError:
        raise InputError(f"{path}: is there already, and is not overwritten; 'spk-tui settings' shows it") from None
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror})") from None
    if as_json:
        say_json({"path": str(path)})
    else:
        say(f"{path}: written; every setting is a comment with its default")
    return WELL


def _show(keys: bool, as_json: bool) -> int:
    from spk_tui.keymap import all_actions, checked_keymap
    from spk_tui.settings import lines, read_settings, settings_path
    from spk_tui.themes import known_or_default

    found, problems = read_settings()
    _, wrong_theme = known_or_default(found.theme, found.theme)
    keymap, wrong_keys = checked_keymap(found.keys)
    problems += [f"{settings_path()}: {problem}" for problem in ([wrong_theme] if wrong_theme else []) + wrong_keys]
    actions = [
        {"id": action.id, "keys": keymap.get(action.id, usual), "usual": usual, "text": action.text}
        for action in all_actions().values()
        for usual in [",".join(action.keys)]
    ]
    if as_json:
        answer = {"path": str(settings_path()), "exists": settings_path().exists(), "settings": lines(found)}
        say_json({**answer, "keys": actions, "problems": problems})
    elif keys:
        rows = [[action["id"], action["keys"], action["text"]] for action in actions]
        say(table(["ACTION", "KEYS", "WHAT IT DOES"], rows))
    else:
        _say_settings()
    if not as_json:
        for problem in problems:
            say(f"\n{problem}")
    return BAD_INPUT if problems else WELL


def _say_settings() -> None:
    from textwrap import fill

    from spk_tui.settings import KEYS_HELP, lines, read_settings, settings_path, toml_value
    from spk_tui.themes import names

    path = settings_path()
    say(f"{path}" if path.exists() else f"{path} (not there; 'spk-tui settings --write' makes it)")
    say("")
    rows = []
    for line in lines(read_settings()[0]):
        name = f"{line.section}.{line.key}" if line.section else line.key
        changed = f" (default {toml_value(line.default)})" if line.value != line.default else ""
        rows.append([name, toml_value(line.value) + changed, line.help])
    say(table(["SETTING", "VALUE", "WHAT IT DOES"], rows))
    say(f"\n[keys]: {KEYS_HELP}")
    say(fill(f"themes: {', '.join(names())}", 100, subsequent_indent=" " * 8, break_on_hyphens=False))
