"""Asks what a preset of one's own shall be called, and says at once whether it can be. It writes nothing."""

from __future__ import annotations

import json

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from engine.preset import Preset
from engine.preset_file import PresetError, with_overrides
from engine.preset_library import FoundPreset, own_folder
from spk_tui.wording import short_path


class NameDialog(ModalScreen[Preset | None]):
    """Returns the preset under its new name, or None when it shall not be saved.

    A name of one's own that is taken is replaced by a second Enter; that of a preset of the program is refused, since
    its file would stand for another thing than the documents say.
    """

    DEFAULT_CSS = """
    NameDialog {
        align: center middle; background: $background 60%;
        & .dialog > Input { margin-top: 1; background: $panel; }
        & .dialog > .remark { height: auto; min-height: 2; }
        & .dialog > .remark.-wrong { color: $error; }
    }
    """
    BINDINGS = [Binding("escape", "cancel", "Cancel")]  # noqa: RUF012  # Textual's own way of declaring keys

    def __init__(self, preset: Preset, taken: dict[str, FoundPreset], suggested: str) -> None:
        super().__init__()
        self._preset = preset
        self._taken = taken
        self._suggested = suggested
        self._replaces = ""  # the name whose replacement was announced

    def compose(self) -> ComposeResult:
        """Where it goes, the name, and the two answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Save as a preset of your own"
            yield Static(f"It goes to {short_path(own_folder())} and stands in the list of presets.", markup=False)
            yield Input(self._suggested, placeholder="a name", compact=True, id="name")
            yield Static("", classes="remark", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Save", variant="primary", id="save", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """One types over the suggestion at once."""
        name = self.query_one(Input)
        name.focus()
        name.action_select_all()

    @on(Input.Changed)
    def _check(self) -> None:
        """What is wrong with the name is told while it is typed."""
        self._replaces = ""
        self._judged()

    @on(Input.Submitted)
    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        named, entry = self._judged(), self._taken.get(self.query_one(Input).value.strip())
        if named is None:
            return
        if entry is not None and self._replaces != entry.name:
            self._replaces = entry.name
            self._say(f"{entry.name} would be replaced for good by a second Enter.", wrong=False)
            return
        self.dismiss(named)

    def _judged(self) -> Preset | None:
        """The preset under the name that is typed; None, and the reason shown, when that can't be."""
        name = self.query_one(Input).value.strip()
        try:
            named = with_overrides(self._preset, [f"preset.name={json.dumps(name, ensure_ascii=False)}"], "name")
        except PresetError:
            self._say("A name has letters, digits, '.', '_' and '-', and begins with a letter or digit.", wrong=True)
            return None
        entry = self._taken.get(name)
        if entry is not None and not entry.own:
            self._say(f"{name} comes with the program; give another name.", wrong=True)
            return None
        self._say("" if entry is None else "You have a preset of this name; it would be replaced.", wrong=False)
        return named

    def _say(self, words: str, *, wrong: bool) -> None:
        remark = self.query_one(".remark", Static)
        remark.update(words)
        remark.set_class(wrong, "-wrong")

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Nothing is saved."""
        self.dismiss(None)
