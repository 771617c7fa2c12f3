"""Saving an edited preset as one of the user's own: a name is asked for, and what is there is replaced only if told so.

Writing the file is the work of `engine.preset_library`.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.errors import InputError
from engine.preset import Preset
from engine.preset_library import list_presets, save_own
from spk_tui.screens.name_dialog import NameDialog
from spk_tui.screens.room import Room


async def save_as(room: Room, preset: Preset, counted: int | None) -> Preset | None:
    """The preset as it was saved; None when it wasn't, of which the user knows. To be awaited in a Textual worker.

    counted: parameters of its encoder, which the file states for lists that can't count.
    """
    taken = {entry.name: entry for entry in await room.in_thread(list_presets)}
    free = preset.name not in taken or taken[preset.name].own
    stated = replace(preset, preset=replace(preset.preset, encoder_parameters=counted))
    dialog = NameDialog(stated, taken, preset.name if free else f"my-{preset.name}")
    saved = await room.app.push_screen_wait(dialog)
    if saved is None:
        return None
    try:
        path = await room.in_thread(save_own, saved, taken.get(saved.name))
    except InputError as error:
        room.notify(str(error), title="Not saved", severity="error", timeout=10, markup=False)
        return None
    room.notify(str(path), title=f"Saved as {saved.name}", timeout=6, markup=False)
    return saved
