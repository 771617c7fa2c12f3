"""What differs between two presets, key by key, as their files would have it."""

from __future__ import annotations

from typing import Any, NamedTuple

import tomli

from engine.preset import Preset
from engine.preset_file import to_toml


class Change(NamedTuple):
    """One key, such as "encoder.ffn", and its two values as TOML has them; None where it isn't there."""

    key: str
    before: Any
    after: Any


def changes(before: Preset, after: Preset) -> list[Change]:
    """The keys whose values differ, in the order of the second preset's file, then those that only the first has."""
    one, other = _flat(before), _flat(after)
    keys = dict.fromkeys([*other, *one])
    return [Change(key, one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)]


def _flat(preset: Preset) -> dict[str, Any]:
    tables = tomli.loads(to_toml(preset))
    return {f"{section}.{key}": value for section, table in tables.items() for key, value in table.items()}
