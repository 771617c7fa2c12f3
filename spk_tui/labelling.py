"""What people write on runs: a name, a note, tags. Every change goes through here, wherever it was typed.

Labels are read, changed and written at once: what another program has written meanwhile stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec
from msgspec import structs

from engine.errors import InputError
from engine.runs.directory import Labels, RunDirectory

LONGEST_NAME, LONGEST_TAG = 80, 40
Change = Callable[[Labels], Labels]


def tags_in(text: str) -> list[str]:
    """The tags of a line: words, with or without # and commas, each once. Raises `InputError`."""
    found = dict.fromkeys(word.removeprefix("#") for word in re.split(r"[\s,]+", text) if word.removeprefix("#"))
    for tag in found:
        if len(tag) > LONGEST_TAG or not tag.isprintable():
            raise InputError(f"'{tag[:LONGEST_TAG]}': a tag is a word of at most {LONGEST_TAG} letters")
    return list(found)


def renamed(name: str) -> Change:
    """Another name in lists; "" takes it away, and the preset's name stands there again. Raises `InputError`."""
    line = " ".join(name.split())
    if len(line) > LONGEST_NAME or not line.isprintable():
        raise InputError(f"'{line[:20]}…': a name has at most {LONGEST_NAME} letters")
    return lambda labels: structs.replace(labels, name=line)


def noted(note: str) -> Change:
    """Another note; it may have several lines."""
    return lambda labels: structs.replace(labels, notes=note.strip())


def tagged(add: Iterable[str] = (), remove: Iterable[str] = ()) -> Change:
    """Tags added and taken away; the others stay, in their order."""
    add, remove = tuple(add), frozenset(remove)
    return lambda labels: structs.replace(
        labels, tags=[tag for tag in dict.fromkeys((*labels.tags, *add)) if tag not in remove]
    )


def label(run: RunDirectory, *changes: Change) -> Labels:
    """Makes the changes and returns the labels as they are now. Raises `InputError`, also rather than to lose a file
    that can't be read.
    """
    try:
        labels = _labels(run)
        for change in changes:
            labels = change(labels)
        run.write_labels(labels)
    except OSError as error:
        raise InputError(f"{run.labels_path}: can't be written ({error.strerror}); nothing was changed") from None
    return labels


def _labels(run: RunDirectory) -> Labels:
    if not run.path.is_dir():
        raise InputError(f"{run.id} is gone: somebody has deleted it")
    try:
        return msgspec.json.decode(run.labels_path.read_bytes(), type=Labels)
    except FileNotFoundError:
        return Labels()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{run.labels_path}: can't be read as labels ({error}); mend or remove the file, and label the run again"
        ) from None
