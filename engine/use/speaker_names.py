"""Who the classes of another program's model are: the homework's mapping.json, or the speakers of a corpus."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from engine.corpus.opening import open_corpus
from engine.errors import InputError
from engine.preset import Data

MAPPING = "mapping.json"


class _Mapping(Struct):
    speaker2id: dict[str, int]


def speaker_names(path: Path, data: Data) -> list[str]:
    """The names in the order of the classes. Raises `InputError`."""
    if path.is_dir() and (path / MAPPING).is_file():
        path = path / MAPPING
    if path.suffix != ".json" or path.is_dir():
        return list(open_corpus(str(path), data).speakers)
    try:
        numbers = msgspec.json.decode(path.read_bytes(), type=_Mapping).speaker2id
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:  # a DecodeError of msgspec is a ValueError
        raise InputError(f'{path}: is no mapping of speakers, {{"speaker2id": {{name: class}}}} ({error})') from None
    if sorted(numbers.values()) != list(range(len(numbers))):
        raise InputError(f"{path}: its classes aren't 0 to {len(numbers) - 1}, each once")
    return sorted(numbers, key=numbers.__getitem__)
