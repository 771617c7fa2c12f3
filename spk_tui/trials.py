"""What trials have measured on this machine, kept in the cache by all that a training step depends on.

Trying is the work of `engine.trial_client`. A file that can't be read or written costs the memory of earlier trials,
and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from collections.abc import Callable

import msgspec
from msgspec import Struct

from engine.errors import InputError
from engine.files import cache_folder, write_atomically
from engine.model_settings import OwnEncoder
from engine.preset import Preset
from engine.trial_client import Trial, try_preset


class Tried(Struct, frozen=True):
    """A trial and when it was (Unix seconds)."""

    trial: Trial
    time: float


class Trials:
    """The trials of this machine by training step. Read at the first question, which so blocks for one small file."""

    def __init__(self) -> None:
        self._known: dict[str, Tried] | None = None

    def find(self, preset: Preset) -> Tried | None:
        """The last trial whose training step was this preset's."""
        return self._all().get(_step(preset))

    def keep(self, preset: Preset, trial: Trial, time: float) -> None:
        """Remembers a trial, on the disk too."""
        known = self._known = {**self._all(), _step(preset): Tried(trial, time)}
        with contextlib.suppress(OSError, InputError):
            path = cache_folder() / "trials.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, msgspec.json.encode(known))

    def _all(self) -> dict[str, Tried]:
        if self._known is None:
            try:
                path = cache_folder() / "trials.json"
                self._known = msgspec.json.decode(path.read_bytes(), type=dict[str, Tried])
            except (OSError, InputError, msgspec.DecodeError):
                self._known = {}
        return self._known


def try_in_thread(preset: Preset, speakers: int | None, is_wanted: Callable[[], bool]) -> Trial:
    """Tries a preset while somebody wants to know. Blocks for seconds. Raises `InputError`."""

    def look() -> None:
        if not is_wanted():
            raise InputError("nobody waits for the trial any more")

    return try_preset(preset, speakers, while_waiting=look)


def _step(preset: Preset) -> str:
    """What one optimizer step depends on, as one word. Sizes of the corpus and the head's speakers change little."""
    run = preset.run
    parts = (preset.front_end, preset.encoder, preset.pooling, preset.head, preset.segments, preset.optimizer)
    masks = (preset.augment.time_masks, preset.augment.frequency_masks, preset.features.mel_bands)
    machine = (platform.node(), run.device, run.precision, run.threads)
    changed: float = 0
    if isinstance(preset.encoder, OwnEncoder):
        with contextlib.suppress(OSError):
            changed = os.stat(preset.encoder.file).st_mtime
    return hashlib.sha256(msgspec.json.encode([parts, masks, machine, changed])).hexdigest()[:24]
