"""Which keys do what, and other keys for it from a user's settings: what can't be used is told, with the reason.

Every binding with an id can have another key. To know them all, all screens have to be loaded, so this is for users who
change keys, for lists and for tests; everybody else's dashboard never loads it.
"""

from __future__ import annotations

import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key, key_to_character

import spk_tui.screens
import spk_tui.widgets
from engine.errors import nearest_spelling

TAKEN = {
    "ctrl+a": "screen takes it",
    "ctrl+b": "tmux takes it",
    "ctrl+c": "it copies",
    "ctrl+h": "many terminals send it for backspace",
    "ctrl+i": "terminals send it for tab",
    "ctrl+j": "terminals send it for enter",
    "ctrl+l": "terminals draw themselves anew with it",
    "ctrl+m": "terminals send it for enter",
    "ctrl+p": "it opens the palette",
    "ctrl+q": "terminals take it to let output go on",
    "ctrl+s": "terminals take it to hold output",
    "ctrl+z": "shells take it to suspend a program",
    "tab": "it moves the keyboard on",
    "shift+tab": "it moves the keyboard back",
}
"""Keys that nothing of ours may need, and why."""


@dataclass(frozen=True)
class Action:
    """A binding that can have another key: its id, usual keys, what it does, and the class that has it."""

    id: str
    keys: tuple[str, ...]
    text: str
    owner: type[DOMNode]


def all_actions() -> dict[str, Action]:
    """Every action with an id, by that id; the app's own come first. Loads all screens and widgets."""
    from spk_tui.app import Dashboard

    found: dict[str, Action] = {}
    owners: list[type[DOMNode]] = [Dashboard, *classes_with_keys()]
    for owner in owners:
        for binding in bindings_of(owner):
            if binding.id and binding.id not in found:
                keys = tuple(_normal(key) for key in binding.key.split(","))
                found[binding.id] = Action(binding.id, keys, binding.tooltip or binding.description, owner)
    return found


def bindings_of(owner: type[DOMNode]) -> Iterator[Binding]:
    """The bindings that a class declares itself."""
    for item in owner.__dict__.get("BINDINGS", ()):
        yield item if isinstance(item, Binding) else Binding(*item)


def classes_with_keys() -> list[type[DOMNode]]:
    """Every class of our screens and widgets that may have keys, by module and name."""
    modules = [
        import_module(f"{package.__name__}.{item.name}")
        for package in (spk_tui.screens, spk_tui.widgets)
        for item in pkgutil.iter_modules(package.__path__)
    ]
    return [kind for module in modules for kind in _own(module)]


def _own(module: ModuleType) -> list[type[DOMNode]]:
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, DOMNode) and kind.__module__ == module.__name__
    ]


def checked_keymap(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The keymap for Textual, and a line for each key that can't be used; the usual one stays in its place."""
    actions = all_actions()
    problems: list[str] = []
    keymap: dict[str, str] = {}
    for name, keys in wanted.items():
        if name not in actions:
            hint = nearest_spelling(name, actions)
            problems.append(f"keys.{name}: there is no such action{hint} ('spk-tui settings --keys' lists them)")
        elif reason := _unusable(keys):
            problems.append(f"keys.{name} = '{keys}' can't be used: {reason}")
        else:
            keymap[name] = ",".join(_normal(key) for key in keys.split(","))
    for name in list(keymap):
        if other := _clash(actions[name], keymap, actions):
            key = wanted[name]
            del keymap[name]
            problems.append(f"keys.{name} = '{key}' can't be used: {other.id} has it ({other.text})")
    return _complete(keymap, actions), problems


def _unusable(keys: str) -> str:
    """Why one of these keys, separated by commas, can't be anyone's; "" when each can."""
    for key in keys.split(","):
        *modifiers, base = (part.strip() for part in _normal(key).split("+"))
        name = "+".join([*modifiers, base])
        if name in TAKEN:
            return TAKEN[name]
        if "alt" in modifiers or "meta" in modifiers or "super" in modifiers:
            return "terminals and desktops take keys with alt"
        if unknown := [modifier for modifier in modifiers if modifier not in ("ctrl", "shift")]:
            return f"'{unknown[0]}' is neither ctrl nor shift"
        if not base or not (key_to_character(base) or base in {known.value for known in Keys}):
            return f"there is no key '{key.strip()}'{nearest_spelling(name, [known.value for known in Keys])}"
    return ""


def _normal(key: str) -> str:
    """A key as Textual names it: "?" is question_mark."""
    key = key.strip()
    return _character_to_key(key) if len(key) == 1 else key


def _clash(action: Action, keymap: Mapping[str, str], actions: Mapping[str, Action]) -> Action | None:
    """Another action with one of its new keys, where both can be at hand; those that always shared a key may."""
    mine = set(keymap[action.id].split(","))
    for other in actions.values():
        theirs = set(keymap[other.id].split(",")) if other.id in keymap else set(other.keys)
        shared_before = bool(set(action.keys) & set(other.keys))
        if other.id != action.id and mine & theirs and not shared_before and _meet(action.owner, other.owner):
            return other
    return None


def _meet(one: type[DOMNode], other: type[DOMNode]) -> bool:
    """Whether both can have the keyboard at once: the app always, a screen with the widgets that its module names."""
    return (
        one is other or issubclass(one, App) or issubclass(other, App) or other in _parts(one) or one in _parts(other)
    )


def _parts(owner: type[DOMNode]) -> set[type[DOMNode]]:
    """The classes of ours that a class's module names, and what theirs name."""
    found: set[type[DOMNode]] = set()
    waiting = [owner]
    while waiting:
        module = import_module(waiting.pop().__module__)
        for kind in vars(module).values():
            is_part = isinstance(kind, type) and issubclass(kind, DOMNode) and "spk_tui.widgets" in kind.__module__
            if is_part and kind not in found:
                found.add(kind)
                waiting.append(kind)
    return found


def _complete(keymap: dict[str, str], actions: Mapping[str, Action]) -> dict[str, str]:
    """With the usual key of each action that shares one with a changed action: Textual would take it from both."""
    by_key: dict[tuple[type[DOMNode], str], list[Action]] = defaultdict(list)
    for action in actions.values():
        for key in action.keys:
            by_key[action.owner, key].append(action)
    completed = dict(keymap)
    for name in keymap:
        for key in actions[name].keys:
            for sibling in by_key[actions[name].owner, key]:
                completed.setdefault(sibling.id, ",".join(sibling.keys))
    return completed
