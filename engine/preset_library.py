"""Finding presets: those that come with the program, in a checkout or in the wheel, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.errors import InputError, nearest_spelling
from engine.files import config_folder, user_path, write_atomically
from engine.preset import Preset
from engine.preset_file import PresetError, load_preset, to_toml


class FoundPreset(msgspec.Struct, frozen=True):
    """A preset file: either `preset` is there, or `problem` says why it can't be used."""

    name: str
    path: str
    own: bool
    preset: Preset | None
    problem: str = ""


def built_in_folder() -> Path:
    """The presets that come with the program: inside the installed package, else beside it in the checkout."""
    package = Path(__file__).parent
    installed = package / "presets"
    return installed if installed.is_dir() else package.parent / "presets"


def own_folder() -> Path:
    """Where a user's own presets lie."""
    return config_folder() / "presets"


def list_presets() -> list[FoundPreset]:
    """All presets, built-in first, by size; a file with a problem hides no other.

    A user's file that is named like a built-in preset, inside and outside, takes its place. Any other preset whose name
    is taken is a problem of the later file.
    """
    found: dict[str, FoundPreset] = {}
    for folder, own in ((built_in_folder(), False), (own_folder(), True)):
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
            entry = _read(path, own)
            other = found.get(entry.name)
            if other is not None and (entry.preset is None or other.own or path.stem != entry.name):
                taken = f"{path}: the name '{entry.name}' is taken by {other.path}; give it a preset.name of its own"
                entry = FoundPreset(path.name, str(path), own, None, entry.problem or taken)
            found[entry.name] = entry
    return sorted(found.values(), key=_place)


def find_preset(name: str, overrides: Iterable[str] = ()) -> Preset:
    """The preset of that name, or in the file of that path, with overrides. Raises `InputError`."""
    path = user_path(name)
    if path.suffix == ".toml" or len(path.parts) > 1:
        return load_preset(path, overrides)
    presets = {entry.name: entry for entry in list_presets()}
    if name not in presets:
        known = ", ".join(presets)
        hint = nearest_spelling(name, presets)
        raise InputError(f"no preset is called '{name}'{hint} (there are: {known}; or give the path of a .toml file)")
    return load_preset(Path(presets[name].path), overrides)


def save_own(preset: Preset, replaced: FoundPreset | None = None) -> Path:
    """Writes a preset of the user's own under its name, in place of the file of another one if given.

    Returns the file. Raises `InputError` when it can't be written; then nothing has changed.
    """
    path = Path(replaced.path) if replaced is not None else own_folder() / f"{preset.name}.toml"
    if replaced is None and path.exists():
        raise InputError(f"{path}: is there already, and holds no preset of that name; give another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, to_toml(preset, path.parent))
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror})") from None
    return path


def _read(path: Path, own: bool) -> FoundPreset:
    try:
        preset = load_preset(path)
    except PresetError as error:
        return FoundPreset(name=path.stem, path=str(path), own=own, preset=None, problem=str(error))
    return FoundPreset(name=preset.name, path=str(path), own=own, preset=preset)


def _place(entry: FoundPreset) -> tuple[bool, bool, int, str]:
    size = entry.preset.preset.encoder_parameters if entry.preset else None
    return entry.preset is None, entry.own, size or 0, entry.name
