"""A preset while it is edited: an original, and the texts that were typed over its values, whether or not they fit yet.

Texts are kept as they were typed, since two keys may contradict each other until the second one is changed as well.
What is allowed is asked of `engine.preset_file`; how a draft looks is the editor's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec
import tomli
import tomli_w
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo

from engine.model_settings import OwnEncoder
from engine.own_kind import names_own_code
from engine.preset import Preset
from engine.preset_file import (
    PresetError,
    allowed,
    help_of,
    keys_of,
    kinds_of,
    parse_preset,
    plain_type,
    to_toml,
    with_overrides,
)
from spk_tui.wording import learning_rate

SECTIONS = (
    "encoder", "pooling", "head", "front_end", "segments", "augment", "optimizer", "schedule", "run", "validation",
    "divergence", "budget", "data", "features", "preset",
)  # fmt: skip
"""In the order in which one thinks of them; all that a preset has."""


@dataclass(frozen=True)
class Field:
    """A key of a preset: its section, its name there, and what it takes; no `info` for a kind and an own option."""

    section: str
    name: str
    info: FieldInfo | None = None

    @property
    def key(self) -> str:
        """As in "encoder.ffn"."""
        return f"{self.section}.{self.name}"

    @property
    def is_kind(self) -> bool:
        """Whether it says what the section's other keys are."""
        return self.info is None and self.name == "kind"

    @property
    def help(self) -> str:
        """The sentence that explains it."""
        if self.info is not None:
            return help_of(self.info)
        return f"what kind of {self.section.replace('_', ' ')}" if self.is_kind else "an option of your own class"

    @property
    def takes(self) -> str:
        """What it takes, in words."""
        if self.info is not None:
            return allowed(self.info.type)
        if not self.is_kind:
            return "whatever the class takes; empty leaves it to the class"
        own = ", or a class of your own, file.py:Class" if self.section == "encoder" else ""
        return f"one of {len(self.choices)} kinds{own}"

    @property
    def default(self) -> str | None:
        """Its value in a preset that doesn't name it, as one would type it; None when every preset has to."""
        if self.info is None or self.info.required:
            return None
        value = self.info.default if self.info.default is not NODEFAULT else self.info.default_factory()
        return text_of(value, self.name)

    @property
    def choices(self) -> tuple[str, ...]:
        """The values there are, where they can be counted up; else none."""
        if self.is_kind:
            return tuple(kinds_of(self.section))
        bare = None if self.info is None else plain_type(self.info.type)
        if bare is bool:
            return ("false", "true")
        return tuple(map(str, get_args(bare))) if get_origin(bare) is Literal else ()


@dataclass(frozen=True)
class Change:
    """What a key was and is, as one would type it; None where the other kind of a section has no such key."""

    key: str
    before: str | None
    after: str | None


class Draft:
    """An original preset and what was typed over it."""

    def __init__(self, original: Preset, edited: Preset | None = None) -> None:
        """edited: a preset that was made of the original before; what it differs in is taken as typed."""
        self.original = original
        self._values = _tables(original)
        self._texts: dict[str, str] = {}
        self._judged: tuple[Preset | None, list[str]] = (original, [])
        self._judged_texts: dict[str, str] = {}
        if edited is not None:
            self.take_over(edited)

    # ------------------------------------------------------------------------------------------------ what there is

    def fields(self) -> Iterator[Field]:
        """Every key that the preset has now, by section."""
        for section in SECTIONS:
            kind = self.kind(section)
            if kind is not None:
                yield Field(section, "kind")
            if section == "encoder" and names_own_code(kind):
                yield from (Field(section, name) for name in self._own_options())
            else:
                yield from (Field(section, name, info) for name, info in keys_of(section, kind).items())

    def kind(self, section: str) -> str | None:
        """The kind of a section as it is now; None for those that have but one."""
        return self.text(f"{section}.kind") if kinds_of(section) else None

    def text(self, key: str) -> str:
        """A key's value as one would type it; empty when it has none."""
        if key in self._texts:
            return self._texts[key]
        section, _, name = key.partition(".")
        table = self._values.get(section, {})
        if name == "kind" or name in table:
            return text_of(table.get(name), name)
        info = None if names_own_code(self.kind(section)) else keys_of(section, self.kind(section)).get(name)
        return Field(section, name, info).default or ""

    def before(self, key: str) -> str | None:
        """The original's value as one would type it; None where the original has no such key."""
        section, _, name = key.partition(".")
        table = self._values.get(section, {})
        known = keys_of(section, table.get("kind")) if not names_own_code(table.get("kind")) else {}
        return text_of(table.get(name), name) if name in table or name in known else None

    def is_changed(self, key: str) -> bool:
        """Whether it isn't what it was."""
        return self.text(key) != self.before(key)

    def changes(self) -> list[Change]:
        """All that differs from the original, in the order of the fields; what a kind took with it comes with it."""
        found = []
        fields = list(self.fields())
        present = {field.key for field in fields}
        for field in fields:
            if self.is_changed(field.key):
                found.append(Change(field.key, self.before(field.key), self.text(field.key)))
            if field.is_kind:
                gone = [f"{field.section}.{name}" for name in self._values[field.section]]
                found += [Change(key, self.before(key), None) for key in gone if key not in present]
        return found

    # ------------------------------------------------------------------------------------------------ what it comes to

    @property
    def preset(self) -> Preset | None:
        """The preset as edited; None while something is wrong with it."""
        return self._judged[0]

    @property
    def problems(self) -> list[str]:
        """What is wrong, each in a sentence that names its key."""
        return self._judged[1]

    def problems_of(self, key: str) -> list[str]:
        """Those that name a key."""
        return [problem for problem in self.problems if key in problem]

    # ------------------------------------------------------------------------------------------------ changing

    def set(self, key: str, text: str) -> None:
        """What was typed for a key. Another kind keeps the keys that it shares, where they suit it."""
        section, _, name = key.partition(".")
        if name == "kind" and text != self.text(key):
            self._forget(section)
            self._put(key, text)
            self._judge()
            if self.problems and text in kinds_of(section):
                self._put_defaults(section, text)
        else:
            self._put(key, text)
        self._judge()

    def take_back(self, key: str) -> None:
        """The original's value again; with a kind, all of the original's section."""
        section, _, name = key.partition(".")
        if name == "kind":
            self._forget(section)
        else:
            self._texts.pop(key, None)
            before = self.before(key)
            if before is not None:
                self._put(key, before)
        self._judge()

    def take_back_all(self) -> None:
        """The original again."""
        self._texts.clear()
        self._judge()

    def take_over(self, preset: Preset) -> None:
        """Makes the draft equal to a preset, as if all that differs had been typed."""
        self._texts.clear()
        tables = _tables(preset)
        for section, table in tables.items():
            if "kind" in table:
                self._put(f"{section}.kind", text_of(table["kind"], "kind"))
        for section, table in tables.items():
            for name, value in table.items():
                self._put(f"{section}.{name}", text_of(value, name))
        self._judge()

    def _put(self, key: str, text: str) -> None:
        text = text.strip()
        if text == self.before(key):
            self._texts.pop(key, None)
        else:
            self._texts[key] = text

    def _put_defaults(self, section: str, kind: str) -> None:
        """The kind's own values for each of its keys: those of the kind before don't suit it."""
        for name, info in keys_of(section, kind).items():
            default = Field(section, name, info).default
            if default is not None:
                self._put(f"{section}.{name}", default)

    def _forget(self, section: str) -> None:
        for key in [key for key in self._texts if key.startswith(f"{section}.")]:
            del self._texts[key]

    def _judge(self) -> None:
        if self._texts == self._judged_texts:
            return
        self._judged_texts = dict(self._texts)
        try:
            self._judged = (self._resolved(), [])
        except PresetError as error:
            self._judged = (None, error.problems)

    def _resolved(self) -> Preset:
        """Raises `PresetError`."""
        emptied = [key for key, text in self._texts.items() if not text and self._may_be_empty(key)]
        preset, name = self.original, self.original.name
        if emptied:
            tables = _tables(preset)
            for key in emptied:
                section, _, one = key.partition(".")
                tables[section].pop(one, None)
            preset = parse_preset(tomli_w.dumps(_without_none(tables)), name)
        typed = {key: text for key, text in self._texts.items() if key not in emptied}
        return with_overrides(preset, [f"{key}={self._as_toml(key, text)}" for key, text in typed.items()], name)

    def _may_be_empty(self, key: str) -> bool:
        """Whether a key without a value means something: none, or that the class decides."""
        section, _, name = key.partition(".")
        if names_own_code(self.kind(section)):
            return name != "kind"
        info = keys_of(section, self.kind(section)).get(name)
        return info is not None and info.default is None

    def _as_toml(self, key: str, text: str) -> str:
        """What was typed, as TOML: texts are quoted, so that a name such as 1e5 stays one."""
        section, _, name = key.partition(".")
        kind = self.kind(section)
        info = None if names_own_code(kind) and section == "encoder" else keys_of(section, kind).get(name)
        is_text = name == "kind" or (info is not None and plain_type(info.type) is str)
        return json.dumps(text, ensure_ascii=False) if is_text else text or '""'

    def _own_options(self) -> list[str]:
        """Options of a class of one's own that are given, and the width that most of them take."""
        given = self._values["encoder"] if "encoder.kind" not in self._texts else {}
        typed = [key.partition(".")[2] for key in self._texts if key.startswith("encoder.")]
        return [name for name in dict.fromkeys(["d_model", *given, *typed]) if name != "kind"]


def text_of(value: Any, name: str = "") -> str:
    """A value as one would type it: 1e-3 for a learning rate, true, [0.9, 1.1], and text without quotes."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if name == "learning_rate" and float(learning_rate(value)) == value:
        return learning_rate(value)
    return json.dumps(value, default=list)


def value_of(preset: Preset, key: str) -> str:
    """A key's value in a preset, as one would type it."""
    section, _, name = key.partition(".")
    return text_of(msgspec.to_builtins(preset)[section][name], name)


def _tables(preset: Preset) -> dict[str, dict[str, Any]]:
    """The sections by name as TOML has them, and None for what has no value."""
    tables: dict[str, dict[str, Any]] = msgspec.to_builtins(preset)
    if isinstance(preset.encoder, OwnEncoder):
        tables["encoder"] = tomli.loads(to_toml(preset))["encoder"]
    return tables


def _without_none(tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: value for key, value in table.items() if value is not None} for name, table in tables.items()}
