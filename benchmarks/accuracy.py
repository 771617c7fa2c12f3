"""How accurate encoders are at equal cost: trains a plan's rows on real speech and prints the tables of results.

    SPK_TUI_CORPORA=... python benchmarks/accuracy.py train [--plan FILE] [--rows NAME ...] [--corpora NAME ...]
    SPK_TUI_CORPORA=... python benchmarks/accuracy.py table [--plan FILE] [--test] [--against ROW]
    SPK_TUI_CORPORA=... python benchmarks/accuracy.py curves [--plan FILE]

Protocol. Each speaker's utterances are split 70/15/15 into training, validation and test. Every row sees the same
number of utterances. The best checkpoint is that of the best validation; choices between rows are made on validation,
and `table --test` looks at the test part. Intervals are a bootstrap over speakers, all seeds of a row pooled; a
difference between two rows draws the same speakers for both.

Every finished run is stored, named by a hash of all that decides it, so both commands go on where they were cut off.
`--store benchmarks/stored` has the results behind docs/results.md, without their checkpoints.
A plan is a TOML file: `utterances` a run sees, and `[[row]]` with `name`, `preset`, `set` (overrides), `seeds`
and `corpora`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import tomli
import torch
from cyclopts import App, Parameter
from msgspec import Struct, field, structs
from numpy.typing import NDArray
from tqdm import tqdm

from engine.corpus.batches import ValidationBatches
from engine.corpus.copies import Copy, pack_copies
from engine.corpus.frame_store import FrameStore
from engine.corpus.packed import PackedCorpus, pack
from engine.corpus.preparing import list_corpus
from engine.corpus.splits import Split, split
from engine.files import cache_folder, write_atomically
from engine.models.speaker_model import SpeakerModel
from engine.preset import Divergence, Identity, Preset
from engine.preset_file import with_overrides
from engine.preset_library import find_preset
from engine.runs import events as e
from engine.runs.directory import RunDirectory
from engine.training.device import resolve
from engine.training.trainer import Trainer
from engine.use.loading import load_best

HELD_OUT, SPLIT_SEED = 0.30, 0  # half of what is held out validates, half tests
SEGMENT = 128  # frames of the segments that every row is scored on
DRAWS = 10_000  # of the bootstrap
PLAN = Path(__file__).with_suffix(".toml")
Counts = NDArray[np.int64]


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a table: a preset, changed or as it is."""

    name: str
    preset: str
    set: tuple[str, ...] = ()
    seeds: int = 1
    corpora: tuple[str, ...] = ("speechocean762", "speechcommands4")


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """What is compared, and how many utterances each run sees."""

    utterances: int
    row: list[Row]
    validations: int = 5  # in a run


class Cell(Struct, frozen=True):
    """One run: a row, a corpus, a seed."""

    row: Row
    corpus: str
    preset: Preset

    @property
    def key(self) -> str:
        """A name for all that decides the result. Keys at their defaults don't count, so a new key changes no name.

        Nor does what a divergence would lead to: here it leads to nothing.
        """
        settings = stated(structs.replace(self.preset, preset=Identity(name="any")))
        del settings["divergence"]
        text = msgspec.json.encode([self.corpus, HELD_OUT, SPLIT_SEED, settings], order="deterministic")
        return hashlib.blake2b(text, digest_size=8).hexdigest()


def stated(settings: Struct) -> dict[str, object]:
    """The keys of a section, or of the sections of a preset, that differ from their defaults, and its kind."""
    found: dict[str, object] = {"kind": type(settings).__name__}
    for item in structs.fields(settings):
        value = getattr(settings, item.name)
        if isinstance(value, Struct):
            found[item.name] = stated(value)
        elif item.required or value != item.default:
            found[item.name] = value
    return found


class Tally(Struct, frozen=True):
    """How many of each speaker's utterances were told right, by segment and as a whole: one number a speaker."""

    segment: list[int]
    utterance: list[int]
    of: list[int]


class Result(Struct, frozen=True):
    """What is stored of a finished run."""

    name: str
    corpus: str
    seed: int
    steps: int
    batch_size: int
    encoder_parameters: int
    other_parameters: int  # front end, pooling and head without the classifier
    best_step: int
    steps_per_second: float  # median
    device: str
    curve: list[tuple[int, float, float]]  # step, segment accuracy, utterance accuracy on the validation part
    losses: list[tuple[int, float]] = field(default_factory=list)  # step, training loss
    validation: Tally | None = None
    test: Tally | None = None


class Store:
    """Results and best checkpoints in a folder, by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"

    def result(self, cell: Cell) -> Result | None:
        """The stored result, if the run is finished."""
        try:
            return msgspec.json.decode(self._path(cell).read_bytes(), type=Result)
        except FileNotFoundError:
            return None

    def keep(self, cell: Cell, result: Result) -> None:
        """Stores a result, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path(cell), msgspec.json.encode(result))

    def run(self, cell: Cell) -> RunDirectory:
        """Where the run's checkpoints lie."""
        directory = RunDirectory(self.runs / cell.key)
        directory.best_path.parent.mkdir(parents=True, exist_ok=True)
        return directory

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.key}.json"


app = App(help=__doc__)
Rows = Annotated[tuple[str, ...], Parameter(consume_multiple=True, help="rows, by name; all when none is given")]
Corpora = Annotated[tuple[str, ...], Parameter(consume_multiple=True, help="corpora, by name; all when none is given")]
StoreOption = Annotated[Path | None, Parameter(help="where results are stored; the cache folder when not given")]


@app.command
def train(
    *, corpora_root: Annotated[Path, Parameter(env_var="SPK_TUI_CORPORA")], plan: Path = PLAN, rows: Rows = (),
    corpora: Corpora = (), store: StoreOption = None, threads: int = 1,
) -> None:  # fmt: skip
    """Trains what isn't stored yet: the first seed of every row first, then the further seeds."""
    kept = Store(store or cache_folder() / "accuracy")
    todo = [cell for cell in cells(read_plan(plan), rows, corpora, threads) if kept.result(cell) is None]
    for place, cell in enumerate(todo):
        print(f"{place + 1}/{len(todo)} {cell.row.name}, {cell.corpus}, seed {cell.preset.run.seed}", file=sys.stderr)
        result = train_cell(cell, corpora_root, kept)
        kept.keep(cell, result)
        step, segment, utterance = max(result.curve, key=lambda point: point[1])
        print(
            f"{cell.row.name} {cell.corpus} seed {result.seed}: {segment:.4f} / {utterance:.4f} at {step}", flush=True
        )


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file."""
    return msgspec.convert(tomli.loads(path.read_text(encoding="utf-8")), Plan)


def cells(plan: Plan, rows: tuple[str, ...], corpora: tuple[str, ...], threads: int) -> list[Cell]:
    """All runs of a plan, the first seeds first."""
    found = []
    for seed in range(max(row.seeds for row in plan.row)):
        for row in plan.row:
            if seed < row.seeds and (not rows or row.name in rows):
                found += [
                    Cell(row, name, preset_of(row, plan, seed, threads))
                    for name in row.corpora
                    if not corpora or name in corpora
                ]
    return found


def preset_of(row: Row, plan: Plan, seed: int, threads: int) -> Preset:
    """The row's preset for one seed: as many steps as make up the plan's utterances."""
    preset = find_preset(row.preset, row.set)
    steps = round(plan.utterances / preset.segments.batch_size)
    settings = [f"run.steps={steps}", f"run.seed={seed}", f"run.threads={threads}", "run.device=cpu"]
    return with_overrides(preset, [*settings, f"validation.every={max(1, steps // plan.validations)}"])


def parts_of(packed: PackedCorpus) -> tuple[Split, NDArray[np.int64]]:
    """Training and validation, and the test part: 70/15/15 of each speaker's utterances."""
    first = split(packed.ids, packed.speakers_of, HELD_OUT, SPLIT_SEED, way="utterances")
    held_out = first.validation
    ids = [packed.ids[place] for place in held_out]
    second = split(ids, packed.speakers_of[held_out], 0.5, SPLIT_SEED + 1, way="utterances")
    return Split(first.train, held_out[second.train]), held_out[second.validation]


def train_cell(cell: Cell, corpora_root: Path, store: Store) -> Result:
    """Trains one run to its end and scores its best checkpoint on the validation part."""
    packed, copies = prepared(cell, corpora_root)
    parts, _ = parts_of(packed)
    run = store.run(cell)
    preset = structs.replace(cell.preset, divergence=Divergence(policy="warn"))  # a row is what it says, well or badly
    trainer = Trainer(preset, packed, parts, run, resolve(preset.run), copies=copies)
    curve: list[tuple[int, float, float]] = []
    losses: list[tuple[int, float]] = []
    rates: list[float] = []
    best_step = 0
    with tqdm(total=cell.preset.run.steps, unit="step", dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
        for event in trainer:
            if isinstance(event, e.Progress):
                bar.update(event.step - bar.n)
                losses.append((event.step, round(event.loss, 4)))
                rates.append(event.steps_per_second)
            elif isinstance(event, e.Validated):
                curve.append((event.step, event.segment_accuracy, event.utterance_accuracy))
                bar.set_postfix_str(f"{event.segment_accuracy:.4f} / {event.utterance_accuracy:.4f}")
            elif isinstance(event, e.Checkpoint) and event.kind == "best":
                best_step = event.step
    model = trainer.model
    return Result(
        name=cell.row.name,
        corpus=cell.corpus,
        seed=cell.preset.run.seed,
        steps=cell.preset.run.steps,
        batch_size=cell.preset.segments.batch_size,
        encoder_parameters=parameters(model.encoder),
        other_parameters=parameters(model) - parameters(model.encoder) - classifier_parameters(cell.preset, model),
        best_step=best_step,
        steps_per_second=float(np.median(rates)),
        device=f"{trainer.resolved.name}, {trainer.resolved.precision}",
        curve=curve,
        losses=losses[:: max(1, len(losses) // 300)],
        validation=score(run, packed, parts.validation, cell.preset) if best_step else None,
    )


def prepared(cell: Cell, corpora_root: Path) -> tuple[PackedCorpus, list[Copy]]:
    """The corpus's frames, and the changed copies of its training part that the preset asks for."""
    corpus = list_corpus(str(corpora_root / cell.corpus), data=cell.preset.data)
    packed = pack(corpus, cell.preset.features)
    return packed, pack_copies(corpus, packed, parts_of(packed)[0].train, cell.preset.augment)


def parameters(module: torch.nn.Module) -> int:
    """Parameters, each counted once."""
    return sum(parameter.numel() for parameter in module.parameters())


def classifier_parameters(preset: Preset, model: SpeakerModel) -> int:
    """Those that grow with the number of speakers."""
    with torch.device("meta"):
        more, fewer = (parameters(SpeakerModel(preset, speakers).head) for speakers in (3, 2))
        return parameters(model.head) - (fewer - 2 * (more - fewer))


def score(run: RunDirectory, packed: PackedCorpus, utterances: NDArray[np.int64], preset: Preset) -> Tally:
    """What the run's best checkpoint tells right, by speaker."""
    model, _ = load_best(run.best_path)
    segments = structs.replace(preset.segments, frames=SEGMENT, shortest=0)  # whatever length a row was trained with
    store = FrameStore(packed, torch.device("cpu"), segments)
    batches = ValidationBatches(store, packed, utterances, segments, preset.validation.seed)
    speakers = len(packed.speakers)
    right = {}
    with torch.inference_mode():
        for way, source in (("segment", batches.segment_batches()), ("utterance", batches.utterance_batches())):
            right[way] = np.zeros(speakers, np.int64)
            for batch in source:
                told = model(batch.frames, batch.mask).argmax(dim=1)
                own = batch.speakers[told == batch.speakers]
                right[way] += np.bincount(own.numpy(), minlength=speakers)
    of = np.bincount(packed.speakers_of[utterances], minlength=speakers)
    return Tally(right["segment"].tolist(), right["utterance"].tolist(), of.tolist())


# --------------------------------------------------------------------------------------------------------- the tables


@app.command
def table(
    *, corpora_root: Annotated[Path, Parameter(env_var="SPK_TUI_CORPORA")], plan: Path = PLAN, rows: Rows = (),
    corpora: Corpora = (), store: StoreOption = None, threads: int = 1, test: bool = False, against: str = "",
) -> None:  # fmt: skip
    """Prints what is stored, one line a row; empty cells are runs that haven't finished.

    test: the test part instead of the validation part. against: a row whose paired difference to each other is shown.
    """
    kept = Store(store or cache_folder() / "accuracy")
    found: dict[tuple[str, str], list[Result]] = {}
    for cell, result in finished(plan, rows, corpora, kept, threads):
        if test and result.test is None:
            result = tested(cell, result, corpora_root, kept)
        found.setdefault((cell.row.name, cell.corpus), []).append(result)
    names = list(dict.fromkeys(name for name, _ in found))
    columns = list(dict.fromkeys(corpus for _, corpus in found))
    print_table(names, columns, found, "test" if test else "validation", against)


@app.command
def curves(
    *, plan: Path = PLAN, rows: Rows = (), corpora: Corpora = (), store: StoreOption = None, threads: int = 1
) -> None:
    """Prints segment accuracies on the validation part over the utterances seen, the mean of a row's seeds."""
    kept = Store(store or cache_folder() / "accuracy")
    found: dict[tuple[str, str], list[Result]] = {}
    for cell, result in finished(plan, rows, corpora, kept, threads):
        found.setdefault((cell.corpus, cell.row.name), []).append(result)
    for corpus in dict.fromkeys(corpus for corpus, _ in found):
        lines = {name: results for (of, name), results in found.items() if of == corpus}
        seen = [step * results[0].batch_size for results in lines.values() for step, _, _ in results[0].curve]
        heads = sorted(set(seen))
        print(f"\n| {corpus} | " + " | ".join(f"{utterances:,}" for utterances in heads) + " |")
        print("|---" * (len(heads) + 1) + "|")
        for name, results in lines.items():
            means = np.mean([[accuracy for _, accuracy, _ in result.curve] for result in results], axis=0)
            at = {point[0] * results[0].batch_size: mean for point, mean in zip(results[0].curve, means, strict=True)}
            print(f"| {name} | " + " | ".join(f"{100 * at[one]:.1f}" if one in at else "" for one in heads) + " |")


def finished(
    plan: Path, rows: tuple[str, ...], corpora: tuple[str, ...], store: Store, threads: int
) -> Iterator[tuple[Cell, Result]]:
    """What is stored of a plan, its rows in their order."""
    read = read_plan(plan)
    order = {row.name: place for place, row in enumerate(read.row)}
    for cell in sorted(cells(read, rows, corpora, threads), key=lambda cell: order[cell.row.name]):
        result = store.result(cell)
        if result is not None:
            yield cell, result


def tested(cell: Cell, result: Result, corpora_root: Path, store: Store) -> Result:
    """The result with the test part looked at, and stored so."""
    packed, _ = prepared(cell, corpora_root)
    result = structs.replace(result, test=score(store.run(cell), packed, parts_of(packed)[1], cell.preset))
    store.keep(cell, result)
    return result


def print_table(
    names: list[str], corpora: list[str], found: dict[tuple[str, str], list[Result]], part: str, against: str
) -> None:
    """The Markdown table: accuracies in percent with their 95 % intervals."""
    heads = ["row", "encoder", "with pooling and head", "batch"]
    for corpus in corpora:
        heads += [f"{corpus}: segment", "utterance", "seeds"]
        if against:
            heads.append(f"{against} minus this: segment, utterance")
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for name in names:
        some = next((found[name, corpus][0] for corpus in corpora if (name, corpus) in found), None)
        if some is None:
            continue
        cellsof = [name, f"{some.encoder_parameters:,}"]
        cellsof += [f"{some.encoder_parameters + some.other_parameters:,}", str(some.batch_size)]
        for corpus in corpora:
            cellsof += corpus_columns(found, name, corpus, part, against)
        print("| " + " | ".join(cellsof) + " |")


def corpus_columns(
    found: dict[tuple[str, str], list[Result]], name: str, corpus: str, part: str, against: str
) -> list[str]:
    """A row's columns for one corpus."""
    results = found.get((name, corpus))
    if not results:
        return [""] * (4 if against else 3)
    columns = []
    for way in ("segment", "utterance"):
        right, of = counts(results, part, way)
        low, high = interval(right / len(results), of)
        columns.append(f"{100 * right.sum() / (of.sum() * len(results)):.1f} ({100 * low:.1f}–{100 * high:.1f})")
    columns.append(str(len(results)))
    if against:
        columns.append("" if name == against else differences(found, name, corpus, part, against))
    return columns


def differences(found: dict[tuple[str, str], list[Result]], name: str, corpus: str, part: str, against: str) -> str:
    """How much better the row `against` is, in points, with the paired interval, by segment and by utterance."""
    if (against, corpus) not in found:
        return ""
    words = []
    for way in ("segment", "utterance"):
        (right, of), (better, _) = (counts(found[key, corpus], part, way) for key in (name, against))
        difference = better / len(found[against, corpus]) - right / len(found[name, corpus])
        low, high = interval(difference, of)
        words.append(f"{100 * difference.sum() / of.sum():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})")
    return ", ".join(words)


def counts(results: list[Result], part: str, way: str) -> tuple[NDArray[np.float64], Counts]:
    """Right answers of all seeds together, and utterances, by speaker."""
    tallies = [getattr(result, part) for result in results]
    right = np.sum([getattr(tally, way) for tally in tallies], axis=0).astype(np.float64)
    return right, np.array(tallies[0].of)


def interval(right: NDArray[np.float64], of: Counts, seed: int = 0) -> tuple[float, float]:
    """95 % of the bootstrap over speakers: those drawn, with repetition, count with all their utterances.

    right: (speakers,) right answers, or differences of such; of: (speakers,) utterances.
    """
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(of), np.full(len(of), 1 / len(of)), size=DRAWS)  # (draws, speakers)
    low, high = np.quantile((drawn @ right) / (drawn @ of), [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    app()
