"""What a best checkpoint says of itself, in lines for a person: read from the file's own metadata, without any weights.

Only the beginning of the file is read, so that one of any size answers at once.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import tomli

from engine.errors import InputError
from spk_tui.wording import accuracy, count, encoder_words, one_line, small_size

LONGEST_HEADER = 100_000_000
"""Bytes; safetensors itself allows no longer one."""


def facts_of(path: Path) -> list[tuple[str, str]]:
    """What is in the file, as pairs of a word and what it is. Raises `InputError`. Blocks on the disk."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = msgspec.json.decode(file.read(length)) if 0 < length <= LONGEST_HEADER else None
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: can't be read as a checkpoint ({error})") from None
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(header, dict) or not isinstance(metadata, dict):
        raise InputError(f"{path}: is no checkpoint that says what it holds")
    try:
        return _facts(metadata, size)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: what it says of itself can't be read ({error})") from None


def _facts(metadata: dict[str, str], size: int) -> list[tuple[str, str]]:
    preset = tomli.loads(metadata["preset"])
    scores = msgspec.json.decode(metadata["scores"], type=dict[str, float])
    speakers = len(msgspec.json.decode(metadata["speakers"], type=list[str]))
    segment, utterance = scores.get("segment_accuracy"), scores.get("utterance_accuracy")
    facts = [
        ("preset", one_line(preset["preset"]["name"])),
        ("encoder", one_line(encoder_words(preset["encoder"]["kind"]))),
        ("speakers", f"{count(speakers)}, by name"),
        ("accuracy", f"{accuracy(segment)} by segment, {accuracy(utterance)} by utterance"),
        ("step", count(int(metadata["step"]))),
        ("size", small_size(size)),
    ]
    if own := metadata.get("encoder_file"):
        facts.append(("beside it", f"{one_line(own)}, your encoder: it needs it to be used"))
    return facts
