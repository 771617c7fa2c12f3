"""A sweep: several values for some keys of a preset make a run for each combination, all checked before any starts.

`key=value,value` is read here; what a value may be is `preset_file.py`'s business, and starting the runs the client's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct, structs

from engine.cost import Cost
from engine.errors import InputError, nearest_spelling
from engine.preset import Preset
from engine.preset_file import SECTIONS, PresetError, allowed, help_of, keys_of, to_toml, with_overrides
from engine.runs import client
from engine.runs.directory import Labels, RunDirectory, list_runs

MOST_VARIANTS = 200
"""Each is a process that waits, some 25 MB of memory."""
TAG = "sweep-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Variant(Struct, frozen=True):
    """One combination: the keys that vary with their values as they were written, and the preset that they make."""

    values: dict[str, str]
    preset: Preset

    @property
    def words(self) -> str:
        """The values in a line, such as "encoder.ffn=100 run.seed=2"."""
        return " ".join(f"{key}={value}" for key, value in self.values.items())


def split_values(text: str) -> list[str]:
    """The values between commas; commas within brackets, braces or quotes belong to a value.

    "100, 250" are two values, "[0.9, 1.1], [1.0]" two lists, and '"a,b"' is one text.
    """
    values, begin, depth, quote = [], 0, 0, ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth <= 0:
            values.append(text[begin:place].strip())
            begin = place + 1
    return [*values, text[begin:].strip()]


def variants_of(preset: Preset, settings: Sequence[str], seeds: str = "") -> list[Variant]:
    """Every combination of "key=value,value" settings, the last key varying fastest, and of seeds within each.

    A key with one value is the same in all. Raises `InputError` that tells of every combination that can't be.
    """
    keys = _read([*settings, *([f"run.seed={seeds}"] if seeds.strip() else [])])
    if not keys:
        raise InputError("nothing varies yet: encoder.ffn=100,250,500 would make three variants")
    number = 1
    for values in keys.values():
        number *= len(values)
    if number > MOST_VARIANTS:
        raise InputError(f"these are {number} variants; a sweep has at most {MOST_VARIANTS}, so leave out some values")
    found, problems = [], dict[str, int]()
    for combination in itertools.product(*keys.values()):
        chosen = dict(zip(keys, combination, strict=True))
        varied = {key: value for key, value in chosen.items() if len(keys[key]) > 1}
        try:
            made = with_overrides(preset, [f"{key}={value}" for key, value in chosen.items()])
            found.append(Variant(varied, made))
        except PresetError as error:
            for problem in error.problems:
                problems[problem] = problems.get(problem, 0) + 1
    if problems:
        raise InputError("\n".join(_in_words(problem, times, number) for problem, times in problems.items()))
    return found


def key_help(preset: Preset, key: str) -> str:
    """What a key of the preset means and takes, in a sentence; the keys that there are for one that is half typed."""
    section, _, name = key.partition(".")
    if section not in SECTIONS:
        return ", ".join(known for known in SECTIONS if known.startswith(section))
    known = keys_of(section, getattr(preset, section).__struct_config__.tag)
    if name in known:
        item = known[name]
        return f"{help_of(item)}: {allowed(item.type)}" if help_of(item) else allowed(item.type)
    return ", ".join(f"{section}.{each}" for each in known if each.startswith(name))


def counted(
    variants: Sequence[Variant], count: Callable[[Preset], Cost], known: dict[str, Cost] | None = None
) -> list[Cost]:
    """What each variant costs; those that differ in their seed or learning rate alone are counted once.

    known: what was counted before, which is added to. Raises `InputError` that tells of every variant that can't be
    counted.
    """
    known = {} if known is None else known
    costs, problems = [], []
    for variant in variants:
        same = to_toml(with_overrides(variant.preset, ["run.seed=0", "optimizer.learning_rate=1e-3"]))
        try:
            if same not in known:
                known[same] = count(variant.preset)
            costs.append(known[same])
        except InputError as error:
            problems.append(f"{variant.words}: {error}" if variant.words else str(error))
    if problems:
        raise InputError("\n".join(problems))
    return costs


def check_name(name: str, parent: Path | None) -> None:
    """Refuses a name that can't be a tag, or that another sweep of the folder has. Raises `InputError`."""
    if not _NAME.fullmatch(name):
        raise InputError(f"'{name}' can't be a sweep's name; take letters, digits, dots and hyphens")
    if name in sweeps(parent):
        raise InputError(f"there is a sweep '{name}' already ('spk-tui sweep --show {name}'); give another name")


def queue_sweep(
    variants: Sequence[Variant], costs: Sequence[Cost], corpus: str, name: str, parent: Path | None
) -> list[RunDirectory]:
    """Puts every variant in line, with the sweep as its tag and its values as its name. Raises `InputError`."""
    runs: list[RunDirectory] = []
    for variant, cost in zip(variants, costs, strict=True):
        identity = structs.replace(variant.preset.preset, encoder_parameters=cost.encoder)
        try:
            run = client.start_run(structs.replace(variant.preset, preset=identity), corpus, parent, queued=True)
        except InputError as error:
            if not runs:
                raise
            waiting = f"the first {len(runs)} of {len(variants)} variants wait in the queue"
            raise InputError(f"{error}\n{waiting}: 'spk-tui sweep --show {name}'") from None
        run.write_labels(Labels(name=variant.words, tags=[f"{TAG}{name}"]))
        runs.append(run)
    return runs


def sweeps(parent: Path | None) -> dict[str, list[RunDirectory]]:
    """The runs of each sweep by its name, in the order in which they were begun."""
    found: dict[str, list[RunDirectory]] = {}
    for run in sorted(list_runs(parent), key=_birth):
        for tag in run.labels().tags:
            if tag.startswith(TAG):
                found.setdefault(tag.removeprefix(TAG), []).append(run)
    return found


def find_sweep(name: str, parent: Path | None) -> list[RunDirectory]:
    """The runs of a sweep. Raises `InputError` when there is none of that name."""
    known = sweeps(parent)
    if name not in known:
        others = f" (there are: {', '.join(known)})" if known else ""
        raise InputError(f"there is no sweep '{name}'{nearest_spelling(name, known)}{others}")
    return known[name]


def _birth(run: RunDirectory) -> float:
    try:
        return run.info().created
    except InputError:
        return 0.0


def _read(settings: Sequence[str]) -> dict[str, list[str]]:
    """The values by key. Raises `InputError`."""
    keys: dict[str, list[str]] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        key, values = key.strip(), split_values(text)
        if not (equals and key):
            raise InputError(f"'{setting.strip()}' is not of the form key=value,value, such as encoder.ffn=100,250,500")
        if key in keys:
            again = "; --seeds gives them too" if key == "run.seed" else ""
            raise InputError(f"{key} is given twice; put all its values behind one another{again}")
        if "" in values:
            raise InputError(f"{key} has an empty value; between two commas there has to be one")
        doubled = next((value for value in values if values.count(value) > 1), None)
        if doubled is not None:
            raise InputError(f"{key} has the value {doubled} twice")
        keys[key] = values
    return keys


def _in_words(problem: str, times: int, number: int) -> str:
    return problem if times == number else f"{problem} (in {times} of {number} variants)"
