"""What the command palette offers: whatever the screens name themselves, then every other key that does something now.

So no action is left out that has a key and a tooltip, whichever widget has it and wherever the keyboard is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

from textual.app import SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen


def commands_of_keys(screen: Screen[Any], named: Collection[Callable[..., object]]) -> Iterator[SystemCommand]:
    """The bindings with id and tooltip of a screen and its visible widgets that work now and aren't `named` already."""
    done = {getattr(action, "__name__", "") for action in named}
    seen: set[str] = set()
    widgets = [widget for widget in screen.walk_children() if widget.display and widget.is_attached]
    for node in (screen, *widgets):
        for binding in bindings_in(node):
            if f"action_{binding.action}" in done or binding.id in seen:
                continue
            if screen.app._check_action_state(binding.action, node):
                seen.add(binding.id or "")
                text = binding.tooltip or binding.description
                yield SystemCommand(
                    binding.description or text, text, partial(screen.app.run_action, binding.action, node)
                )


def bindings_in(node: DOMNode) -> Iterator[Binding]:
    """The bindings of a widget or screen that a person may be told of: those with an id and a tooltip."""
    for bindings in node._bindings.key_to_bindings.values():
        for binding in bindings:
            if binding.id and binding.tooltip:
                yield binding
