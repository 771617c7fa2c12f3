"""Which runs of a list are meant: words and `key:value` pairs, the same on the runs screen and for `runs --filter`.

All parts of a filter have to hold. It knows how a run is described and nothing of where it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from engine.errors import InputError, nearest_spelling
from spk_tui.run_rows import RunRow
from spk_tui.wording import corpus_words, encoder_words

PART = re.compile(r'(?:(?P<key>[a-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>\S*))\s*', re.IGNORECASE)

FIELDS: dict[str, Callable[[RunRow], Iterable[str]]] = {
    "tag": lambda row: row.labels.tags,
    "state": lambda row: (row.condition,),
    "preset": lambda row: (row.info.preset,),
    "corpus": lambda row: (corpus_words(row.info.corpus), row.info.corpus),
    "encoder": lambda row: (encoder_words(row.encoder), row.encoder),
    "device": lambda row: (row.info.device,),
    "name": lambda row: (row.labels.name,),
    "note": lambda row: (row.labels.notes,),
    "run": lambda row: (row.run.id,),
}
FROM_THE_BEGINNING = frozenset({"tag", "state"})
"""Where a value is the beginning of what it means; elsewhere it may stand anywhere."""

Test = Callable[[RunRow], bool]


def parse(text: str) -> Test:
    """Tells whether a run is meant by the filter; an empty one means all. Upper and lower case are one.

    Words are looked for in everything that a run is described by. Raises `InputError` for a key that there is none of.
    """
    tests = []
    for found in PART.finditer(text.strip()):
        key, value = found["key"], found["quoted"] if found["quoted"] is not None else found["plain"]
        if key is not None and key.lower() not in FIELDS:
            hint = nearest_spelling(key.lower(), FIELDS)
            raise InputError(f"runs have no '{key}:'{hint} (they have {', '.join(FIELDS)})")
        if value:
            tests.append(_test(key.lower() if key else None, value.casefold()))
    return lambda row: all(test(row) for test in tests)


def _test(key: str | None, value: str) -> Test:
    if key is None:
        return lambda row: any(value in part.casefold() for of in FIELDS.values() for part in of(row))
    of = FIELDS[key]
    if key in FROM_THE_BEGINNING:
        return lambda row: any(part.casefold().startswith(value.removeprefix("#")) for part in of(row))
    return lambda row: any(value in part.casefold() for part in of(row))
