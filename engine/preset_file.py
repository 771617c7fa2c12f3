"""Presets as TOML: reading with messages for people, changing key by key, writing back.

msgspec reports one error with a path only. So each key is converted alone and the message is composed here: file, key,
the value found, what is allowed, and the nearest spelling.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import tomli
import tomli_w
from msgspec import Meta
from msgspec import inspect as msgspec_inspect
from msgspec.structs import FieldInfo, fields

from engine.contradictions import contradictions
from engine.errors import InputError, nearest_spelling
from engine.model_settings import OwnEncoder
from engine.own_kind import anchor, default_front_end, names_own_code, read_own_kind, write_own_kind
from engine.preset import Preset
from engine.section import Section

SECTIONS: dict[str, FieldInfo] = {item.name: item for item in fields(Preset)}


USUAL_FRONT_END = {"kind": "linear"}


class PresetError(InputError):
    """A preset can't be used; `problems` has one line for each reason."""

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = list(problems)
        super().__init__("\n".join(f"{source}: {problem}" for problem in self.problems))


def load_preset(path: Path, overrides: Iterable[str] = ()) -> Preset:
    """Reads a preset file and applies overrides such as "run.steps=500". Raises `PresetError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PresetError(str(path), [f"can't be read ({error.strerror})"]) from None
    except UnicodeDecodeError as error:
        raise PresetError(str(path), [f"is not UTF-8 text (byte {error.start})"]) from None
    return parse_preset(text, str(path), overrides, path.parent)


def parse_preset(text: str, source: str, overrides: Iterable[str] = (), folder: Path | None = None) -> Preset:
    """Makes a `Preset` of TOML text; `source` is how messages call it. Raises `PresetError`.

    folder: what relative paths in the text start from; the working directory, when none is given.
    """
    try:
        tables = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise PresetError(source, [f"is not valid TOML: {error}"]) from None
    encoder = tables.get("encoder")
    if folder is not None and isinstance(encoder, dict):
        anchor(encoder, folder)
    return _from_tables(tables, source, overrides)


def with_overrides(preset: Preset, overrides: Iterable[str], source: str = "--set") -> Preset:
    """The preset with keys replaced, checked as if it had been written so. Raises `PresetError`."""
    return _from_tables(_tables(preset), source, overrides)


def to_toml(preset: Preset, folder: Path | None = None) -> str:
    """The preset as TOML text that `parse_preset` reads back to an equal preset.

    folder: where the text will lie; what lies there too is named relative to it.
    """
    tables = {
        section: {key: value for key, value in table.items() if value is not None}
        for section, table in _tables(preset, folder).items()
    }
    return tomli_w.dumps(tables)


def _tables(preset: Preset, folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """The sections by name, as TOML has them."""
    tables: dict[str, dict[str, Any]] = msgspec.to_builtins(preset)
    if isinstance(preset.encoder, OwnEncoder):
        tables["encoder"] = write_own_kind(preset.encoder, folder)
    return tables


@cache
def keys_of(section: str, kind: str | None = None) -> dict[str, FieldInfo]:
    """The fields of a section by key; for encoder, pooling and head those of the given kind."""
    return {item.name: item for item in fields(_structure(section, kind))}


@cache
def kinds_of(section: str) -> list[str]:
    """The kinds by name that [encoder], [pooling] or [head] can have; an empty list for other sections."""
    return [tag for structure in _choices(section) if (tag := _tag(structure)) is not None]


def help_of_kind(section: str, kind: str) -> str:
    """What a kind of pooling, head or front end computes, from its declaration; empty where the name says it."""
    return (_structure(section, kind).__doc__ or "").partition(": ")[2].rstrip(".")


def help_of(item: FieldInfo) -> str:
    """The sentence that explains a key, from its declaration."""
    return next((meta.description for meta in _metas(item.type) if meta.description), "")


# ------------------------------------------------------------------------------------------------ composing messages


def _from_tables(tables: dict[str, Any], source: str, overrides: Iterable[str]) -> Preset:
    problems: list[str] = []
    tables = {name: dict(table) if isinstance(table, dict) else table for name, table in tables.items()}
    for override in sorted(overrides, key=lambda override: not _sets_a_kind(override)):
        _apply(override, tables, problems)
    for name in tables:
        if name not in SECTIONS:
            problems.append(f"unknown section [{name}]{nearest_spelling(name, SECTIONS)} {_allowed_keys(SECTIONS)}")
    sections: dict[str, Section] = {}
    for name, item in SECTIONS.items():
        if name in tables:
            section = _section(name, tables[name], problems)
            if section is not None:
                sections[name] = section
        elif item.required:
            problems.append(f"section [{name}] is missing")
    own = sections.get("encoder")
    if isinstance(own, OwnEncoder) and "front_end" not in tables:
        sections["front_end"] = default_front_end(own)
    if not problems:
        # Each section was converted to its field's own type.
        preset = Preset(**sections)  # type: ignore[arg-type]
        problems = contradictions(preset)
    if problems:
        raise PresetError(source, problems)
    return preset


def _sets_a_kind(override: str) -> bool:
    """Whether it drops the keys of another kind, and so has to come before those that give keys to the new one."""
    return override.partition("=")[0].strip().endswith(".kind")


def _apply(override: str, tables: dict[str, Any], problems: list[str]) -> None:
    """Puts one "section.key=value" into the tables. A new kind drops the keys that it doesn't have."""
    name, equals, text = override.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and key):
        problems.append(f"'{override}' is not of the form section.key=value, such as run.steps=500")
        return
    if section not in SECTIONS:
        known = [f"{known}.{key}" for known in SECTIONS]
        problems.append(f"'{name}': unknown section{nearest_spelling(f'{section}.{key}', known)}")
        return
    table = tables.setdefault(section, {})
    if not isinstance(table, dict):
        return  # reported as a section that is no table
    value = _value(text.strip())
    if key == "kind" and value in kinds_of(section):
        known_keys = keys_of(section, str(value))
        for other in [other for other in table if other not in known_keys]:
            del table[other]
    elif key == "kind" and names_own_code(value):
        table.clear()  # which keys the class has, nobody knows before it runs
        if tables.get("front_end") == USUAL_FRONT_END:
            del tables["front_end"]  # it was made for another encoder; whether this one wants it, its d_model says
    table[key] = value


def _value(text: str) -> Any:
    """A value as TOML reads it; bare words are strings, so that nobody quotes twice in a shell."""
    try:
        return tomli.loads(f"value = {text}")["value"]
    except tomli.TOMLDecodeError:
        return text


def _section(name: str, table: Any, problems: list[str]) -> Section | None:
    if not isinstance(table, dict):
        problems.append(f"{name} = {_shown(table)} should be a section, written [{name}]")
        return None
    kinds = kinds_of(name)
    kind = table.get("kind")
    if kinds:
        if kind is None:
            problems.append(f"{name}.kind is missing; allowed: {', '.join(kinds)}")
            return None
        if name == "encoder" and names_own_code(kind):
            return read_own_kind(table, problems)
        if kind not in kinds:
            hint = nearest_spelling(str(kind), kinds)
            own = ", or a class of your own: file.py:Class" if name == "encoder" else ""
            problems.append(f"{name}.kind = {_shown(kind)} is unknown{hint} (allowed: {', '.join(kinds)}{own})")
            return None
        table = {key: value for key, value in table.items() if key != "kind"}
    kind = kind if kinds else None
    structure, known = _structure(name, kind), keys_of(name, kind)
    values: dict[str, Any] = {}
    before = len(problems)
    for key, value in table.items():
        if key not in known:
            problems.append(
                f"unknown key {name}.{key} = {_shown(value)}{nearest_spelling(key, known)} {_allowed_keys(known)}"
            )
            continue
        annotation = known[key].type
        try:
            values[key] = msgspec.convert(value, annotation)
        except msgspec.ValidationError:
            problems.append(f"{name}.{key} = {_shown(value)} is not allowed; it takes {allowed(annotation)}")
            continue
        if isinstance(value, float) and not math.isfinite(value):
            problems.append(f"{name}.{key} = {_shown(value)} is not allowed; it takes {allowed(annotation)}, finite")
    for key, item in known.items():
        if item.required and key not in table:
            problems.append(f"{name}.{key} is missing; it takes {allowed(item.type)}")
    return structure(**values) if len(problems) == before else None


def allowed(annotation: Any) -> str:
    """What a key takes, in words, from its type: "a whole number of at least 1"."""
    metas = _metas(annotation)
    bounds = {
        name: getattr(meta, name)
        for meta in metas
        for name in ("ge", "gt", "le", "lt")
        if getattr(meta, name) is not None
    }
    bare = plain_type(annotation)
    if get_origin(bare) is tuple:
        return _list_in_words(bare)
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(bare))
    pattern = next((meta.description for meta in metas if meta.pattern), None)
    if pattern:
        return pattern
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}
    text = words.get(bare, str(bare))
    phrases = {"ge": "of at least", "gt": "above", "le": "at most", "lt": "below"}
    limits = [f"{phrases[name]} {bounds[name]}" for name in ("ge", "gt", "le", "lt") if name in bounds]
    return " ".join([text, " and ".join(limits)]).strip()


def _list_in_words(bare: Any) -> str:
    """For a tuple of bounded numbers, of any length or of a fixed one: "a list of numbers from 0.5 to 2"."""
    items = get_args(bare)
    count = "" if Ellipsis in items else f"{len(items)} "
    bounds = {name: getattr(meta, name) for meta in _metas(items[0]) for name in ("ge", "le")}
    return f"a list of {count}numbers from {bounds['ge']:g} to {bounds['le']:g}"


def _allowed_keys(known: Iterable[str]) -> str:
    return f"(known: {', '.join(known)})"


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    text = re.sub(r"\s+", " ", text)
    return text if len(text) <= 60 else text[:57] + "..."


@cache
def _choices(section: str) -> list[type[Section]]:
    """The structures that a section can be: one, or one for each kind."""
    annotation = get_type_hints(Preset)[section]
    arms = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return [arm for arm in arms if arm is not OwnEncoder]  # which has no name of its own, and no keys that are known


def _structure(section: str, kind: str | None) -> type[Section]:
    choices = _choices(section)
    return next((choice for choice in choices if kind is not None and _tag(choice) == kind), choices[0])


def _tag(structure: type[Section]) -> str | None:
    described = msgspec_inspect.type_info(structure)
    assert isinstance(described, msgspec_inspect.StructType)
    return None if described.tag is None else str(described.tag)


def _metas(annotation: Any) -> list[Meta]:
    """Every Meta of an annotation, the outermost last."""
    if get_origin(annotation) is Annotated:
        inner, *extra = get_args(annotation)
        return _metas(inner) + [item for item in extra if isinstance(item, Meta)]
    return [meta for arm in get_args(annotation) for meta in _metas(arm)] if get_origin(annotation) is Union else []


def plain_type(annotation: Any) -> Any:
    """The annotation without Meta and without "or None"."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        arms = [arm for arm in get_args(annotation) if arm is not type(None)]
        return plain_type(arms[0]) if len(arms) == 1 else annotation
    return annotation
