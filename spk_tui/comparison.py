"""Several runs beside each other: in which settings they differ, and what came of it.

Pure functions from runs as lists know them to a table of text and numbers. Reading runs is `compared_runs.py`'s
business, and how the table looks that of the compare screen and of `spk-tui compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from spk_tui.run_rows import RunRow
from spk_tui.wording import accuracy, corpus_words, count, duration, encoder_words, rate

Value: TypeAlias = str | int | float | bool | None
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Entry:
    """A run of a comparison. `letter` stands for it in charts; `seconds` is the time that it has trained."""

    letter: str
    row: RunRow
    seconds: float | None


@dataclass(frozen=True)
class Result:
    """A column of results: its key in JSON, its title, and how its value is found and said."""

    key: str
    title: str
    of: Callable[[Entry], float | None]
    say: Callable[[float | None], str]


def _counted(number: float | None) -> str:
    return "–" if number is None else count(number)


ACCURACIES = (
    Result("segment_accuracy", "segment", lambda entry: entry.row.figures.segment_accuracy, accuracy),
    Result("utterance_accuracy", "utterance", lambda entry: entry.row.figures.utterance_accuracy, accuracy),
)
OTHER_RESULTS = (
    Result("best_step", "at step", lambda entry: entry.row.best_step, _counted),
    Result("encoder_parameters", "parameters", lambda entry: entry.row.encoder_parameters, _counted),
    Result("seconds", "trained", lambda entry: entry.seconds, duration),
    Result("steps_per_second", "rate", lambda entry: entry.row.steps_per_second, rate),
)
"""Accuracies are those of the best checkpoint's validation."""


@dataclass(frozen=True)
class TableColumn:
    """A column of the table: its title, for each run a value to sort by and its words."""

    title: str
    values: tuple[Value, ...]
    texts: tuple[str, ...]
    is_setting: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it stands flush right."""
        return all(value is None or isinstance(value, int | float) for value in self.values)


def table_of(entries: Sequence[Entry]) -> list[TableColumn]:
    """The runs, their accuracies, the settings in which they differ, and the other results: a row a run."""
    names = tuple(f"{entry.letter} {entry.row.title}" for entry in entries)
    settings = differences([entry.row for entry in entries])
    titles = short_keys(list(settings))
    return [
        TableColumn("run", names, names),
        *(_column(result, entries) for result in ACCURACIES),
        *(
            TableColumn(title, values, tuple(say(value, title) for value in values), is_setting=True)
            for title, values in zip(titles, settings.values(), strict=True)
        ),
        *(_column(result, entries) for result in OTHER_RESULTS),
    ]


def sorted_places(column: TableColumn, *, reverse: bool = False) -> list[int]:
    """The places of the rows in the order of a column: numbers before words, those without a value last."""
    known = [place for place, value in enumerate(column.values) if value is not None]

    def key(place: int) -> tuple[bool, Value]:
        return isinstance(column.values[place], str), column.values[place]

    known.sort(key=key, reverse=reverse)
    return known + [place for place, value in enumerate(column.values) if value is None]


def _column(result: Result, entries: Sequence[Entry]) -> TableColumn:
    values = tuple(result.of(entry) for entry in entries)
    return TableColumn(result.title, values, tuple(map(result.say, values)))


def differences(rows: Sequence[RunRow]) -> dict[str, tuple[Value, ...]]:
    """The settings in which the runs differ, by key, with each run's value; None where a run has no such key.

    What a preset is called and expected to reach is no setting. A run whose preset can't be read has no settings.
    """
    settings = [_settings(row) for row in rows]
    keys = dict.fromkeys(key for each in settings for key in each)
    found = {key: tuple(each.get(key) for each in settings) for key in keys}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values)}


def short_keys(keys: Sequence[str]) -> list[str]:
    """The keys without their sections where that is enough to tell them apart."""
    ends = [key.rpartition(".")[2] for key in keys]
    return [end if ends.count(end) == 1 and end != "kind" else key for key, end in zip(keys, ends, strict=True)]


def say(value: Value, key: str = "") -> str:
    """A setting as it stands in TOML, without quotes; a dash for none. Encoders are called as people call them."""
    if value is None:
        return "–"
    if key == "encoder.kind":
        return encoder_words(str(value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _settings(row: RunRow) -> dict[str, Value]:
    settings: dict[str, Value] = {"corpus": corpus_words(row.info.corpus)}
    if row.preset is not None:
        tables: dict[str, Any] = msgspec.to_builtins(row.preset)
        del tables["preset"]
        settings.update(_flat(tables))
    if row.info.encoder_file:  # each run has a copy of its own, so its path always differs
        settings["encoder.file"] = f"{Path(row.info.encoder_file).name} {row.info.encoder_sha256[:8]}"
    for key, value in (("device", row.info.device), ("precision", row.info.precision)):
        if value:
            settings[f"used {key}"] = value
    return settings


def _flat(table: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, Value]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{section}{key}.")
        else:
            yield f"{section}{key}", ", ".join(map(str, value)) if isinstance(value, list) else value
