"""A run's preset as it was resolved, as TOML, under what differs from the preset of that name in the library.

The library is read in a thread, and only while the pane is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.preset import Preset
from engine.preset_changes import Change, changes
from engine.preset_file import to_toml
from spk_tui.background import in_thread
from spk_tui.widgets.pieces import cell
from spk_tui.wording import one_line


class ConfigurationPane(VerticalScroll):
    """Seen only while it is open."""

    DEFAULT_CSS = """
    ConfigurationPane {
        border: round $panel-lighten-1; border-title-color: $foreground; padding: 0 1; scrollbar-size-vertical: 1;
        & > Static { height: auto; }
        &:focus { border: round $primary; border-title-color: $primary; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.border_title = "Configuration"
        self._preset: Preset | None = None
        self.copyable = ""

    def compose(self) -> ComposeResult:
        """What differs, then all of it."""
        yield Static("", id="differences")
        yield Static("", id="toml")

    async def show(self, preset: Preset) -> None:
        """Shows this preset, unless it is what stands there."""
        if preset == self._preset:
            return
        self._preset = preset
        toml, differing, remark = await in_thread(_read, preset)
        self.copyable = toml
        self.border_title = f"Configuration: {preset.name}"
        self.query_one("#differences", Static).update(difference_text(differing, remark))
        self.query_one("#toml", Static).update(toml_text(toml, differing))


def _read(preset: Preset) -> tuple[str, list[Change], str]:
    """In a thread: the TOML, what differs from the library's preset, and a sentence on that."""
    from engine.preset_library import list_presets

    found = {entry.name: entry.preset for entry in list_presets()}
    original = found.get(preset.name)
    if original is None:
        return to_toml(preset), [], f"no preset of the library is called '{preset.name}' now, so none is compared"
    differing = changes(original, preset)
    number = len(differing)
    if not number:
        return to_toml(preset), [], f"the same as the library's '{preset.name}'"
    keys = f"{number} key differs" if number == 1 else f"{number} keys differ"
    return to_toml(preset), differing, f"{keys} from the library's '{preset.name}', marked ▌ below:"


def difference_text(differing: Sequence[Change], remark: str) -> Content:
    """The sentence, and for each key what it is in the library and what it is here."""
    lines = [Content.styled(remark, "bold" if differing else "$foreground-muted")]
    width = max((len(change.key) for change in differing), default=0)
    for change in differing:
        here = Content.styled(in_toml(change.after), "bold $warning")
        lines.append(
            Content.assemble(
                "  ", cell(change.key, width), "  ", (in_toml(change.before), "$foreground-muted"), " → ", here
            )
        )
    return Content("\n").join([*lines, Content("")])


def toml_text(toml: str, differing: Sequence[Change]) -> Content:
    """The TOML with sections in bold, and a bar before each line that differs."""
    changed, section, lines = {change.key for change in differing}, "", []
    for line in toml.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            lines.append(Content.styled(f"  {line}", "bold $primary"))
        else:
            key = f"{section}.{line.partition(' =')[0]}"
            bar = ("▌ ", "$warning") if key in changed else "  "
            lines.append(Content.assemble(bar, (one_line(line), "bold" if key in changed else "")))
    return Content("\n").join(lines)


def in_toml(value: Any) -> str:
    """One value as TOML has it; a dash where there is none."""
    import tomli_w

    return "–" if value is None else one_line(tomli_w.dumps({"x": value}).removeprefix("x = ").strip())
