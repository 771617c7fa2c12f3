"""Tables as text, a header and a row a line (CSV, TSV): their columns, and rows that survive broken neighbours."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from msgspec import Struct

from engine.corpus.readers.listing import Listing, writable
from engine.corpus.readers.manifests import all_lines

DELIMITERS = (",", ";", "\t")
LONGEST_RECORD = 20  # lines of a record; a quote that isn't closed by then never is


class Header(Struct, frozen=True):
    """The first line of a table: its columns as they are called in it, and what stands between them."""

    columns: list[str]
    delimiter: str


def headers(line: str) -> list[Header]:
    """What a first line can be understood as, with each delimiter that occurs in it."""
    found = []
    for delimiter in DELIMITERS:
        if delimiter in line:
            try:
                columns = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
            except csv.Error:
                continue
            found.append(Header([column.strip() for column in columns], delimiter))
    return found or [Header([line.strip()], ",")]


def rows(
    path: Path, header: Header, listing: Listing, one_line: Collection[int] = ()
) -> Iterator[tuple[str, list[str]]]:
    """Each row below the first line: where it stands, in words, and one field for each column.

    A record may go over several lines inside quotes. Blank lines are skipped, and rows that can't be told apart into
    fields are problems of the listing: each line is tried as the beginning of a record, so that a quote that is never
    closed spoils its own line alone. So does one that another quote closes lines below, with the rows between them in a
    field of `one_line`, the columns that never go over several. Raises `InputError` when the file can't be read.
    """
    lines = all_lines(path)
    place = 1
    while place < len(lines):
        where = f"{path.name} line {place + 1}"
        following = lines[place : place + LONGEST_RECORD]
        reader = csv.reader(following, delimiter=header.delimiter, skipinitialspace=True, strict=True)
        try:
            fields = [field.strip() for field in next(reader)]
        except csv.Error as error:
            is_open = reader.line_num > 1 or "end of data" in str(error)
            reason = "a quote opens in this line and isn't closed" if is_open else str(error)
            listing.problem("bad line", where, f"can't be told apart into fields ({reason})")
            place += 1
            continue
        while len(fields) > len(header.columns) and not fields[-1]:
            fields.pop()  # some programs end each line with delimiters
        if reader.line_num > 1 and _swallows_rows(fields, header, one_line):
            listing.problem(
                "bad line", where, f"a quote opens here and is closed only in line {place + reader.line_num}"
            )
            place += 1
            continue
        place += reader.line_num
        if not all(map(writable, fields)):
            listing.problem("bad line", where, "is not UTF-8")
        elif any(fields) and len(fields) != len(header.columns):
            detail = f"has {len(fields)} fields, and the header {len(header.columns)}"
            listing.problem("bad line", where, f"{detail}; quotes go around a field with '{header.delimiter}' in it")
        elif any(fields):
            yield where, fields


def _swallows_rows(fields: list[str], header: Header, one_line: Collection[int]) -> bool:
    """Whether a record of several lines is several rows between two quotes that don't belong together."""
    return len(fields) != len(header.columns) or any("\n" in fields[place] for place in one_line)
