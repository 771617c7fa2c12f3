"""Trials of verification: pairs of recordings, and whether one speaker is heard in both. Read from a list, or drawn.

Which recordings the names of a list mean says `trial_recordings.py`; what trials come to says `verifying.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError, shown

MOST_TRIALS = 20_000_000
"""What a gigabyte or two of memory has room for."""
MOST_TOLD = 5  # bad lines of a list that are told one by one

Indexes = NDArray[np.int64]


class Trials(NamedTuple):
    """first, second: (trials,), places of recordings; same: (trials,), whether both are of one speaker."""

    first: Indexes
    second: Indexes
    same: NDArray[np.bool_]


class TrialList(NamedTuple):
    """A list as it stands in a file: each recording's name once, the line where it comes first, and the trials."""

    names: list[str]
    lines: list[int]
    trials: Trials


def read_trials(path: Path) -> TrialList:
    """A list as VoxCeleb has it, "1 id10270/a/00001.wav id10270/b/00002.wav" a line, 0 for two speakers.

    Names with spaces in them need tabs between the columns. Raises `InputError` with the numbers of the bad lines.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InputError(f"{path}: can't be read as a list of trials ({why})") from None
    places: dict[str, int] = {}
    lines, pairs, bad = list[int](), list[tuple[int, int, bool]](), list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")] if "\t" in line else line.split()
        if wrong := _wrong(columns):
            bad.append(f"  line {number}: {wrong}: {shown(line.strip())}")
            continue
        for name in columns[1:]:
            if name not in places:
                places[name] = len(places)
                lines.append(number)
        pairs.append((places[columns[1]], places[columns[2]], columns[0] == "1"))
    if bad or not pairs:
        raise InputError(_refusal(path, bad))
    first, second, same = np.array(pairs, np.int64).T
    return TrialList(list(places), lines, Trials(first, second, same.astype(bool)))


def all_pairs(speakers_of: Indexes) -> Trials:
    """Every pair of recordings once; speakers_of: (recordings,). Raises `InputError` where that is too many."""
    number = len(speakers_of)
    if number * (number - 1) // 2 > MOST_TRIALS:
        raise InputError(
            f"{number:,} recordings make {number * (number - 1) // 2:,} pairs, more than {MOST_TRIALS:,}; draw some"
            " with --trials-per-speaker N"
        )
    first, second = np.triu_indices(number, k=1)
    return Trials(first, second, speakers_of[first] == speakers_of[second])


def draw_trials(speakers_of: Indexes, each: int, seed: int) -> Trials:
    """For each speaker `each` pairs of own recordings, and as many of one with somebody else's; no pair comes twice.

    speakers_of: (recordings,). Who has fewer pairs gives all of them, and again as many different ones, so that
    both kinds come to about the same number. A function of its arguments.
    """
    random = np.random.default_rng(seed)
    everybody = np.arange(len(speakers_of))
    same, different = [], []
    for speaker in np.unique(speakers_of):
        mine = everybody[speakers_of == speaker]
        others = everybody[speakers_of != speaker]
        pairs = len(mine) * (len(mine) - 1) // 2
        drawn = np.sort(random.choice(pairs, min(each, pairs), replace=False))
        same.append(mine[np.stack(_pair_of(drawn))])
        number = min(len(drawn), len(mine) * len(others))
        drawn = np.sort(random.choice(len(mine) * len(others), number, replace=False))
        place, other = np.divmod(drawn, max(1, len(others)))
        different.append(np.sort(np.stack([mine[place], others[other]]), axis=0))
    one, two = np.concatenate(same, axis=1), np.unique(np.concatenate(different, axis=1), axis=1)  # (2, trials)
    first, second = np.concatenate([one, two], axis=1)
    return Trials(first, second, np.arange(len(first)) < one.shape[1])


def _pair_of(number: Indexes) -> tuple[Indexes, Indexes]:
    """The places of the pair of that number, in the order (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    higher = ((1 + np.sqrt(1 + 8 * number)) // 2).astype(np.int64)
    return number - higher * (higher - 1) // 2, higher


def _wrong(columns: list[str]) -> str:
    if len(columns) != 3 or not all(columns):
        return "needs 1 or 0 and two recordings"
    if columns[0] not in ("0", "1"):
        return "begins with neither 1 (one speaker) nor 0 (two)"
    return "names one recording twice" if columns[1] == columns[2] else ""


def _refusal(path: Path, bad: list[str]) -> str:
    if not bad:
        return f"{path}: holds no trials; a line is such as '1 id10270/a/00001.wav id10270/b/00002.wav'"
    more = [f"  and {len(bad) - MOST_TOLD:,} more"] if len(bad) > MOST_TOLD else []
    lines = "1 line is" if len(bad) == 1 else f"{len(bad):,} lines are"
    return "\n".join([f"{path}: {lines} no trial:", *bad[:MOST_TOLD], *more])
