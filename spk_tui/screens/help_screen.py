"""Help where one is: the widget that has the keyboard, the screen around it, and every key that works there now.

The texts are the widgets' and screens' own (`HELP`, `HELP_TEXT`); keys are read from the bindings that are active, so
they are a user's own where those were changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from spk_tui.screens.room import Room
from spk_tui.widgets.pieces import cell

KEY_COLUMNS = 12


@dataclass(frozen=True)
class HelpPart:
    """One part of the help: a heading, a text that may be empty, and keys with what they do."""

    heading: str
    text: str
    keys: tuple[tuple[str, str], ...]


class HelpScreen(ModalScreen[None]):
    """Texts and lists of keys."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape,f1,question_mark,q", "dismiss", "Close", tooltip="Back to the screen", id="help.close")
    ]

    def __init__(self, parts: list[HelpPart]) -> None:
        super().__init__()
        self._parts = parts

    def compose(self) -> ComposeResult:
        """Part by part."""
        with VerticalScroll(classes="dialog help") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "Escape closes"
            for part in self._parts:
                yield Static(Content.styled(part.heading, "bold"), classes="heading")
                if part.text:
                    yield Static(part.text, markup=False)
                if part.keys:
                    yield Static(Content("\n").join([_line(key, text) for key, text in part.keys]), classes="keys")


def _line(key: str, text: str) -> Content:
    shown = Content.styled(key, "bold $primary")
    return Content.assemble(cell(shown, KEY_COLUMNS) if len(key) < KEY_COLUMNS else shown + "  ", text)


def help_on(screen: Screen[Any]) -> list[HelpPart]:
    """What can be said of where one is; parts that have nothing to say are left out."""
    here, around, everywhere = _keys(screen)
    everywhere = (*everywhere, ("ctrl+p", "All that can be done here, by name"))
    heading, text = _widget_help(screen)
    screen_text = screen.HELP_TEXT if isinstance(screen, Room) else ""
    parts = [
        HelpPart(heading, text, here),
        HelpPart("This screen", screen_text, around),
        HelpPart("Everywhere", "", everywhere),
    ]
    return [part for part in parts if part.text or part.keys]


def _widget_help(screen: Screen[Any]) -> tuple[str, str]:
    """Heading and text of the innermost widget around the keyboard that has a text."""
    for node in screen.focused.ancestors_with_self if screen.focused is not None else ():
        if isinstance(node, Screen):
            break
        text = getattr(node, "HELP", "")
        if text:
            title = getattr(node, "border_title", None)
            return f"Where you are: {Content.from_markup(title).plain}" if title else "Where you are", text
    return "Where you are", ""


def _keys(screen: Screen[Any]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Keys and text of what works now: on the widget with the keyboard, on the screen, everywhere.

    Several keys for one action share a line; a footer may show them in its own way, here each stands as it is pressed.
    """
    groups: tuple[dict[str, list[str]], ...] = ({}, {}, {})
    for active in screen.active_bindings.values():
        if _is_told(active):
            key = screen.app.get_key_display(replace(active.binding, key_display=None))
            text = active.binding.tooltip or active.binding.description
            groups[_place(active.node)].setdefault(text, []).append(key)
    return tuple(tuple((" ".join(keys), text) for text, keys in group.items()) for group in groups)


def _is_told(active: ActiveBinding) -> bool:
    binding = active.binding
    return active.enabled and bool(binding.show or (binding.id and binding.tooltip))


def _place(node: DOMNode) -> int:
    return 2 if isinstance(node, App) else 1 if isinstance(node, Screen) else 0
